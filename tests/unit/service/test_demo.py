import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from dmr_desktop.protocol.errors import ModelNotFound, RegistryError, StoreError
from dmr_desktop.protocol.models import DEMO_REFERENCE, Model, ModelConfig, Progress
from dmr_desktop.service.demo import DemoModel

LINE = Progress("progress", "x")


@dataclass
class SmallStore:
    packaged: list[tuple[Path, str]] = field(default_factory=list)
    pulled: list[str] = field(default_factory=list)
    error: Exception | None = None
    models: dict[str, Model] = field(default_factory=dict)
    removed: list[str] = field(default_factory=list)

    def get(self, reference: str) -> Model:
        try:
            return self.models[reference]
        except KeyError:
            raise ModelNotFound("model not found") from None

    def remove(self, reference: str, force: bool = False) -> list[dict[str, str]]:
        self.removed.append(reference)
        return [{"Deleted": reference}]

    def normalise(self, reference: str) -> str:
        return reference if ":" in reference else f"{reference}:latest"

    def package_gguf(self, path: Path, target: str, *, progress: Callable[[Progress], None] | None = None) -> Model:
        if self.error is not None:
            raise self.error
        if progress is not None:
            progress(LINE)
        self.packaged.append((path, target))
        model = Model(f"sha256:{path.read_text()}", (target,), 0, ModelConfig())
        self.models[target] = model
        return model

    def pull(self, reference: str, **_: object) -> str:
        self.pulled.append(reference)
        return "pulled"


@pytest.fixture
def gguf(tmp_path: Path) -> Path:
    path = tmp_path / "demo.gguf"
    path.write_text("one")
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


def test_a_newer_one_replaces_the_one_that_was_stored(tmp_path: Path, gguf: Path) -> None:
    store = SmallStore()
    demo = DemoModel(store, gguf, tmp_path / "mark")
    assert demo.store_once()
    gguf.write_text("two")
    assert demo.store_once()
    assert store.get(DEMO_REFERENCE).id == "sha256:two"
    assert store.removed == ["sha256:one"]
    assert not demo.store_once()


@pytest.mark.parametrize("now", [None, "sha256:mine"])
def test_what_the_user_removed_or_retagged_stays_so(tmp_path: Path, gguf: Path, now: str | None) -> None:
    store = SmallStore()
    demo = DemoModel(store, gguf, tmp_path / "mark")
    assert demo.store_once()
    del store.models[DEMO_REFERENCE]
    if now is not None:
        store.models[DEMO_REFERENCE] = Model(now, (DEMO_REFERENCE,), 0, ModelConfig())
    gguf.write_text("two")
    assert not demo.store_once()
    assert len(store.packaged) == 1


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
