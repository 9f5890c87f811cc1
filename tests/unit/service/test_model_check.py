"""What is looked at before native code gets a model's file."""

from pathlib import Path

import pytest

from dmr_desktop.engine.tiny_model import TinyShape, write_tiny_model
from dmr_desktop.protocol.errors import StoreError, UnsupportedModel
from dmr_desktop.protocol.models import Model, ModelConfig, ModelFiles
from dmr_desktop.service.model_check import inspect_model, shard_paths


def files(weights: Path, *, mmproj: Path | None = None, kind: str = "gguf") -> ModelFiles:
    return ModelFiles(Model("sha256:a", (), 0, ModelConfig(format=kind)), weights, mmproj)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "tiny.gguf"
    write_tiny_model(path, TinyShape(layers=3, width=256, context_size=512))
    return path


def test_a_sound_model_tells_its_shape(tiny: Path) -> None:
    shape = inspect_model(files(tiny)).shape
    assert shape.weights_bytes == tiny.stat().st_size
    assert (shape.num_layers, shape.train_context) == (3, 512)
    assert shape.key_width == shape.value_width > 0


def test_the_projector_counts(tiny: Path) -> None:
    assert inspect_model(files(tiny, mmproj=tiny)).shape.weights_bytes == 2 * tiny.stat().st_size


def test_a_damaged_model_never_reaches_a_runner(tiny: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut.gguf"
    cut.write_bytes(tiny.read_bytes()[:-1000])
    with pytest.raises(UnsupportedModel):
        inspect_model(files(cut))


def test_another_format_is_named(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(b"\x10\x00\x00\x00\x00\x00\x00\x00{}")
    with pytest.raises(UnsupportedModel, match="GGUF file required"):
        inspect_model(files(path, kind="safetensors"))


def test_a_file_that_is_gone_is_the_stores_problem(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"a file of the model is missing: none\.gguf") as refused:
        inspect_model(files(tmp_path / "none.gguf"))
    assert str(tmp_path) not in str(refused.value)


def test_a_missing_part_is_noticed(tiny: Path, tmp_path: Path) -> None:
    first = tmp_path / "m-00001-of-00002.gguf"
    first.write_bytes(tiny.read_bytes())
    assert [path.name for path in shard_paths(first)] == ["m-00001-of-00002.gguf", "m-00002-of-00002.gguf"]
    with pytest.raises(StoreError, match="00002-of-00002"):
        inspect_model(files(first))
