"""Models for the tests against the real llama.cpp, made on the spot."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from dmr_desktop.engine.llama import Model
from dmr_desktop.engine.tiny_model import TinyShape, write_tiny_model
from dmr_desktop.settings import asset


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


@pytest.fixture(scope="session", params=["tiny", "demo"])
def any_model(request: pytest.FixtureRequest, tiny_model: Model) -> Iterator[Model]:
    """The random model, and the bundled one that really talks."""
    if request.param == "tiny":
        yield tiny_model
        return
    path = asset("demo/demo.gguf")
    if not path.exists():
        pytest.skip("the demo model is not in this tree")
    model = Model.load(path, gpu_layers=0)
    yield model
    model.close()
