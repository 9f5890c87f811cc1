"""Pictures of every page of the panel, with example data, drawn without a display.

    python scripts/pictures.py FOLDER [--themes light,dark] [--sizes 1080x680,820x560] [--scale 2] [--language de]
                                      [--scenes overview,models,...]

``SCENE-THEME-WIDTHxHEIGHT.png`` each, and ``tray.png`` with the icons of the tray: to look at them before a release,
and for the documentation. Needs the packages of the tests.
"""

import argparse
import json
import math
import os
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

if TYPE_CHECKING:
    from PySide6.QtGui import QImage
    from PySide6.QtWidgets import QWidget

    from dmr_desktop.desktop.theme import Theme
    from dmr_desktop.protocol.notices import TelemetrySample

GIB, MIB = 1024**3, 1024**2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--themes", default="light,dark")
    parser.add_argument("--sizes", default="1080x680,820x560")
    parser.add_argument("--scale", default="1")
    parser.add_argument("--language", default="en")
    parser.add_argument("--scenes", default="")
    options = parser.parse_args()
    os.environ["QT_SCALE_FACTOR"] = options.scale
    options.folder.mkdir(parents=True, exist_ok=True)

    from PySide6.QtWidgets import QApplication

    from dmr_desktop.desktop.icons import app_icon
    from dmr_desktop.desktop.language import install_language

    app = QApplication(["dmr-desktop"])
    app.setWindowIcon(app_icon())
    install_language(app, options.language)
    with tempfile.TemporaryDirectory(prefix="dmr") as home:
        for name in ("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"):
            os.environ[name] = home
        studio = Studio(Path(home))
        wanted = options.scenes.split(",") if options.scenes else list(SCENES)
        for theme in options.themes.split(","):
            studio.theme.choose(theme)
            for size in options.sizes.split(","):
                width, height = (int(part) for part in size.split("x"))
                for scene in wanted:
                    studio.shoot(scene, width, height, options.folder / f"{scene}-{theme}-{size}.png")
        studio.close()
    if not options.scenes:
        tray_sheet().save(str(options.folder / "tray.png"))


