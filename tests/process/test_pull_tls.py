"""TLS to registries: the name is checked although the connection goes to an address we chose."""

import shutil
import ssl
from pathlib import Path

import pytest

from dmr_desktop.protocol.errors import RegistryError
from dmr_desktop.store.retry import Patience, Temporary
from dmr_desktop.store.transport import Transport
from tests.fakes.faulty_registry import FaultyRegistry
from tests.real_registry import certificate

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
PATIENCE = Patience(connect_seconds=5, stall_seconds=5)


def fetch(registry: FaultyRegistry) -> bytes:
    """Over TLS, under the name ``localhost``."""
    url = f"https://localhost:{registry.host.rpartition(':')[2]}/v2/x/manifests/latest"
    connections = Transport(patience=PATIENCE)
    try:
        with connections.open(url, headers={}) as answer:
            return answer.read(100)
    finally:
        connections.close()


def serve_tls(registry: FaultyRegistry, path: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path, str(path) + ".key")
    registry.wrap(context)


def test_a_trusted_certificate_for_the_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = certificate(tmp_path, "DNS:localhost")
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    with FaultyRegistry(manifests={"latest": b"hello"}) as registry:
        serve_tls(registry, path)
        assert fetch(registry) == b"hello"


def test_a_trusted_certificate_for_another_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = certificate(tmp_path, "DNS:other.example")
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    with FaultyRegistry(manifests={"latest": b"hello"}) as registry:
        serve_tls(registry, path)
        with pytest.raises(RegistryError, match="certificate is not trusted"):
            fetch(registry)


def test_a_certificate_nobody_vouches_for(tmp_path: Path) -> None:
    with FaultyRegistry(manifests={"latest": b"hello"}) as registry:
        serve_tls(registry, certificate(tmp_path, "DNS:localhost"))
        with pytest.raises(RegistryError, match="certificate is not trusted") as caught:
            fetch(registry)
        assert "DMR_CA_FILE" in caught.value.hint


def test_no_tls_at_all() -> None:
    with FaultyRegistry(manifests={"latest": b"hello"}) as registry, pytest.raises(Temporary):
        fetch(registry)
