"""TLS to registries: the name is checked although the connection goes to an address we chose."""

import shutil
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from dmr_desktop.protocol.errors import RegistryError
from dmr_desktop.store import transport
from dmr_desktop.store.retry import Patience, Temporary
from dmr_desktop.store.transport import Transport
from tests.fakes.faulty_registry import FaultyRegistry

OPENSSL = shutil.which("openssl")
pytestmark = pytest.mark.skipif(OPENSSL is None, reason="openssl is not installed")
PATIENCE = Patience(connect_seconds=5, stall_seconds=5)


def certificate(folder: Path, name: str) -> Path:
    """A self-signed certificate for ``name``, its key in the same file."""
    assert OPENSSL is not None
    path = folder / f"{name}.pem"
    command = [OPENSSL, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-days", "2", "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}"]
    subprocess.run([*command, "-keyout", str(path) + ".key", "-out", str(path)], check=True, capture_output=True)
    return path


@pytest.fixture
def trusting(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    transport._trusted.cache_clear()
    yield
    transport._trusted.cache_clear()


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


@pytest.mark.usefixtures("trusting")
def test_a_trusted_certificate_for_the_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = certificate(tmp_path, "localhost")
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    with FaultyRegistry(manifests={"latest": b"hello"}) as registry:
        serve_tls(registry, path)
        assert fetch(registry) == b"hello"


@pytest.mark.usefixtures("trusting")
def test_a_trusted_certificate_for_another_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = certificate(tmp_path, "other.example")
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    with FaultyRegistry(manifests={"latest": b"hello"}) as registry:
        serve_tls(registry, path)
        with pytest.raises(RegistryError, match="certificate is not trusted"):
            fetch(registry)


@pytest.mark.usefixtures("trusting")
def test_a_certificate_nobody_vouches_for(tmp_path: Path) -> None:
    with FaultyRegistry(manifests={"latest": b"hello"}) as registry:
        serve_tls(registry, certificate(tmp_path, "localhost"))
        with pytest.raises(RegistryError, match="certificate is not trusted") as caught:
            fetch(registry)
        assert "authority" in caught.value.hint


def test_no_tls_at_all() -> None:
    with FaultyRegistry(manifests={"latest": b"hello"}) as registry, pytest.raises(Temporary):
        fetch(registry)
