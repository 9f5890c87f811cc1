import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

import pytest

from dmr_desktop.protocol.errors import ModelNotFound
from dmr_desktop.protocol.models import Model, ModelConfig, ModelFiles
from dmr_desktop.service import catalog as catalog_module
from dmr_desktop.service.catalog import Catalog

Removal: TypeAlias = list[dict[str, str]]
MODEL = Model("sha256:a", ("docker.io/ai/x:latest",), 0, ModelConfig())


@dataclass
class CountingStore:
    calls: list[str] = field(default_factory=list)
    models: list[Model] = field(default_factory=lambda: [MODEL])
    weights: Path = Path("/w")

    def list(self) -> "list[Model]":
        self.calls.append("list")
        return list(self.models)

    def get(self, reference: str, *, partial: bool = False) -> Model:
        self.calls.append(f"get {reference}")
        if not self.models:
            raise ModelNotFound(reference)
        return self.models[0]

    def files(self, reference: str) -> ModelFiles:
        self.calls.append(f"files {reference}")
        return ModelFiles(self.models[0], self.weights)

    def tag(self, reference: str, target: str) -> None:
        self.calls.append(f"tag {reference} {target}")

    def remove(self, reference: str, force: bool = False) -> Removal:
        self.models.clear()
        return [{"Deleted": "sha256:a"}]

    def disk_usage(self) -> int:
        return 7

    def normalise(self, reference: str) -> str:
        return reference

    def package_gguf(self, path: Path, target: str, **_: object) -> Model:
        return MODEL


@dataclass
class Rig:
    store: CountingStore = field(default_factory=CountingStore)
    num_changes: int = 0

    def __post_init__(self) -> None:
        self.catalog = Catalog(self.store, self._changed)

    def _changed(self) -> None:
        self.num_changes += 1


async def test_it_reads_once() -> None:
    rig = Rig()
    for _ in range(3):
        assert await rig.catalog.models() == [MODEL]
        assert (await rig.catalog.files("ai/x")).weights == Path("/w")
    assert rig.store.calls == ["list", "get ai/x", "files sha256:a"]


async def test_what_changes_here_is_seen_at_once() -> None:
    rig = Rig()
    await rig.catalog.files("ai/x")
    await rig.catalog.models()
    assert await rig.catalog.remove("ai/x", force=False) == [{"Deleted": "sha256:a"}]
    assert await rig.catalog.models() == []
    with pytest.raises(ModelNotFound):
        await rig.catalog.files("ai/x")
    assert rig.num_changes == 1


async def test_what_others_change_is_seen_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    rig = Rig()
    await rig.catalog.models()
    rig.store.models.clear()
    assert await rig.catalog.models() == [MODEL]
    monkeypatch.setattr(catalog_module, "FRESH_SECONDS", 0.0)
    await asyncio.sleep(0.001)
    assert await rig.catalog.models() == []


async def test_what_was_read_before_a_change_is_not_remembered() -> None:
    rig = Rig()
    reading = asyncio.create_task(rig.catalog.models())
    await asyncio.sleep(0)
    await rig.catalog.tag("ai/x", "ai/y")
    await reading
    await rig.catalog.models()
    assert rig.store.calls.count("list") == 2


async def test_files_that_somebody_deleted_are_laid_out_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    rig = Rig()
    rig.store.weights = tmp_path / "model.gguf"
    rig.store.weights.touch()
    monkeypatch.setattr(catalog_module, "FRESH_SECONDS", 0.0)
    for num_calls in (1, 1):
        await rig.catalog.files("ai/x")
        assert rig.store.calls.count("files sha256:a") == num_calls
    rig.store.weights.unlink()
    await rig.catalog.files("ai/x")
    assert rig.store.calls.count("files sha256:a") == 2
