"""The ways to a registry: through a proxy, past one, by a mirror, by a helper program."""

import json
import select
import socket
import ssl
import stat
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

import pytest

from dmr_desktop.protocol.errors import RegistryError
from dmr_desktop.store import registry as registry_module
from dmr_desktop.store.retry import Patience
from dmr_desktop.store.store import ModelStore
from tests.fakes import faulty_registry as faulty
from tests.fakes.faulty_registry import FaultyRegistry
from tests.real_registry import certificate

QUICK = Patience(connect_seconds=2, stall_seconds=2, first_delay_seconds=0.01, longest_delay_seconds=0.05)


class Proxy:
    """A proxy on loopback that leads every host to ``upstream`` and remembers what was asked of it."""

    def __init__(self, upstream: str, *, refuses: bool = False) -> None:
        host, _, port = upstream.rpartition(":")
        self._upstream = (host, int(port))
        self._refuses = refuses
        self.asked: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            def do_CONNECT(self) -> None:
                proxy.asked.append(f"CONNECT {self.path}")
                if proxy._refuses:
                    self.send_error(407)
                    return
                self.send_response_only(200)
                self.end_headers()
                with socket.create_connection(proxy._upstream) as server:
                    _relay(self.connection, server)

            def do_GET(self) -> None:
                proxy.asked.append(f"GET {self.path}")
                with socket.create_connection(proxy._upstream) as server:
                    path = "/" + self.path.split("/", 3)[3]
                    head = f"GET {path} HTTP/1.1\r\nHost: {self.headers['Host']}\r\nConnection: close\r\n\r\n"
                    server.sendall(head.encode())
                    while chunk := server.recv(65536):
                        self.wfile.write(chunk)
                self.close_connection = True

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _relay(one: socket.socket, other: socket.socket) -> None:
    while True:
        ready, _, _ = select.select([one, other], [], [], 10)
        if not ready:
            return
        for source in ready:
            try:
                data = source.recv(65536)
            except OSError:
                return
            if not data:
                return
            (other if source is one else one).sendall(data)


@pytest.fixture(autouse=True)
def _environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "DOCKER_CONFIG", "DOCKER_USERNAME"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture
def registry() -> Iterator[FaultyRegistry]:
    with FaultyRegistry() as found:
        found.add_model("latest", b"x" * 100_000, b"a licence")
        yield found


def pull(store: ModelStore, reference: str, **more: str) -> str:
    return store.pull(reference, progress=lambda _: None, cancelled=threading.Event(), **more)


# ---- proxies -----------------------------------------------------------------------------------


