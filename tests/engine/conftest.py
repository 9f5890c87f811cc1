"""Models for the tests against the real llama.cpp, made on the spot."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from dmr_desktop.engine.llama import Model
from dmr_desktop.engine.tiny_model import TinyShape, write_tiny_model


@pytest.fixture(scope="session")
def tiny_model_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("models") / "tiny.gguf"
    write_tiny_model(path, TinyShape(layers=2, seed=3))
    return path


@pytest.fixture(scope="session")
def tiny_model(tiny_model_path: Path) -> Iterator[Model]:
    model = Model.load(tiny_model_path, gpu_layers=0)
    yield model
    model.close()
