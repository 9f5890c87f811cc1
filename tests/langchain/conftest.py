"""The shared live service, found by the environment, with a tiny embedding model beside the demo."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from dmr_desktop.client.client import Client
from dmr_desktop.client.endpoint import UnixEndpoint
from dmr_desktop.engine.tiny_model import write_tiny_model
from tests.fixtures_live import LiveService

EMBEDDING_MODEL = "test.local/tiny-embedding"


@pytest.fixture
def found_service(live_service: LiveService, monkeypatch: pytest.MonkeyPatch) -> LiveService:
    """Models made in a test that uses this find the live service by themselves."""
    for name in ("DMR_BASE_URL", "MODEL_RUNNER_HOST", "DOCKER_MODEL_RUNNER_API_BASE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DMR_SOCKET", str(live_service.socket_path))
    return live_service


@contextmanager
def packaged(service: LiveService, gguf: Path, name: str) -> Iterator[None]:
    """The file as a model of the service, for a while."""
    with Client(UnixEndpoint(service.socket_path)) as client:
        client.package(name, gguf=str(gguf))
        try:
            yield
        finally:
            client.remove(name, force=True)


@pytest.fixture(scope="module")
def embedding_model(live_service: LiveService, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    gguf: Path = tmp_path_factory.mktemp("embedding") / "tiny.gguf"
    write_tiny_model(gguf, extra={"llama.pooling_type": 1})
    with packaged(live_service, gguf, EMBEDDING_MODEL):
        yield EMBEDDING_MODEL