class Studio:
    """The panel with a fake service behind it."""

    def __init__(self, home: Path, theme: "Theme | None" = None, patience: float = 1.0) -> None:
        """``patience``: how long to wait for things to settle, relative to what is always enough."""
        from PySide6.QtCore import QObject
        from PySide6.QtWidgets import QApplication

        from dmr_desktop.desktop.api import ServiceApi
        from dmr_desktop.desktop.commands import Commands
        from dmr_desktop.desktop.event_stream import EventStream
        from dmr_desktop.desktop.link import ServiceLink
        from dmr_desktop.desktop.menu import TrayMenu
        from dmr_desktop.desktop.panel.window import PanelWindow
        from dmr_desktop.desktop.preferences import Preferences
        from dmr_desktop.desktop.pulls import Pulls
        from dmr_desktop.desktop.sources import Sources
        from dmr_desktop.desktop.theme import Theme
        from dmr_desktop.desktop.transport import Transport
        from tests.fakes.desktop_parts import FakeLauncher
        from tests.fakes.fake_service import FakeService

        app = QApplication.instance()
        assert isinstance(app, QApplication)
        self.root = QObject()
        self.theme = theme or Theme(app, "light")
        self.patience = patience
        self.service = FakeService(home / "dmr.sock").start()
        play(self.service)

        def transport() -> Transport:
            return Transport(self.service.socket_path, self.root)

        self.link = ServiceLink(EventStream(transport(), self.root), FakeLauncher(self.service), self.root)
        self.commands = Commands(
            self.link, ServiceApi(transport(), self.root), Pulls(transport(), self.root), self.root
        )
        self.preferences = Preferences(home)
        self.sources = Sources.of(self.service.socket_path, self.root)
        self.menu = TrayMenu(self.commands, self.theme, self.preferences)
        self.panel = PanelWindow(self.commands, self.theme, self.menu, self.sources, self.preferences)
        self.link.changed.connect(self.panel.render_state)
        self.link.changed.connect(self.menu.render_state)
        self.commands.problem.connect(self.panel.show_problem)
        self._changes = 0
        self.link.changed.connect(self._count)
        self.link.join()

    def _count(self) -> None:
        self._changes += 1

    def wait(self, condition: Callable[[], object], seconds: float = 10.0) -> None:
        from PySide6.QtWidgets import QApplication

        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                raise TimeoutError
            QApplication.processEvents()
            time.sleep(0.005)

    def settle(self, seconds: float = 0.25) -> None:
        """Until all is laid out and painted, also on a machine that is busy."""
        from PySide6.QtCore import QEvent
        from PySide6.QtWidgets import QApplication

        end = time.monotonic() + seconds * self.patience
        self.wait(lambda: time.monotonic() > end)
        for _ in range(10):
            QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
            QApplication.processEvents()

    def show(self, **changes: object) -> None:
        """The service as it is in the scene."""
        from tests.fakes.fake_service import empty_snapshot

        snapshot = replace(empty_snapshot(self.service.socket_path), **changes)  # type: ignore[arg-type]
        before = self._changes
        self.service.emit("snapshot", replace(snapshot, models_path="/home/me/.docker/models"))
        self.wait(lambda: self._changes > before)
        self.settle(0.15)

    def shoot(self, scene: str, width: int, height: int, path: Path) -> None:
        self.play(scene, width, height).grab().save(str(path))
        self.clear()
        print(path, flush=True)

    def play(self, scene: str, width: int, height: int) -> "QWidget":
        """Sets a scene; the widget to look at: the dialog or menu that it opened, or the panel."""
        from PySide6.QtWidgets import QApplication, QDialog, QMenu

        self.wait(lambda: self.service.num_listeners == 1)
        self.panel.banner.hide()
        self.panel.news.hide()
        self.panel.resize(width, height)
        self.panel.open_page("overview")
        SCENES[scene](self)
        self.settle()
        above = [widget for widget in QApplication.topLevelWidgets() if isinstance(widget, QDialog | QMenu)]
        return next((widget for widget in above if widget.isVisible()), self.panel)

    def clear(self) -> None:
        """Undoes what a scene leaves behind."""
        from PySide6.QtWidgets import QApplication, QDialog, QMenu

        for widget in QApplication.topLevelWidgets():
            if isinstance(widget, QDialog | QMenu):
                widget.close()
        for model in self.commands.deletions.waiting:
            self.commands.deletions.undo(model.id)
        self.commands.pulls.cancel_all()
        self.panel.models.field.clear()
        self.panel.chat.options_button.setChecked(False)
        self.panel.requests.tabs.setCurrentIndex(0)
        self.panel.integrations.programs.setCurrentRow(0)
        self.panel.settings.verticalScrollBar().setValue(0)
        self.panel.say_tray(True)
        self.settle(0.05)

    def close(self) -> None:
        self.link.close()
        self.sources.close()
        self.commands.pulls.cancel_all()
        self.service.crash()


def play(service: "object") -> None:
    """What the fake service answers."""
    from tests.fakes.fake_service import FakeService

    assert isinstance(service, FakeService)
    question = {
        "model": "ai/qwen3:8B-Q4_K_M",
        "messages": [{"role": "user", "content": "Name three things that llamas are good at."}],
        "temperature": 0.7,
    }
    answer = {
        "id": "chatcmpl-7",
        "object": "chat.completion",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "Carrying, guarding sheep, and wool."}}],
        "usage": {"prompt_tokens": 17, "completion_tokens": 41, "total_tokens": 58},
    }
    records = [
        {
            "request_id": f"r{number}",
            "url": "/engines/v1/chat/completions",
            "request": json.dumps(question),
            "response": json.dumps(answer),
            "user_agent": "n8n",
        }
        for number in range(8)
    ]
    service.answer("GET", "/engines/requests", 200, [{"records": records}])
    service.answer("GET", "/logs?follow=true", 200, LOG)
    for reference in (str(tag) for model in models() for tag in model["tags"]):  # type: ignore[attr-defined]
        estimate = {
            "total_bytes": 6 * GIB,
            "available_bytes": 19 * GIB,
            "fits": True,
            "max_context_that_fits": 98304,
        }
        service.answer("GET", f"/models/{reference}/fit", 200, estimate)
    remote = {"total_bytes": int(9.2 * GIB), "available_bytes": 19 * GIB, "fits": True, "context_size": 40960}
    config = {"parameters": "14.77 B", "quantization": "Q4_K_M", "size": "8.37 GiB"}
    service.answer("GET", "/models/ai/qwen3:14B-Q4_K_M/fit?remote=true", 200, remote | {"config": config})
    service.answer("POST", "/engines/v1/chat/completions", 200, chat_answer())
    service.answer("GET", "/settings", 200, {"network_addresses": ["192.168.1.20", "fd12:3456:789a::20"]})


