"""One request for text and the events that answer it, whatever dialect asked.

Dialects parse into :class:`GenerationRequest` and render from :data:`Event`; runners do the
opposite. Nothing here knows HTTP, templates or tokens' spelling.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from dmr_desktop.protocol.errors import ErrorInfo
from dmr_desktop.protocol.json_types import JSON

Role: TypeAlias = Literal["system", "user", "assistant", "tool"]
FinishReason: TypeAlias = Literal["stop", "length", "tool_calls", "cancelled"]


# ---- what is asked ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TextPart:
    text: str


@dataclass(frozen=True, slots=True)
class ImagePart:
    """An image by URL; only ``data:`` URLs are ever opened."""

    url: str


Part: TypeAlias = TextPart | ImagePart


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call in the history. ``arguments`` is JSON text, exactly as the model wrote it."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Message:
    role: Role
    content: tuple[Part, ...] = ()
    reasoning: str | None = None
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Tool:
    """A function the model may call. ``parameters`` is a JSON schema of an object."""

    name: str
    description: str = ""
    parameters: Mapping[str, JSON] = field(default_factory=dict)
    strict: bool = False


@dataclass(frozen=True, slots=True)
class NamedTool:
    name: str


ToolChoice: TypeAlias = Literal["auto", "none", "required"] | NamedTool


@dataclass(frozen=True, slots=True)
class JsonObject:
    """``response_format: json_object``: any JSON object."""


@dataclass(frozen=True, slots=True)
class JsonSchema:
    """``response_format: json_schema``."""

    schema: Mapping[str, JSON]
    name: str = ""
    strict: bool = False


@dataclass(frozen=True, slots=True)
class Grammar:
    """llama.cpp's ``grammar``: what the whole answer is, in GBNF."""

    text: str


ResponseFormat: TypeAlias = JsonObject | JsonSchema | Grammar


@dataclass(frozen=True, slots=True)
class SamplingParams:
    """Defaults are the dialect owners' (OpenAI). ``temperature`` 0 is greedy.

    ``top_k`` 0, ``top_p`` 1, ``min_p`` 0, ``repeat_penalty`` 1 mean off. ``logit_bias`` maps token
    ids to an addition to the logit. ``seed`` None draws a fresh one.
    """

    temperature: float = 1.0
    top_p: float = 1.0
    top_k: int = 0
    min_p: float = 0.0
    repeat_penalty: float = 1.0
    repeat_last_n: int = 64
    presence_penalty: float = 0.0
    frequency_penalty: float = 0.0
    logit_bias: Mapping[int, float] = field(default_factory=dict)
    seed: int | None = None


@dataclass(frozen=True, slots=True)
class ChatPrompt:
    """Messages for the model's own chat template. ``template_kwargs`` reach the template as variables."""

    messages: tuple[Message, ...]
    tools: tuple[Tool, ...] = ()
    tool_choice: ToolChoice = "auto"
    parallel_tool_calls: bool = True
    template_kwargs: Mapping[str, JSON] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TextPrompt:
    """Raw text (``/completions``), tokenized without a template. BOS is added as the model wants.

    ``suffix``: what stands behind the gap that the model is to fill; None: it goes on with the text.
    """

    text: str
    suffix: str | None = None


@dataclass(frozen=True, slots=True)
class TokenPrompt:
    """Token ids, used as they are."""

    tokens: tuple[int, ...]


Prompt: TypeAlias = ChatPrompt | TextPrompt | TokenPrompt


@dataclass(frozen=True, slots=True)
class GenerationRequest:
    """``max_tokens`` None: until the model stops or the context is full.

    ``num_choices`` completions are generated of the same prompt. ``top_logprobs`` None: no
    log-probabilities; 0: of the chosen token only; k: and of the k best alternatives.
    ``echo`` (raw prompts only) puts the prompt in front of the text, with ``top_logprobs`` the log-probabilities of its
    tokens too, the first of which nothing foretold. ``reasoning_budget`` tokens may be reasoning
    before its end is written for the model; None: as many as it likes.
    """

    prompt: Prompt
    sampling: SamplingParams = field(default_factory=SamplingParams)
    max_tokens: int | None = None
    stop: tuple[str, ...] = ()
    num_choices: int = 1
    top_logprobs: int | None = None
    response_format: ResponseFormat | None = None
    ignore_eos: bool = False
    echo: bool = False
    reasoning_budget: int | None = None


# ---- what comes back -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TopLogprob:
    token: str
    token_bytes: tuple[int, ...]
    logprob: float


@dataclass(frozen=True, slots=True)
class TokenLogprob:
    """``token`` may hold U+FFFD where a character spans several tokens; ``token_bytes`` never lies."""

    token: str
    token_bytes: tuple[int, ...]
    logprob: float
    top: tuple[TopLogprob, ...] = ()


@dataclass(frozen=True, slots=True)
class Usage:
    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int = 0
    reasoning_tokens: int = 0

    @property
    def total_tokens(self) -> int:
        return self.prompt_tokens + self.completion_tokens


@dataclass(frozen=True, slots=True)
class Timings:
    """Milliseconds: waiting in the queue, prefill, decode."""

    queue_ms: float = 0.0
    prompt_ms: float = 0.0
    predicted_ms: float = 0.0


@dataclass(frozen=True, slots=True)
class Started:
    """The prompt is computed; the first token follows. Exactly once, before any delta."""

    prompt_tokens: int
    cached_tokens: int


@dataclass(frozen=True, slots=True)
class TextDelta:
    """``pieces``: of how many it was joined; nearly always each is one token's. So for the other deltas."""

    text: str
    choice: int = 0
    logprobs: tuple[TokenLogprob, ...] = ()
    pieces: int = 1


@dataclass(frozen=True, slots=True)
class ReasoningDelta:
    text: str
    choice: int = 0
    pieces: int = 1


@dataclass(frozen=True, slots=True)
class ToolCallStarted:
    call_index: int
    id: str
    name: str
    choice: int = 0


@dataclass(frozen=True, slots=True)
class ToolCallArguments:
    """The next piece of the JSON text of the arguments of call ``call_index``."""

    call_index: int
    text: str
    choice: int = 0
    pieces: int = 1


@dataclass(frozen=True, slots=True)
class ChoiceFinished:
    """``stop`` is the stop string that matched, if one did."""

    reason: FinishReason
    choice: int = 0
    stop: str | None = None


@dataclass(frozen=True, slots=True)
class Finished:
    """Last event of a request that went well: once, after every choice has finished."""

    usage: Usage
    timings: Timings = Timings()


@dataclass(frozen=True, slots=True)
class Failed:
    """Last event of a request that did not go well."""

    error: ErrorInfo


Event: TypeAlias = (
    Started | TextDelta | ReasoningDelta | ToolCallStarted | ToolCallArguments | ChoiceFinished | Finished | Failed
)
