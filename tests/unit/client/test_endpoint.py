from pathlib import Path

import pytest

from dmr_desktop.client.endpoint import TcpEndpoint, UnixEndpoint, endpoint_from_environment, parse_endpoint
from dmr_desktop.protocol.errors import InvalidRequest


@pytest.mark.parametrize(
    ("text", "endpoint"),
    [
        ("http://localhost:12434", TcpEndpoint("http://localhost:12434")),
        ("localhost:12434", TcpEndpoint("http://localhost:12434")),
        (' "http://h:1/" ', TcpEndpoint("http://h:1")),
        ("http://h/engines/v1", TcpEndpoint("http://h")),
        ("http://h/engines/llama.cpp/v1/", TcpEndpoint("http://h")),
        ("https://h/exp/vDD4.40", TcpEndpoint("https://h/exp/vDD4.40")),
        ("http://[::1]:5", TcpEndpoint("http://[::1]:5")),
        ("unix:///run/dmr.sock", UnixEndpoint(Path("/run/dmr.sock"))),
    ],
)
def test_spellings(text: str, endpoint: object) -> None:
    assert parse_endpoint(text, "X") == endpoint


@pytest.mark.parametrize("text", ["unix://relative", "ftp://h", "http://", "http://h:99999", "a b", "http://[::1"])
def test_what_is_no_address_names_its_source(text: str) -> None:
    with pytest.raises(InvalidRequest, match="MODEL_RUNNER_HOST") as caught:
        endpoint_from_environment({"MODEL_RUNNER_HOST": text})
    assert "unix://" in caught.value.hint


def test_the_first_variable_that_is_set_counts() -> None:
    assert endpoint_from_environment({"DMR_HOST": "b:1"}) == TcpEndpoint("http://b:1")
    assert endpoint_from_environment({"MODEL_RUNNER_HOST": "a:1", "DMR_HOST": "b:1"}) == TcpEndpoint("http://a:1")
    assert endpoint_from_environment({"MODEL_RUNNER_HOST": " "}) is None


def test_dockers_variables_about_tls() -> None:
    tls = {"MODEL_RUNNER_HOST": "h:12444", "MODEL_RUNNER_TLS": "true"}
    assert endpoint_from_environment(tls) == TcpEndpoint("https://h:12444")
    assert endpoint_from_environment(tls | {"MODEL_RUNNER_HOST": "http://h:1"}) == TcpEndpoint("http://h:1")
    assert endpoint_from_environment(tls | {"MODEL_RUNNER_TLS": "false"}) == TcpEndpoint("http://h:12444")
    more = {"MODEL_RUNNER_TLS_CA_CERT": "/ca.pem", "MODEL_RUNNER_TLS_SKIP_VERIFY": "1"}
    assert endpoint_from_environment(tls | more) == TcpEndpoint("https://h:12444", "/ca.pem", True)
