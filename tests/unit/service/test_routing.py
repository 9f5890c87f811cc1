import pytest

from dmr_desktop.service.routing import next_step


@pytest.mark.parametrize(
    "path", ["/v1/", "/engines", "/engines/", "/engines/v1", "/engines/llama.cpp", "/engines/llama.cpp/v1/"]
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_base_url_is_said_to_be_one(method: str, path: str) -> None:
    said = next_step(method, path)
    assert "right as one" in said
    assert said.endswith(f" {path.rstrip('/')}/models")


@pytest.mark.parametrize(
    "path",
    ["/v1/images/generations", "/engines/v1/audio/speech", "/engines/llama.cpp/v1/moderations/", "/v1/chat/completion"],
)
def test_what_is_not_served_is_told_what_is(path: str) -> None:
    said = next_step("POST", path)
    assert said.startswith("that is not served here")
    assert "embeddings" in said


def test_a_wrong_base_is_told_the_right_ones() -> None:
    """Also to clients that first ask for the models."""
    assert next_step("GET", "/api/v1/models").startswith("no model answers at this path")
    assert next_step("GET", "/v1/api/tags").startswith("no model answers at this path")
    assert next_step("POST", "/api/v1/chat/completions").startswith("no model answers at this path")
    assert next_step("POST", "/v1/messages/").startswith("leave the slash at the end away")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/nothing"),
        ("POST", "/nothing"),
        ("POST", "/engines/ps"),
        ("GET", "/engines/unload"),
        ("GET", "/engines/nope"),
        ("PUT", "/models/x"),
        ("GET", "/v1/nothing"),
    ],
)
def test_of_others_no_more_is_said_than_docker_says(method: str, path: str) -> None:
    assert next_step(method, path) == ""
