import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from dmr_desktop.protocol.errors import RegistryError, StoreError
from dmr_desktop.protocol.models import DEMO_REFERENCE, Model, ModelConfig, Progress
from dmr_desktop.service.demo import DemoModel

LINE = Progress("progress", "x")


@dataclass
class SmallStore:
    packaged: list[tuple[Path, str]] = field(default_factory=list)
    pulled: list[str] = field(default_factory=list)
    error: Exception | None = None

    def normalise(self, reference: str) -> str:
        return reference if ":" in reference else f"{reference}:latest"

    def package_gguf(self, path: Path, target: str, *, progress: Callable[[Progress], None] | None = None) -> Model:
        if self.error is not None:
            raise self.error
        if progress is not None:
            progress(LINE)
        self.packaged.append((path, target))
        return Model("sha256:a", (target,), 0, ModelConfig())

    def pull(self, reference: str, **_: object) -> str:
        self.pulled.append(reference)
        return "pulled"


@pytest.fixture
def gguf(tmp_path: Path) -> Path:
    path = tmp_path / "demo.gguf"
    path.touch()
    return path


def pull(demo: DemoModel, reference: str) -> tuple[str, list[Progress]]:
    lines: list[Progress] = []
    return demo.pull(reference, progress=lines.append, cancelled=threading.Event()), lines


def test_it_is_stored_once(tmp_path: Path, gguf: Path) -> None:
    store = SmallStore()
    mark = tmp_path / "state" / "mark"
    assert DemoModel(store, gguf, mark).store_once()
    assert not DemoModel(store, gguf, mark).store_once()
    assert store.packaged == [(gguf, DEMO_REFERENCE)]


def test_a_failure_is_tried_again_next_time(tmp_path: Path, gguf: Path) -> None:
    store = SmallStore(error=StoreError("disk full"))
    demo = DemoModel(store, gguf, tmp_path / "mark")
    assert not demo.store_once()
    store.error = None
    assert demo.store_once()


def test_pulling_it_needs_no_network(tmp_path: Path, gguf: Path) -> None:
    store = SmallStore()
    demo = DemoModel(store, gguf, tmp_path / "mark")
    assert pull(demo, "dmr.local/demo") == ("Model pulled successfully", [LINE])
    assert store.pulled == []
    assert pull(demo, "ai/x") == ("pulled", [])
    assert store.pulled == ["ai/x"]


def test_an_installation_without_it_says_so(tmp_path: Path) -> None:
    demo = DemoModel(SmallStore(), tmp_path / "none.gguf", tmp_path / "mark")
    assert not demo.store_once()
    with pytest.raises(RegistryError, match="not part of this installation"):
        pull(demo, DEMO_REFERENCE)