def test_plain_http_through_a_proxy(registry: FaultyRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The name of the registry is the proxy's to resolve: here it does not even exist."""
    store = ModelStore(tmp_path / "models", insecure_registries=("r.invalid",), patience=QUICK)
    with Proxy(registry.host) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        assert pull(store, "r.invalid/ai/x") == "Model pulled successfully"
        assert proxy.asked[0] == "GET http://r.invalid/v2/ai/x/manifests/latest"
        assert registry.exchanges[0].headers["host"] == "r.invalid"


def test_tls_through_a_proxy(registry: FaultyRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tunnel ends at the registry: its certificate is checked against its name as ever."""
    pem = certificate(tmp_path, "DNS:r.invalid")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem, f"{pem}.key")
    registry.wrap(context)
    with Proxy(registry.host) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        with pytest.raises(RegistryError, match="certificate is not trusted"):
            pull(ModelStore(tmp_path / "models", patience=QUICK), "r.invalid/ai/x")
        store = ModelStore(tmp_path / "models", ca_file=pem, patience=QUICK)
        assert pull(store, "r.invalid/ai/x") == "Model pulled successfully"
        assert set(proxy.asked) == {"CONNECT r.invalid:443"}
        with pytest.raises(RegistryError, match="certificate is not trusted"):
            pull(store, "other.invalid/ai/x")


def test_a_proxy_that_refuses(registry: FaultyRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Proxy(registry.host, refuses=True) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        with pytest.raises(RegistryError, match="proxy refuses") as caught:
            pull(ModelStore(tmp_path / "models", patience=QUICK), "r.invalid/ai/x")
        assert "HTTPS_PROXY" in caught.value.hint


def test_loopback_and_exempt_hosts_go_past_it(
    registry: FaultyRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = ModelStore(tmp_path / "models", insecure_registries=("r.invalid",), patience=QUICK)
    with Proxy(registry.host) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        assert pull(store, f"{registry.host}/ai/x") == "Model pulled successfully"
        monkeypatch.setenv("NO_PROXY", ".invalid")
        with pytest.raises(RegistryError, match="cannot be reached"):
            pull(store, "r.invalid/ai/x")
        assert proxy.asked == []


def test_a_proxy_does_not_lead_inside(
    registry: FaultyRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a registry sends us is judged by its address even if a proxy would connect to it."""
    store = ModelStore(tmp_path / "models", insecure_registries=("r.invalid", "10.0.0.1"), patience=QUICK)
    registry.faults.append(faulty.on_blobs(faulty.redirect_to("http://10.0.0.1/secret")))
    with Proxy(registry.host) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        with pytest.raises(RegistryError, match="no registry can be"):
            pull(store, "r.invalid/ai/x")
        assert not [asked for asked in proxy.asked if "10.0.0.1" in asked]


# ---- mirrors -----------------------------------------------------------------------------------


@pytest.fixture
def hub(registry: FaultyRegistry, monkeypatch: pytest.MonkeyPatch) -> FaultyRegistry:
    """``registry`` stands in for Docker Hub."""
    own = registry_module.Endpoint("docker.io", f"http://{registry.host}")
    monkeypatch.setattr("dmr_desktop.store.distribution.endpoint_of", lambda *_: own)
    return registry


def test_a_mirror_comes_before_docker_hub(hub: FaultyRegistry, tmp_path: Path) -> None:
    with FaultyRegistry() as mirror:
        mirror.add_model("latest", b"x" * 100_000, b"a licence")
        mirrors = (f"http://{mirror.host}/cache/v2/", "ftp://nonsense")
        store = ModelStore(tmp_path / "models", registry_mirrors=mirrors, patience=QUICK)
        pull(store, "ai/x", bearer_token="secret")
        assert store.list()[0].tags == ("docker.io/ai/x:latest",)
        assert {each.path for each in mirror.exchanges} >= {"/cache/v2/ai/x/manifests/latest"}
        assert all("authorization" not in each.headers for each in mirror.exchanges)
        assert hub.exchanges == []


@pytest.mark.parametrize("fault", [faulty.status(404), faulty.status(500), faulty.status(401), faulty.reset_after(0)])
def test_a_mirror_that_cannot_help(hub: FaultyRegistry, tmp_path: Path, fault: faulty.Fault) -> None:
    with FaultyRegistry() as mirror:
        mirror.faults.append(lambda exchange: (fault(exchange), True)[1])
        store = ModelStore(tmp_path / "models", registry_mirrors=(f"http://{mirror.host}",), patience=QUICK)
        assert pull(store, "ai/x") == "Model pulled successfully"
        assert len(mirror.exchanges) == 1


def test_a_mirror_that_lacks_a_layer(hub: FaultyRegistry, tmp_path: Path) -> None:
    with FaultyRegistry() as mirror:
        mirror.manifests |= hub.manifests
        store = ModelStore(tmp_path / "models", registry_mirrors=(f"http://{mirror.host}",), patience=QUICK)
        assert pull(store, "ai/x") == "Model pulled successfully"
        assert not hub.requests_for("/manifests/")


def test_mirrors_are_docker_hubs_alone(registry: FaultyRegistry, tmp_path: Path) -> None:
    with FaultyRegistry() as mirror:
        store = ModelStore(tmp_path / "models", registry_mirrors=(f"http://{mirror.host}",), patience=QUICK)
        pull(store, f"{registry.host}/ai/x")
        assert mirror.exchanges == []


# ---- helpers -----------------------------------------------------------------------------------


def test_credentials_from_a_helper(registry: FaultyRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "docker-credential-vault"
    program.write_text(
        '#!/bin/sh\nread key; echo "$key" >> "$HOME/asked"; echo \'{"Username":"me","Secret":"secret"}\'\n'
    )
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    (tmp_path / "config.json").write_text(json.dumps({"credHelpers": {registry.host: "vault"}}))
    realm = f"http://{registry.host}/token"
    registry.faults.append(faulty.demand_token(realm, "t0ken", user="me", password="secret"))
    store = ModelStore(tmp_path / "models", patience=QUICK)
    assert pull(store, f"{registry.host}/ai/x") == "Model pulled successfully"
    assert (tmp_path / "asked").read_text() == f"{registry.host}\n"
