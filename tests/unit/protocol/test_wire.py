"""Everything that crosses a process survives the trip, and nothing else gets through."""

import dataclasses
import json
import math
from pathlib import Path
from typing import Any

import pytest

from dmr_desktop.protocol import embedding, errors, generation, models, notices, rerank, runners
from dmr_desktop.protocol.embedding import EmbeddingRequest, EmbeddingResult
from dmr_desktop.protocol.errors import ErrorInfo
from dmr_desktop.protocol.generation import (
    ChatPrompt,
    ChoiceFinished,
    Event,
    Failed,
    Finished,
    GenerationRequest,
    Grammar,
    ImagePart,
    JsonObject,
    JsonSchema,
    Message,
    NamedTool,
    ReasoningDelta,
    SamplingParams,
    Started,
    TextDelta,
    TextPart,
    TextPrompt,
    Timings,
    TokenLogprob,
    TokenPrompt,
    Tool,
    ToolCall,
    ToolCallArguments,
    ToolCallStarted,
    TopLogprob,
    Usage,
)
from dmr_desktop.protocol.models import Model, ModelConfig, Progress
from dmr_desktop.protocol.notices import GpuSample, PullStatus, RequestNotice, Snapshot, TcpStatus, TelemetrySample
from dmr_desktop.protocol.rerank import RerankRequest, RerankResult
from dmr_desktop.protocol.runners import (
    EngineTuning,
    LaunchSpec,
    Mode,
    RunnerConfig,
    RunnerFacts,
    RunnerKey,
    RunnerState,
    RunnerStatus,
)
from dmr_desktop.protocol.wire import LOWEST_LOGPROB, WireError, dump, dump_event, load, load_event

WEATHER = Tool(
    "weather",
    "tells it",
    {"type": "object", "properties": {"city": {"type": "string", "enum": ["Bonn", None, 1, 2.5, True]}}},
    strict=True,
)
CHAT = ChatPrompt(
    (
        Message("system", (TextPart("be kind"),)),
        Message("user", (TextPart("Grüße 🙂\u0000"), ImagePart("data:image/png;base64,AA=="))),
        Message("assistant", (), "thinking", (ToolCall("call_1", "weather", '{"city":'),)),
        Message("tool", (TextPart("rain"),), tool_call_id="call_1", name="weather"),
    ),
    (WEATHER,),
    NamedTool("weather"),
    parallel_tool_calls=False,
    template_kwargs={"enable_thinking": False, "nested": {"list": [1, {"a": None}]}},
)
FACTS = RunnerFacts(4096, 8192, 8, 256, 64, "learned: chatml", ("a note",))
CONFIG = RunnerConfig(-1, 0.0, 4, 99, 2, EngineTuning(64, cache_type_k="q8_0", kv_offload=False, rope_freq_scale=0.5))
STATUS = RunnerStatus(
    "llama.cpp", "sha256:ab", "ai/x", Mode.COMPLETION, RunnerState.BUSY, 12, 3, 1.5, 2.5, None, 99, "", FACTS
)
LOGPROB = TokenLogprob("é", (195, 169), -0.5, (TopLogprob("e", (101,), -1.0), TopLogprob("\ufffd", (195,), -2.0)))

VALUES: list[object] = [
    GenerationRequest(
        CHAT,
        SamplingParams(0.0, 0.5, 40, 0.1, 1.1, 32, 0.2, 0.3, {15: -100.0, 7: 2.0}, 42),
        128,
        ("\n\n", "END"),
        3,
        5,
        JsonSchema({"type": "object", "additionalProperties": False}, "answer", True),
        True,
        False,
    ),
    GenerationRequest(TextPrompt("Once"), echo=True, response_format=JsonObject()),
    GenerationRequest(TextPrompt("Once"), response_format=Grammar('root ::= "a"')),
    GenerationRequest(TokenPrompt((1, 2, 3))),
    ChatPrompt((), tool_choice="required"),
    EmbeddingRequest(("text", (1, 2, 3), "", ())),
    EmbeddingResult(((0.5, -0.25), (1.0, 0.0)), 7),
    RerankRequest(("a", "b"), ("c", "d"), True),
    RerankResult((0.5, -12.25), True, 7),
    ErrorInfo("code", "message", "hint", "param", "evidence"),
    LaunchSpec("/models/a.gguf", Mode.EMBEDDING, CONFIG, "/models/mm.gguf", None, 2048),
    STATUS,
    RunnerKey("llama.cpp", "sha256:ab", Mode.RERANKING),
    Model("sha256:ab", ("docker.io/ai/x:latest",), 5, ModelConfig("gguf", gguf={"a": "b"}, context_size=3), 9),
    Progress("warning", "Pulling", 10, "sha256:cd", 10, 5, "push"),
    Snapshot(
        "0.1",
        "/run/s",
        "/models",
        1.0,
        TcpStatus(True, False, 12434, ("127.0.0.1",), "in use"),
        ({"id": "sha256:ab", "size_bytes": 3},),
        (STATUS,),
        (PullStatus("ai/x", "running", 1, 2, 0.5, "m"),),
        (TelemetrySample(1.0, 2.0, 3, 4, 5, 6.0, 7, (GpuSample("H", None, 5, None),)),),
    ),
    RequestNotice("r1", "running", "ai/x", "/v1/chat/completions", 1.0),
]