def chat_answer() -> bytes:
    pieces = [{"choices": [{"index": 0, "delta": {"content": REPLY[at : at + 40]}}]} for at in range(0, len(REPLY), 40)]
    usage = {"choices": [], "usage": {"completion_tokens": 148}, "timings": {"predicted_per_second": 41.7}}
    lines = [f"data: {json.dumps(piece)}\n\n" for piece in [*pieces, usage]]
    return ("".join(lines) + "data: [DONE]\n\n").encode()


REPLY = """Sort by the **last name**, then by the first:

```python
people.sort(key=lambda person: (person.last, person.first))
```

1. `sort` is stable, so equal names keep their order.
2. Use `sorted(people, key=...)` if you need a new list.
"""
_ENGINE = "[inference.model.ai/qwen3]"
LOG = "\n".join(
    (
        "[2026-11-30T09:12:01.104000000Z] ready on /run/user/1000/dmr-desktop/dmr.sock",
        "[2026-11-30T09:12:01.240000000Z] TCP is open on 127.0.0.1:12434",
        "[2026-11-30T09:12:09.733000000Z] loading ai/qwen3:8B-Q4_K_M: 16384 tokens of context, 5.4 GiB",
        f"[2026-11-30T09:12:09.951000000Z] {_ENGINE} llama_model_loader: loaded meta data with 28 key-value pairs",
        f"[2026-11-30T09:12:10.317000000Z] {_ENGINE} load_tensors: offloaded 37/37 layers to GPU",
        "[2026-11-30T09:12:12.870000000Z] ai/qwen3:8B-Q4_K_M is ready after 3.1 s",
        "[2026-11-30T09:13:20.002000000Z] WARNING: refused a request of https://example.com",
        "[2026-11-30T09:13:41.588000000Z] ERROR: ai/gemma3:4B-Q4_K_M: the connection was cut",
        "[2026-11-30T09:13:42.101000000Z] ai/gemma3:4B-Q4_K_M goes on at 1.1 of 2.5 GiB",
        "",
    )
)


# ---- example data -----------------------------------------------------------------------------


def models() -> tuple[dict[str, object], ...]:
    def model(
        letter: str, tag: str, size: float, parameters: str, quantization: str, architecture: str, context: int
    ) -> dict[str, object]:
        return {
            "id": "sha256:" + letter * 64,
            "tags": [tag],
            "size_bytes": int(size),
            "created": int(time.time()) - 86400,
            "config": {
                "parameters": parameters,
                "quantization": quantization,
                "architecture": architecture,
                "context_size": context,
            },
        }

    return (
        model("a", "docker.io/ai/smollm2:latest", 256 * MIB, "361.82 M", "IQ2_XXS/Q4_K_M", "llama", 8192),
        model("b", "docker.io/ai/qwen3:8B-Q4_K_M", 4.68 * GIB, "8.19 B", "Q4_K_M", "qwen3", 40960),
        model("c", "docker.io/ai/llama3.2:1B-Q8_0", 1.22 * GIB, "1.24 B", "Q8_0", "llama", 131072),
        model("d", "docker.io/ai/gpt-oss:20B", 11.3 * GIB, "20.91 B", "MXFP4", "gpt-oss", 131072),
        model("e", "docker.io/ai/nomic-embed-text-v1.5:latest", 260 * MIB, "136.73 M", "F16", "nomic-bert", 2048),
        model("f", "hf.co/bartowski/Llama-3.2-3B-Instruct-GGUF:Q4_K_M", 1.9 * GIB, "3.21 B", "Q4_K_M", "llama", 131072),
    )  # fmt: skip


