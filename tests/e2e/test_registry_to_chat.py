"""The life of a model as its user sees it: pushed by another tool, pulled with ``dmr``, killed, pulled again, asked."""

import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from dmr_desktop.settings import asset
from dmr_desktop.store.store import ModelStore
from tests.fakes.faulty_registry import digest, store_files
from tests.fakes.throttling_proxy import ThrottlingProxy
from tests.fixtures_live import LiveService, start_live_service, stop_live_service
from tests.real_registry import Registry, export, needs_registry, push

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180), needs_registry]

KIB = 1024
QUESTION = "How do I turn on TCP access?"


@pytest.fixture
def layers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ThrottlingProxy, list[bytes]]]:
    """The demo model in a real registry as ai/x:y, behind a slow line; and its layers.

    One byte of its name is another, so that the bundled one in the store is not the same blob.
    """
    folder = tmp_path_factory.mktemp("registry")
    gguf = folder / "other.gguf"
    gguf.write_bytes(asset("demo/demo.gguf").read_bytes().replace(b"DMR demo", b"DMR dem2", 1))
    model = ModelStore(folder / "models").package_gguf(gguf, "ai/x:y")
    layout = export(folder / "models", model.id, folder / "layout")
    with Registry(folder / "registry") as registry:
        push(layout, f"{registry.host}/ai/x:y")
        with ThrottlingProxy(registry.host, bytes_per_second=1024 * KIB) as proxy:
            yield proxy, store_files(folder / "models", model.id)[1][:-1]


def dmr(service: LiveService, *arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "dmr_desktop", *arguments]
    return subprocess.run(command, env=service.environment, capture_output=True, text=True, timeout=120, check=False)


def test_a_pull_killed_half_way_goes_on_and_then_chats(
    layers: tuple[ThrottlingProxy, list[bytes]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    proxy, blobs = layers
    size = sum(map(len, blobs))
    reference = f"{proxy.host}/ai/x:y"
    service = start_live_service(tmp_path_factory.mktemp("dmr"))
    try:
        half = proxy.after_blob_bytes(size // 2)
        pulling = threading.Thread(target=dmr, args=(service, "pull", reference), daemon=True)
        pulling.start()
        assert half.wait(60)
    finally:
        service.process.kill()
        service.process.wait()
    pulling.join(30)
    again = start_live_service(service.directory)
    try:
        assert reference not in dmr(again, "ls").stdout
        done = dmr(again, "pull", reference)
        assert done.returncode == 0, done.stderr
        fetched = sum(proxy.bytes_of(digest(blob)) for blob in blobs)
        assert fetched - size <= 1024 * KIB
        for blob in blobs:
            assert len(blob) not in proxy.starts_of(digest(blob))
        answer = dmr(again, "run", reference, QUESTION)
        assert answer.returncode == 0, answer.stderr
        assert "TCP host access" in answer.stdout
    finally:
        assert stop_live_service(again) == 0
