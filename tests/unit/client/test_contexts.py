import json
from pathlib import Path

import pytest

from dmr_desktop.client.contexts import (
    Context,
    ContextNotFound,
    changing,
    context_endpoint,
    endpoint_of,
    read_contexts,
)
from dmr_desktop.client.endpoint import TcpEndpoint, endpoint_from_environment
from dmr_desktop.protocol.errors import Conflict, DMRError, InvalidRequest


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "model" / "contexts.json"


def test_what_docker_wrote_is_read_and_kept(file: Path, tmp_path: Path) -> None:
    file.parent.mkdir()
    entry = {"host": "https://h:12444", "tls": {"enabled": True, "skipVerify": True, "caCert": ""}, "future": 1}
    file.write_text(json.dumps({"version": 1, "current": "far", "contexts": {"far": entry}, "more": [1]}))
    assert context_endpoint({"DOCKER_CONFIG": str(tmp_path)}) == TcpEndpoint("https://h:12444", "", True)
    with changing(file) as contexts:
        contexts.add(Context("near", "http://n:1"))
        contexts.use("near")
    data = json.loads(file.read_text())
    assert data["contexts"]["far"] == entry
    assert data["more"] == [1]
    assert data["current"] == "near"
    assert data["contexts"]["near"]["tls"] == {"enabled": False, "skipVerify": False, "caCert": ""}
    assert [path.name for path in file.parent.iterdir() if path.suffix == ".new"] == []


def test_no_file_is_this_machine(tmp_path: Path) -> None:
    assert context_endpoint({"DOCKER_CONFIG": str(tmp_path)}) is None


def test_names_are_unique_and_the_used_one_stays(file: Path) -> None:
    with changing(file) as contexts:
        contexts.add(Context("a", "http://a"))
        contexts.use("a")
    for name in ("a", "default"):
        with pytest.raises(Conflict), changing(file) as contexts:
            contexts.add(Context(name, "http://b"))
        with pytest.raises(Conflict), changing(file) as contexts:
            contexts.remove(name)
    with pytest.raises(ContextNotFound), changing(file) as contexts:
        contexts.use("b")
    assert read_contexts(file).current == "a"


@pytest.mark.parametrize("text", ["{", "[]", '{"contexts": []}', "[" * 100_000])
def test_a_broken_file_is_named(file: Path, text: str) -> None:
    file.parent.mkdir()
    file.write_text(text)
    with pytest.raises(DMRError, match=r"contexts\.json"):
        read_contexts(file)


def test_a_host_that_is_no_address(file: Path, tmp_path: Path) -> None:
    with changing(file) as contexts:
        contexts.add(Context("odd", "ftp://x"))
        contexts.use("odd")
    with pytest.raises(InvalidRequest, match="odd"):
        context_endpoint({"DOCKER_CONFIG": str(tmp_path)})


def test_the_key_goes_to_the_context_in_use(file: Path, tmp_path: Path) -> None:
    with changing(file) as contexts:
        contexts.add(Context("far", "http://h:1"))
        contexts.use("far")
    environ = {"DOCKER_CONFIG": str(tmp_path), "DMR_API_KEY": " secret-secret-secret\n"}
    found = context_endpoint(environ)
    assert found is not None
    assert found.api_key == "secret-secret-secret"
    with pytest.raises(InvalidRequest, match="DMR_API_KEY is not an API key"):
        context_endpoint(environ | {"DMR_API_KEY": "any\nsecret"})


def test_the_key_alone_is_no_place() -> None:
    found = endpoint_from_environment({"MODEL_RUNNER_HOST": "http://h:1", "DMR_API_KEY": "secret-secret-secret"})
    assert isinstance(found, TcpEndpoint)
    assert found.api_key == "secret-secret-secret"
    assert "secret" not in repr(found)
    assert endpoint_from_environment({"DMR_API_KEY": "secret-secret-secret"}) is None


def test_tls_is_never_plain_http() -> None:
    assert endpoint_of(Context("far", "h:12444", tls=True)) == TcpEndpoint("https://h:12444")
    assert endpoint_of(Context("far", "h:12434")) == TcpEndpoint("http://h:12434")
    with pytest.raises(InvalidRequest, match="plain HTTP"):
        endpoint_of(Context("far", "http://h:12444", tls=True))