def runners() -> tuple[object, ...]:
    from dmr_desktop.protocol.runners import Mode, RunnerFacts, RunnerState, RunnerStatus

    facts = RunnerFacts(8192, 8192, 8, 49152, 960, "learned: chatml")
    small = RunnerStatus(
        "llama.cpp", "sha256:" + "a" * 64, "ai/smollm2", Mode.COMPLETION, RunnerState.READY, pid=4712,
        last_used=time.time() - 51, loaded_at=time.time() - 300, expires_at=time.time() + 249.4,
        memory_bytes=430 * MIB, card_bytes=402 * MIB, facts=facts,
    )  # fmt: skip
    large = replace(
        small, model_id="sha256:" + "b" * 64, model_name="ai/qwen3:8B-Q4_K_M", state=RunnerState.BUSY,
        active_requests=2, expires_at=None, memory_bytes=int(5.4 * GIB), card_bytes=5 * GIB,
        facts=replace(facts, context_size=16384),
    )  # fmt: skip
    return small, large


def samples(period: float, count: int = 120, with_gpu: bool = True) -> "tuple[TelemetrySample, ...]":
    from dmr_desktop.protocol.notices import GpuSample, TelemetrySample

    found = []
    for index in range(count):
        at = index / count
        ripple = (math.sin(index * 12.9898) * 43758.5453) % 1
        work = 1 / (1 + math.exp(-24 * (at - 0.22)))
        gpu = GpuSample(
            "NVIDIA RTX 4070", round(8 + 68 * work + 6 * ripple, 1),
            int((0.9 + 5.2 / (1 + math.exp(-60 * (at - 0.18)))) * GIB), 12 * GIB, 61.0, 118.2,
        )  # fmt: skip
        found.append(
            TelemetrySample(
                time.time() - (count - 1 - index) * period,
                round(16 + 16 * math.sin(index / 17) ** 2 + 5 * ripple, 1),
                int((11.4 + 1.8 / (1 + math.exp(-50 * (at - 0.18)))) * GIB), 32 * GIB, int(2.4 * GIB), 41.7, 2,
                (gpu,) if with_gpu else (),
            )
        )  # fmt: skip
    return tuple(found)


def requests() -> tuple[object, ...]:
    from dmr_desktop.protocol.notices import RequestNotice

    chat, anthropic = "/engines/v1/chat/completions", "/anthropic/v1/messages"
    now = time.time()
    return (
        RequestNotice("r0", "running", "ai/qwen3:8B-Q4_K_M", chat, now - 2, 0, 0, 0),
        RequestNotice("r1", "running", "ai/qwen3:8B-Q4_K_M", anthropic, now - 7, 0, 0, 0),
        RequestNotice("r2", "done", "ai/qwen3:8B-Q4_K_M", chat, now - 31, 1240, 17, 41),
        RequestNotice("r3", "done", "ai/nomic-embed-text-v1.5", "/engines/v1/embeddings", now - 64, 38, 512, 0),
        RequestNotice("r4", "failed", "ai/missing", chat, now - 88, 3, 0, 0, "model not found: pull it first"),
        RequestNotice("r5", "cancelled", "ai/smollm2", chat, now - 130, 4810, 96, 211),
        RequestNotice("r6", "done", "ai/smollm2", "/api/chat", now - 177, 920, 24, 64),
        RequestNotice("r7", "done", "ai/smollm2", chat, now - 204, 12_480, 2048, 512),
    )


# ---- scenes -----------------------------------------------------------------------------------


def busy(studio: Studio, **changes: object) -> None:
    from dmr_desktop.protocol.notices import PullStatus, TcpStatus

    pull = PullStatus(
        "docker.io/ai/gemma3:4B-Q4_K_M", "running", int(1.06 * GIB), int(2.5 * GIB), 38.2 * MIB, "downloading"
    )
    whole: dict[str, object] = {
        "tcp": TcpStatus(True, True, 12434, ("127.0.0.1",)),
        "containers": TcpStatus(False, False, 12434, ("172.17.0.1",)),
        "models": models(),
        "runners": runners(),
        "pulls": (pull,),
        "telemetry": samples(1.0),
        "history": samples(15.0),
        "requests": requests(),
    }
    studio.show(**(whole | changes))


