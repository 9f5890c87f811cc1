import pytest
from starlette.datastructures import Headers

from dmr_desktop.protocol.errors import AccessDenied
from dmr_desktop.service.access import ApiKey, check_door, is_data_plane
from dmr_desktop.service.answers import HTTPProblem

KEY = "a-key-of-many-characters"
NOTHING = Headers({})


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/chat/completions"),
        ("POST", "/engines/v1/completions"),
        ("POST", "/engines/llama.cpp/v1/embeddings"),
        ("POST", "/engines/llama.cpp/chat/completions"),
        ("POST", "/anthropic/v1/messages"),
        ("POST", "/anthropic/v1/messages/count_tokens"),
        ("POST", "/v1/messages"),
        ("POST", "/v1/responses"),
        ("POST", "/responses"),
        ("GET", "/v1/responses/resp_1"),
        ("POST", "/rerank"),
        ("POST", "/engines/llama.cpp/score"),
        ("POST", "/api/chat"),
        ("POST", "/api/generate"),
        ("POST", "/api/show"),
        ("GET", "/api/tags"),
        ("GET", "/"),
        ("HEAD", "/models"),
        ("GET", "/engines/v1/models/dmr.local/demo:latest"),
        ("GET", "/v1/models"),
    ],
)
def test_the_data_plane(method: str, path: str) -> None:
    assert is_data_plane(method, path)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/models/create"),
        ("POST", "/models/x/push"),
        ("GET", "/models/x"),  # ?remote=true makes this service ask a registry
        ("DELETE", "/models/x"),
        ("DELETE", "/models/purge"),
        ("POST", "/engines/_configure"),
        ("POST", "/engines/llama.cpp/_configure"),
        ("GET", "/engines/_configure"),
        ("POST", "/engines/unload"),
        ("GET", "/engines/requests"),
        ("GET", "/engines/ps"),
        ("GET", "/logs"),
        ("GET", "/metrics"),
        ("GET", "/events"),
        ("GET", "/settings"),
        ("PUT", "/settings/tcp"),
        ("PUT", "/settings/containers"),
        ("POST", "/service/stop"),
        ("POST", "/api/pull"),
        ("POST", "/api/create"),
        ("DELETE", "/api/delete"),
        ("DELETE", "/v1/responses/resp_1"),
        ("PUT", "/v1/chat/completions"),
        ("POST", "/v1/models"),
        ("GET", "/engines/a/b/v1/models"),
        ("POST", "/v1/chat/completions\n"),
        ("OPTIONS", "/v1/models"),
    ],
)
def test_the_control_plane(method: str, path: str) -> None:
    assert not is_data_plane(method, path)


@pytest.mark.parametrize(
    ("headers", "is_right"),
    [
        ({}, False),
        ({"authorization": f"Bearer {KEY}"}, True),
        ({"authorization": f"bearer  {KEY} "}, True),
        ({"x-api-key": KEY}, True),
        ({"authorization": f"Basic {KEY}"}, False),
        ({"authorization": KEY}, False),
        ({"authorization": "Bearer wrong", "x-api-key": KEY}, True),
        ({"x-api-key": f"{KEY}x"}, False),
        ({"x-api-key": ""}, False),
        ({"x-api-key": "é"}, False),
    ],
)
def test_the_key(headers: dict[str, str], is_right: bool) -> None:
    assert ApiKey(KEY).is_in(Headers(headers)) is is_right
    assert not ApiKey(None).is_in(Headers(headers))


def test_doors() -> None:
    key, with_key = ApiKey(KEY), Headers({"x-api-key": KEY})
    check_door("unix", "POST", "/service/stop", NOTHING, key)
    check_door("tcp", "POST", "/service/stop", NOTHING, key)
    check_door("container", "POST", "/v1/embeddings", NOTHING, key)
    check_door("container", "POST", "/service/stop", with_key, key)
    check_door("network", "POST", "/service/stop", with_key, key)
    check_door("network", "GET", "/", NOTHING, key)
    with pytest.raises(AccessDenied, match="POST /service/stop is not open to containers"):
        check_door("container", "POST", "/service/stop", NOTHING, key)
    for method, path in (("POST", "/v1/embeddings"), ("GET", "/v1/models"), ("POST", "/")):
        with pytest.raises(HTTPProblem) as caught:
            check_door("network", method, path, NOTHING, key)
        assert (caught.value.status, caught.value.headers) == (401, {"WWW-Authenticate": "Bearer"})
