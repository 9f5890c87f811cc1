import pytest

from dmr_desktop.protocol.errors import DMRError
from dmr_desktop.protocol.runners import EngineTuning
from dmr_desktop.service.runtime_flag_names import NOT_HONOURED
from dmr_desktop.service.runtime_flags import HONOURED, FlagSettings, read_flags


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
    ("line", "tuning"),
    [
        ("--batch-size 256 -ub=64", EngineTuning(batch_size=256, ubatch_size=64)),
        ("-fa", EngineTuning(flash_attention="on")),
        ("-fa off --jinja", EngineTuning(flash_attention="off")),
        ("-ctk q8_0 -ctv q4_0", EngineTuning(cache_type_k="q8_0", cache_type_v="q4_0")),
        ("--no-mmap", EngineTuning(load_mode="none")),
        ("--mlock", EngineTuning(load_mode="mmap_mlock")),
        ("--mlock --no-mmap", EngineTuning(load_mode="mlock")),
        ("--no-mmap --mlock", EngineTuning(load_mode="mlock")),
        (
            "-nkvo --no-op-offload -nr --no-host",
            EngineTuning(kv_offload=False, op_offload=False, repack=False, no_host=True),
        ),
        ("--rope-scaling yarn --rope-scale 4", EngineTuning(rope_scaling="yarn", rope_freq_scale=0.25)),
        ("--rope-freq-base 1000000 --yarn-orig-ctx 4096", EngineTuning(rope_freq_base=1e6, yarn_orig_ctx=4096)),
        ("--split-mode row --main-gpu 1", EngineTuning(split_mode="row", main_gpu=1)),
    ],
)
def test_flags_tune_the_engine(line: str, tuning: EngineTuning) -> None:
    assert read_flags(line.split(), "llama.cpp").tuning == tuning


def test_what_the_engine_does_anyway_changes_nothing() -> None:
    line = (
        "--jinja --cont-batching --cache-prompt --no-context-shift --reasoning-format deepseek --swa-full -kvu --warmup"
    )
    assert read_flags(line.split(), "llama.cpp") == FlagSettings()


def test_every_flag_that_docker_lets_through_is_honoured_or_refused_by_its_name() -> None:
    assert not HONOURED & NOT_HONOURED
    assert len(HONOURED | NOT_HONOURED) == 251
    for name in NOT_HONOURED:
        for tokens in ([name], [f"{name}=1"], [name, "1"]):
            with pytest.raises(DMRError, match=f'runtime flag "{name}" is not supported'):
                read_flags(tokens, "llama.cpp")


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
        (["--temp", "9"], 'invalid value for runtime flag "--temp": "9"'),
        (["--parallel", "100000"], 'invalid value for runtime flag "--parallel": "100000"'),
        (["--threads", "9" * 5000], f'invalid value for runtime flag "--threads": "{"9" * 5000}"'),
        (["--ctx-size", "99999999"], 'invalid value for runtime flag "--ctx-size": "99999999"'),
        (["-ctk", "q2_k"], 'invalid value for runtime flag "-ctk": "q2_k"'),
        (["-fa", "maybe"], 'invalid value for runtime flag "-fa": "maybe"'),
        (["--rope-scale", "0"], 'invalid value for runtime flag "--rope-scale": "0"'),
        (["--mlock=1"], 'runtime flag "--mlock" takes no value'),
        (["--mlock", "x"], '"x" is not a runtime flag'),
        (["--reasoning-format", "none"], 'invalid value for runtime flag "--reasoning-format": "none"'),
        (
            ["-fa", "off", "-ctv", "q8_0"],
            'runtime flag "--cache-type-v" with "q8_0" needs "--flash-attn on"',
        ),
        (["--chat-template-kwargs", "[" * 10000], None),
    ],
)
def test_what_cannot_be_honoured_is_named(tokens: list[str], message: str | None) -> None:
    with pytest.raises(DMRError) as caught:
        read_flags(tokens, "llama.cpp")
    assert caught.value.status == 500
    assert message is None or caught.value.message == message
