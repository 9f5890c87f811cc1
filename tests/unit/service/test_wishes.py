import pytest

from dmr_desktop.dialects.fields import Fields
from dmr_desktop.protocol.errors import DMRError, InvalidRequest
from dmr_desktop.protocol.runners import EngineTuning, Mode
from dmr_desktop.service.wishes import read_wish


def test_a_whole_wish() -> None:
    wish = read_wish(
        Fields(
            {
                "model": "ai/x",
                "mode": "completion",
                "context-size": 8192,
                "runtime-flags": ["--temp", "0.7", "--mlock"],
                "raw-runtime-flags": "--temp 0.1",
                "keep_alive": "10m",
                "llamacpp": {"reasoning-budget": 0},
                "vllm": {"hf-overrides": {"max_model_len": 1}, "gpu-memory-utilization": 0.9},
                "speculative": {"num_tokens": 16, "min_acceptance_rate": 0.8},
            }
        ),
        "llama.cpp",
    )
    assert (wish.model, wish.mode, wish.context_size, wish.keep_alive_seconds) == ("ai/x", Mode.COMPLETION, 8192, 600)
    assert wish.defaults == {
        "temperature": 0.7,
        "chat_template_kwargs": {"enable_thinking": False},
        "reasoning_budget": 0,
    }
    assert wish.flags.tuning == EngineTuning(load_mode="mmap_mlock")
    # Docker Model Runner's members in its order.
    assert list(wish.shown.items()) == [
        ("context-size", 8192),
        ("runtime-flags", ["--temp", "0.7", "--mlock"]),
        ("speculative", {"num_tokens": 16, "min_acceptance_rate": 0.8}),
        ("keep_alive", "10m0s"),
        ("vllm", {"hf-overrides": {"max_model_len": 1}, "gpu-memory-utilization": 0.9}),
        ("llamacpp", {"reasoning-budget": 0}),
    ]


def test_a_budget_may_come_as_a_flag_and_leaves_other_variables_alone() -> None:
    flags = ["--reasoning-budget", "0", "--chat-template-kwargs", '{"a": 1}']
    wish = read_wish(Fields({"runtime-flags": flags}), "llama.cpp")
    assert wish.defaults == {"chat_template_kwargs": {"enable_thinking": False, "a": 1}, "reasoning_budget": 0}
    some = read_wish(Fields({"llamacpp": {"reasoning-budget": 100}}), "llama.cpp")
    assert (some.defaults, some.shown) == ({"reasoning_budget": 100}, {"llamacpp": {"reasoning-budget": 100}})
    unlimited = read_wish(Fields({"runtime-flags": ["--reasoning-budget=-1"]}), "llama.cpp")
    assert unlimited.defaults == {}
    assert "llamacpp" not in unlimited.shown


@pytest.mark.parametrize(
    ("body", "mode", "context_size", "keep_alive"),
    [
        ({}, Mode.COMPLETION, None, None),
        ({"context-size": -1}, Mode.COMPLETION, -1, None),
        ({"context-size": 0}, Mode.COMPLETION, None, None),
        ({"context-size": -7}, Mode.COMPLETION, None, None),
        ({"context-size": 16}, Mode.COMPLETION, None, None),
        ({"context-size": 512}, Mode.COMPLETION, 512, None),
        ({"raw-runtime-flags": "--embeddings --threads 2"}, Mode.EMBEDDING, None, None),
        ({"mode": "reranking", "keep_alive": "-1"}, Mode.RERANKING, None, -1),
        ({"keep_alive": "0"}, Mode.COMPLETION, None, 0),
    ],
)
def test_small_wishes(body: dict[str, object], mode: Mode, context_size: int | None, keep_alive: float | None) -> None:
    wish = read_wish(Fields(body), "llama.cpp")
    assert (wish.mode, wish.context_size, wish.keep_alive_seconds) == (mode, context_size, keep_alive)


@pytest.mark.parametrize(
    "body",
    [
        {"mode": "chat"},
        {"context-size": "4k"},
        {"context-size": 2**31},
        {"keep_alive": "soon"},
        {"keep_alive": 10},
        {"runtime-flags": "--temp"},
        {"runtime-flags": ["--temp", 3]},
        {"raw-runtime-flags": "--temp '"},
        {"model": 3},
        {"vllm": {"gpu-memory-utilization": 2}},
        {"vllm": {"hf-overrides": []}},
        {"speculative": {"num_tokens": "many"}},
        {"speculative": {"min_acceptance_rate": 2}},
        {"llamacpp": []},
    ],
)
def test_malformed_wishes(body: dict[str, object]) -> None:
    with pytest.raises(InvalidRequest):
        read_wish(Fields(body), "llama.cpp")


@pytest.mark.parametrize(
    "body",
    [
        {"speculative": {"draft_model": "ai/y"}},
        {"vllm": {"hf-overrides": {"a": [{"b-c": 1}]}}},
        {"runtime-flags": ["--mirostat", "2"]},
        {"mode": "image-generation"},
        {"mode": "embedding", "runtime-flags": ["--batch-size", "64"]},
        {"mode": "embedding", "runtime-flags": ["--no-kv-offload"]},
        {"mode": "completion", "runtime-flags": ["--reranking"]},
        {"mode": "completion", "runtime-flags": ["--embeddings"]},
    ],
)
def test_what_cannot_be_honoured_is_refused(body: dict[str, object]) -> None:
    with pytest.raises(DMRError) as caught:
        read_wish(Fields(body), "llama.cpp")
    assert caught.value.status == 500
