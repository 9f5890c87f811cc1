"""Where the service is looked for."""

from pathlib import Path

import pytest

from dmr_desktop.settings import default_socket_path as service_socket_path
from dmr_langchain._address import (
    DEFAULT_BASE_URL,
    Place,
    default_socket_path,
    find_places,
    normalize_base_url,
)

HOME = {"XDG_RUNTIME_DIR": "/run/user/7"}


@pytest.mark.parametrize(
    ("given", "used"),
    [
        ("localhost:12434", "http://localhost:12434/engines/v1"),
        ("http://h", "http://h/engines/v1"),
        ("http://h/", "http://h/engines/v1"),
        ("http://h/engines", "http://h/engines/v1"),
        ("http://h/engines/llama.cpp", "http://h/engines/llama.cpp/v1"),
        ("http://h/engines/llama.cpp/v1/", "http://h/engines/llama.cpp/v1"),
        ("http://h/engines/v1", "http://h/engines/v1"),
        ("https://h:1/proxy/engines/v1", "https://h:1/proxy/engines/v1"),
        ("http://h/v1", "http://h/v1"),
        ("http://user:pw@h:1", "http://user:pw@h:1/engines/v1"),
        ("[::1]:12434", "http://[::1]:12434/engines/v1"),
    ],
)
def test_every_usual_spelling_of_the_base_is_understood(given: str, used: str) -> None:
    assert normalize_base_url(given) == used


@pytest.mark.parametrize("text", ["ftp://h", "http://", "http://h:0", "http://h:x", "http://a b", "://", "http://[::1"])
def test_what_is_no_address_is_refused_by_name(text: str) -> None:
    with pytest.raises(ValueError, match="DMR_BASE_URL"):
        find_places(None, None, {"DMR_BASE_URL": text})


def test_dockers_variable_asks_for_tls() -> None:
    environ = {"MODEL_RUNNER_HOST": "h:12444", "MODEL_RUNNER_TLS": "true"}
    assert find_places(None, None, environ) == (Place("https://h:12444/engines/v1"),)
    assert find_places(None, None, environ | {"MODEL_RUNNER_TLS": "false"}) == (Place("http://h:12444/engines/v1"),)
    assert find_places("h:12444", None, environ) == (Place("http://h:12444/engines/v1"),)


def test_the_argument_wins_over_the_environment_and_the_first_variable_over_the_next() -> None:
    environ = {"DMR_BASE_URL": "http://a", "MODEL_RUNNER_HOST": "http://b", "DOCKER_MODEL_RUNNER_API_BASE": "http://c"}
    assert find_places("http://x", None, environ)[0].base_url == "http://x/engines/v1"
    assert find_places(None, "/s", environ) == (Place(DEFAULT_BASE_URL, "/s"),)
    assert find_places(None, None, environ)[0].base_url == "http://a/engines/v1"
    del environ["DMR_BASE_URL"]
    assert find_places(None, None, environ)[0].base_url == "http://b/engines/v1"


def test_openai_variables_are_not_read() -> None:
    environ = {**HOME, "OPENAI_API_BASE": "http://evil", "OPENAI_BASE_URL": "http://evil"}
    assert all("evil" not in place.base_url for place in find_places(None, None, environ))


def test_with_nothing_given_the_socket_comes_first_then_tcp_then_a_containers_host() -> None:
    socket = "/run/user/7/dmr-desktop/dmr.sock"
    here = [Place(DEFAULT_BASE_URL, socket), Place(DEFAULT_BASE_URL)]
    assert list(find_places(None, None, HOME, in_container=False)) == here
    places = find_places(None, None, HOME, in_container=True)
    assert list(places[:2]) == here
    assert [place.base_url for place in places[2:]] == [
        "http://model-runner.docker.internal/engines/v1",
        "http://host.docker.internal:12434/engines/v1",
    ]


def test_a_socket_can_be_named_in_three_ways() -> None:
    expected = (Place(DEFAULT_BASE_URL, "/run/x.sock"),)
    assert find_places("unix:///run/x.sock", None, {}) == expected
    assert find_places(None, "unix:///run/x.sock", {}) == expected
    assert find_places(None, None, {"DMR_SOCKET": "/run/x.sock"}) == expected
    with pytest.raises(ValueError, match="absolute"):
        find_places(None, "x.sock", {})


@pytest.mark.parametrize(
    "environ",
    [
        {"XDG_RUNTIME_DIR": "/run/user/7"},
        {"XDG_STATE_HOME": "/state"},
        {"XDG_RUNTIME_DIR": "relative"},
        {},
    ],
)
def test_the_default_socket_is_the_one_the_service_makes(
    environ: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("XDG_RUNTIME_DIR", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    assert default_socket_path(environ) == service_socket_path()