def first_run(studio: Studio) -> None:
    demo = models()[0] | {"tags": ["dmr.local/demo:latest"]}
    busy(studio, models=(demo,), runners=(), pulls=(), requests=(), tcp=off(), telemetry=samples(1.0, with_gpu=False))
    studio.panel.open_page("overview")


def off() -> object:
    from dmr_desktop.protocol.notices import TcpStatus

    return TcpStatus(False, False, 12434)


def overview(studio: Studio) -> None:
    busy(studio)


def overview_quiet(studio: Studio) -> None:
    idle = [replace(sample, active_requests=0, runners_memory_bytes=0) for sample in samples(1.0, 40, with_gpu=False)]
    busy(studio, runners=(), pulls=(), tcp=off(), telemetry=tuple(idle))


def page(name: str) -> Callable[[Studio], None]:
    def show(studio: Studio) -> None:
        busy(studio)
        studio.panel.open_page(name)
        studio.settle()

    return show


def models_known(studio: Studio) -> None:
    page("models")(studio)
    field = studio.panel.models.field
    field.setText("ai/qwen3:14B-Q4_K_M")
    field.textEdited.emit(field.text())
    known = studio.panel.models.field.known
    studio.wait(lambda: known.isVisible() and "8" in known.text())


def models_pulling(studio: Studio) -> None:
    studio.commands.pull("ai/gemma3:4B-Q4_K_M")
    studio.wait(lambda: bool(studio.service.pulls))
    page("models")(studio)


def delete_dialog(studio: Studio) -> None:
    page("models")(studio)
    studio.panel.models.table.selectRow(2)
    studio.panel.models.ask_delete()


def report_dialog(studio: Studio) -> None:
    page("logs")(studio)
    studio.panel.logs.report_button.click()


def menu(studio: Studio) -> None:
    busy(studio)
    studio.panel._menu_button.click()


def model_menu(studio: Studio) -> None:
    page("models")(studio)
    model = studio.panel.models.selected
    assert model is not None
    studio.panel.models.menu_for(model).popup(studio.panel.pos())


def models_empty(studio: Studio) -> None:
    busy(studio, models=(), runners=(), pulls=())
    studio.panel.open_page("models")


def models_deleting(studio: Studio) -> None:
    page("models")(studio)
    deletions = studio.commands.deletions
    deletions.want(studio.link.state.models[2])
    studio.settle()


def load_dialog(studio: Studio) -> None:
    page("models")(studio)
    table = studio.panel.models.table
    table.selectRow(2)
    studio.panel.models.ask_options()


def chat(studio: Studio) -> None:
    from dmr_desktop.desktop.chat import ChatOptions

    page("chat")(studio)
    studio.panel.chat.choose("ai/qwen3:8B-Q4_K_M")
    session = studio.sources.chat
    if not session.turns:
        session.ask("How do I sort a list of people by last name in Python?", ChatOptions("ai/qwen3:8B-Q4_K_M"))
        studio.wait(lambda: not session.is_running)


def chat_options(studio: Studio) -> None:
    chat(studio)
    studio.panel.chat.options_button.setChecked(True)


def chat_empty(studio: Studio) -> None:
    studio.sources.chat.clear()
    page("chat")(studio)


def request(studio: Studio) -> None:
    page("requests")(studio)
    studio.panel.requests.table.selectRow(2)
    studio.settle()


def request_answer(studio: Studio) -> None:
    request(studio)
    studio.panel.requests.tabs.setCurrentIndex(1)
    studio.settle()
    studio.panel.requests.tabs.setCurrentIndex(1)


def requests_empty(studio: Studio) -> None:
    busy(studio, requests=())
    studio.panel.open_page("requests")


def trouble(studio: Studio) -> None:
    from PySide6.QtCore import QCoreApplication

    from dmr_desktop.desktop.problems import Problem
    from dmr_desktop.desktop.service_words import in_own_words

    busy(studio, tcp=off())
    message = in_own_words("port 12434 is in use by docker-proxy (process 811)")
    hint = in_own_words("stop that program, or choose another port")
    title = QCoreApplication.translate("ServiceApi", "TCP host access stays off")
    problem = Problem(title, message, hint, 409, "tcp")
    studio.commands.problem.emit(problem)


