"""The scenes of the pictures, by name: every page, dialog and menu of the panel, and what they look like in trouble."""

from dataclasses import replace
from typing import Any

from picture_data import GIB, MIB, models, requests, runners, samples
from picture_studio import Scene, Studio
from PySide6.QtCore import QCoreApplication

from dmr_desktop.desktop.chat import ChatOptions
from dmr_desktop.desktop.panel.key_dialog import KeyDialog
from dmr_desktop.desktop.problems import Problem
from dmr_desktop.desktop.service_words import in_own_words
from dmr_desktop.desktop.state import DesktopState, Link
from dmr_desktop.protocol.notices import NetworkStatus, PullStatus, TcpStatus


def busy(studio: Studio, **changes: Any) -> None:
    pull = PullStatus(
        "docker.io/ai/gemma3:4B-Q4_K_M", "running", int(1.06 * GIB), int(2.5 * GIB), 38.2 * MIB, "downloading"
    )
    whole: dict[str, Any] = {
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


def off() -> TcpStatus:
    return TcpStatus(False, False, 12434)


def overview(studio: Studio) -> None:
    busy(studio)


def overview_quiet(studio: Studio) -> None:
    idle = [replace(sample, active_requests=0, runners_memory_bytes=0) for sample in samples(1.0, 40, with_gpu=False)]
    busy(studio, runners=(), pulls=(), tcp=off(), telemetry=tuple(idle))


def page(name: str) -> Scene:
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
    busy(studio, tcp=off())
    message = in_own_words("port 12434 is in use by docker-proxy (process 811)")
    hint = in_own_words("stop that program, or choose another port")
    title = QCoreApplication.translate("ServiceApi", "TCP host access stays off")
    problem = Problem(title, message, hint, 409, "tcp")
    studio.commands.problem.emit(problem)


def stopped(studio: Studio) -> None:
    studio.panel.say_tray(False)
    studio.panel.render_state(DesktopState(link=Link.STOPPED))


def settings_end(studio: Studio) -> None:
    origins = ("https://app.example.com",)
    containers = TcpStatus(True, True, 12434, ("172.17.0.1",))
    busy(studio, tcp=TcpStatus(True, True, 12434, ("127.0.0.1",), origins=origins), containers=containers)
    studio.panel.open_page("settings")
    studio.settle()
    bar = studio.panel.settings.verticalScrollBar()
    bar.setValue(bar.maximum())


def settings_network(studio: Studio) -> None:
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
    page("settings")(studio)
    KeyDialog("dmr-EXAMPLE_EXAMPLE_EXAMPLE_EXAMPLE_EXAMPLE_EXA", studio.theme, studio.panel).open()


def snippet(studio: Studio) -> None:
    page("integrations")(studio)
    studio.panel.integrations.programs.setCurrentRow(3)


def integrations_off(studio: Studio) -> None:
    busy(studio, tcp=off())
    studio.panel.open_page("integrations")


SCENES: dict[str, Scene] = {
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