EVENTS: list[Event] = [
    Started(12, 4),
    TextDelta("Grüße 🙂", 1),
    TextDelta("é", 0, (LOGPROB, TokenLogprob("x", (120,), -1.5))),
    ReasoningDelta("hm", 2),
    ToolCallStarted(0, "call_1", "weather", 1),
    ToolCallArguments(0, '{"city":', 1),
    ChoiceFinished("stop", 0, "END"),
    ChoiceFinished("tool_calls", 3),
    Finished(Usage(1, 2, 3, 4), Timings(0.5, 1.5, 2.5)),
    Failed(ErrorInfo("runner_crashed", "it died", "again", None, "SIGSEGV")),
]


def over_the_wire(value: object) -> Any:
    return json.loads(json.dumps(dump(value)))


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_a_value_comes_back_equal(value: object) -> None:
    assert load(type(value), over_the_wire(value)) == value


def test_every_class_of_the_protocol_is_covered() -> None:
    """A new dataclass must be added to VALUES or EVENTS (or lie inside one of them)."""

    def inside(value: object) -> set[type]:
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            return {type(value)}.union(*(inside(getattr(value, f.name)) for f in dataclasses.fields(value)))
        if isinstance(value, tuple | list):
            return set().union(*map(inside, value))
        return set()

    defined = {
        cls
        for module in (embedding, errors, generation, models, notices, rerank, runners)
        for cls in vars(module).values()
        if dataclasses.is_dataclass(cls) and isinstance(cls, type) and cls.__module__ == module.__name__
    }
    never_sent = {models.ModelFiles}
    assert defined - inside(VALUES) - inside(EVENTS) == never_sent


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_an_event_comes_back_equal_in_both_forms(event: Event) -> None:
    assert load_event(json.loads(json.dumps(dump_event(event)))) == event
    assert load(type(event), over_the_wire(event)) == event


def test_the_union_is_told_apart_by_type() -> None:
    request = over_the_wire(GenerationRequest(TextPrompt("hi")))
    assert request["prompt"] == {"type": "TextPrompt", "text": "hi", "suffix": None}
    request["prompt"]["type"] = "ImagePart"
    with pytest.raises(WireError, match="prompt"):
        load(GenerationRequest, request)


def test_an_own_field_named_type_is_kept() -> None:
    assert over_the_wire(Progress("error", "no"))["type"] == "error"


def test_the_error_of_a_tagged_member_is_the_one_reported() -> None:
    with pytest.raises(WireError, match=r"TextPrompt|text"):
        load(GenerationRequest, {"prompt": {"type": "TextPrompt", "text": 5}})


@pytest.mark.parametrize(
    ("cls", "data"),
    [
        (Usage, {"prompt_tokens": 1}),
        (Usage, {"prompt_tokens": 1, "completion_tokens": "2"}),
        (Usage, {"prompt_tokens": True, "completion_tokens": 2}),
        (Usage, {"prompt_tokens": 1, "completion_tokens": 2, "more": 3}),
        (Usage, {"type": "Timings", "prompt_tokens": 1, "completion_tokens": 2}),
        (Usage, [1, 2]),
        (Usage, None),
        (Timings, {"queue_ms": None}),
        (ChoiceFinished, {"reason": "tired"}),
        (ChoiceFinished, {"reason": ["stop"]}),
        (TokenPrompt, {"tokens": [1, "2"]}),
        (TokenPrompt, {"tokens": [1, True]}),
        (TokenPrompt, {"tokens": "12"}),
        (SamplingParams, {"logit_bias": {"x": 1.0}}),
        (SamplingParams, {"logit_bias": [1.0]}),
        (LaunchSpec, {"weights": "/m", "mode": "painting"}),
        (Tool, {"name": "x", "parameters": []}),
    ],
)
def test_a_wrong_shape_is_refused(cls: type, data: Any) -> None:
    with pytest.raises(WireError):
        load(cls, data)


@pytest.mark.parametrize("value", [b"bytes", {1, 2}, object(), Path("/x")])
def test_what_has_no_json_form_is_not_sent(value: object) -> None:
    with pytest.raises(WireError, match="cannot send"):
        dump(value)


@pytest.mark.parametrize(
    "row",
    [
        [],
        ["?"],
        "t",
        ["t", 0],
        ["t", "0", "text"],
        ["t", 0, 5],
        ["t", 0, "x", [["a", [1], None, []]]],
        ["t", 0, "x", [["a", ["b"], -1.0, []]]],
        ["f", 0, "tired", None],
        ["f", 0, "stop", 5],
        ["z", [1, 2, 3], [0, 0, 0]],
        ["z", [1, 2, 3, 4], [0, "x", 0]],
        ["e", "code", "message"],
        ["s", 1],
        {"t": 1},
    ],
)
def test_a_row_that_is_no_event_is_refused(row: Any) -> None:
    with pytest.raises(WireError, match="not an event"):
        load_event(row)


def test_minus_infinity_has_a_json_form() -> None:
    event = TextDelta("a", 0, (TokenLogprob("a", (97,), -0.1, (TopLogprob("b", (98,), -math.inf),)),))
    back = load_event(json.loads(json.dumps(dump_event(event), allow_nan=False)))
    assert isinstance(back, TextDelta)
    assert back.logprobs[0].top[0].logprob == LOWEST_LOGPROB