def stopped(studio: Studio) -> None:
    from dmr_desktop.desktop.state import DesktopState, Link

    studio.panel.say_tray(False)
    studio.panel.render_state(DesktopState(link=Link.STOPPED))


def settings_end(studio: Studio) -> None:
    from dmr_desktop.protocol.notices import TcpStatus

    origins = ("https://app.example.com",)
    containers = TcpStatus(True, True, 12434, ("172.17.0.1",))
    busy(studio, tcp=TcpStatus(True, True, 12434, ("127.0.0.1",), origins=origins), containers=containers)
    studio.panel.open_page("settings")
    studio.settle()
    bar = studio.panel.settings.verticalScrollBar()
    bar.setValue(bar.maximum())


def settings_network(studio: Studio) -> None:
    from dmr_desktop.protocol.notices import NetworkStatus, TcpStatus

    network = NetworkStatus(True, ("192.168.1.20",), "", "stored")
    busy(studio, tcp=TcpStatus(True, True, 12434, ("127.0.0.1",), network=network))
    studio.panel.open_page("settings")
    studio.settle()
    studio.panel.settings.ensureWidgetVisible(studio.panel.settings.origins)
    studio.settle()


def network_dialog(studio: Studio) -> None:
    page("settings")(studio)
    reach = studio.panel.settings.network.reach
    reach.setCurrentIndex(1)
    reach.activated.emit(1)
    studio.settle()


def key_dialog(studio: Studio) -> None:
    from dmr_desktop.desktop.panel.key_dialog import KeyDialog

    page("settings")(studio)
    KeyDialog("dmr-EXAMPLE_EXAMPLE_EXAMPLE_EXAMPLE_EXAMPLE_EXA", studio.theme, studio.panel).open()


def snippet(studio: Studio) -> None:
    page("integrations")(studio)
    studio.panel.integrations.programs.setCurrentRow(3)


def integrations_off(studio: Studio) -> None:
    busy(studio, tcp=off())
    studio.panel.open_page("integrations")


SCENES: dict[str, Callable[[Studio], None]] = {
    "overview": overview,
    "overview-quiet": overview_quiet,
    "first-run": first_run,
    "models": page("models"),
    "models-empty": models_empty,
    "load-dialog": load_dialog,
    "chat": chat,
    "chat-empty": chat_empty,
    "integrations": page("integrations"),
    "integrations-off": integrations_off,
    "requests": request,
    "requests-empty": requests_empty,
    "logs": page("logs"),
    "settings": page("settings"),
    "trouble": trouble,
    "models-deleting": models_deleting,
    "models-known": models_known,
    "models-pulling": models_pulling,
    "delete-dialog": delete_dialog,
    "report-dialog": report_dialog,
    "menu": menu,
    "model-menu": model_menu,
    "chat-options": chat_options,
    "request-answer": request_answer,
    "stopped": stopped,
    "settings-end": settings_end,
    "settings-network": settings_network,
    "network-dialog": network_dialog,
    "key-dialog": key_dialog,
    "snippet": snippet,
}


def tray_sheet() -> "QImage":
    """Every state of the tray icon at the sizes of panels, on a light and on a dark one, four times as large."""
    from PySide6.QtCore import Qt
    from PySide6.QtGui import QColor, QImage, QPainter

    from dmr_desktop.desktop.icons import tray_icon
    from dmr_desktop.desktop.state import Shape

    sizes, cell, zoom = (16, 22, 24, 32), 40, 4
    image = QImage(cell * len(Shape), cell * len(sizes) * 2, QImage.Format.Format_RGB32)
    painter = QPainter(image)
    for row, (ground, size) in enumerate((ground, size) for ground in ("#f2f2f2", "#1f1f1f") for size in sizes):
        painter.fillRect(0, row * cell, image.width(), cell, QColor(ground))
        for column, shape in enumerate(Shape):
            inset = (cell - size) // 2
            painter.drawPixmap(column * cell + inset, row * cell + inset, tray_icon(shape).pixmap(size, size))
    painter.end()
    return image.scaled(image.size() * zoom, mode=Qt.TransformationMode.FastTransformation)


if __name__ == "__main__":
    main()
