import pytest

from dmr_desktop.protocol.errors import DMRError
from dmr_desktop.service.runtime_flags import FlagSettings, read_flags


def test_flags_configure_the_runner_or_become_defaults() -> None:
    tokens = ["--ctx-size", "512", "-t=3", "--temp", "0.5", "--top-k=7", "--jinja", "-ngl", "0", "--seed=-1"]
    assert read_flags(tokens, "llama.cpp") == FlagSettings(
        context_size=512,
        threads=3,
        gpu_layers=0,
        defaults={"temperature": 0.5, "top_k": 7, "seed": -1},
    )
    kwargs = read_flags(["--chat-template-kwargs", '{"enable_thinking": false}'], "llama.cpp")
    assert kwargs.defaults == {"chat_template_kwargs": {"enable_thinking": False}}
    assert read_flags([], "llama.cpp") == FlagSettings()


@pytest.mark.parametrize(
    ("tokens", "message"),
    [
        (["--log-file", "x"], 'runtime flag "--log-file" is not allowed for backend "llama.cpp"'),
        (["--model=x"], 'runtime flag "--model" is not allowed for backend "llama.cpp"'),
        (["--seed", "-1"], 'runtime flag "-1" is not allowed for backend "llama.cpp"'),
        (["--seed=--x"], "invalid flag \"--seed=--x\": value cannot start with '-' unless followed by a digit"),
        (["--temp", "a/b"], "invalid runtime flag \"a/b\": paths are not allowed (contains '/' or '\\\\')"),
        (["--temp", "a\\b"], "invalid runtime flag \"a\\b\": paths are not allowed (contains '/' or '\\\\')"),
        (["--temp"], 'invalid value for runtime flag "--temp": ""'),
        (["--temp", "warm"], 'invalid value for runtime flag "--temp": "warm"'),
        (["--temp", "nan"], 'invalid value for runtime flag "--temp": "nan"'),
        (["--threads", "0"], 'invalid value for runtime flag "--threads": "0"'),
        (["--chat-template-kwargs", "[]"], 'invalid value for runtime flag "--chat-template-kwargs": "[]"'),
        (["8192"], '"8192" is not a runtime flag'),
    ],
)
def test_what_cannot_be_honoured_is_named(tokens: list[str], message: str) -> None:
    with pytest.raises(DMRError) as caught:
        read_flags(tokens, "llama.cpp")
    assert (caught.value.message, caught.value.status) == (message, 500)
