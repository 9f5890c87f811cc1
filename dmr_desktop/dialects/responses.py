"""``/responses``: OpenAI's newer dialect. What it reads; ``responses_stream`` and ``responses_answer`` write."""

import time
from collections.abc import Callable, Mapping
from functools import partial

import orjson

from dmr_desktop.dialects.exchange import NO_DEFAULTS, Defaults, Exchange, with_defaults
from dmr_desktop.dialects.fields import Fields
from dmr_desktop.dialects.openai_chat import read_template_kwargs
from dmr_desktop.dialects.openai_sampling import (
    MAX_TOKENS_LIMIT,
    MAX_TOP_LOGPROBS,
    read_keep_alive,
    read_max_tokens,
    read_model,
    read_sampling,
    read_stop,
)
from dmr_desktop.dialects.reasoning import read_reasoning_budget
from dmr_desktop.dialects.responses_answer import ResponseCollector
from dmr_desktop.dialects.responses_input import ReadInput, add_message, read_input, read_item
from dmr_desktop.dialects.responses_memory import Memory, Recalled, StoredResponse, stored_items
from dmr_desktop.dialects.responses_objects import new_id
from dmr_desktop.dialects.responses_stream import ResponseWriter
from dmr_desktop.dialects.responses_tools import (
    OfferedTools,
    read_flat_choice,
    read_flat_tools,
    read_text_format,
    text_object,
)
from dmr_desktop.protocol.errors import PreviousResponseNotFound
from dmr_desktop.protocol.generation import ChatPrompt, GenerationRequest, Message, TextPart

MAX_METADATA = 16
MAX_METADATA_KEY_CHARS = 64
MAX_METADATA_VALUE_CHARS = 512
_LOGPROBS = "message.output_text.logprobs"
_SUMMARIES = ("auto", "concise", "detailed")
_REPEATED = ("max_tool_calls", "prompt_cache_key", "safety_identifier", "user")
"""Without a meaning here and without harm: the response object says them back."""


class ResponsesDialect:
    """Reads and writes with what ``memory`` holds of earlier responses."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    def parse(self, data: object, defaults: Defaults = NO_DEFAULTS) -> Exchange:
        """Raises InvalidRequest."""
        return self.recall(data)(data, defaults)

    def recall(self, data: object) -> Callable[[object, Defaults], Exchange]:
        """Looks up what ``data`` refers to; the reading of ``data`` that comes back does not touch the memory."""
        return partial(self._read, Recalled(self._memory, data))

    def _read(self, recalled: Recalled, data: object, defaults: Defaults) -> Exchange:
        body = Fields(with_defaults(data, defaults))
        model = read_model(body)
        _refuse_unsupported(body)
        earlier = _earlier(body, recalled)
        given = read_input(body, recalled.item)
        messages = _continued(earlier, given.messages)
        if not messages:
            body.refuse("input", "Invalid 'input': its items hold nothing that the model could read.")
        if messages[0].role == "tool":
            body.refuse(
                "input", f"No tool call found for function call output with call_id {messages[0].tool_call_id}."
            )
        tools = read_flat_tools(body)
        offered, choice = read_flat_choice(body, tools.functions)
        reasoning = body.inner("reasoning") or Fields({}, body.path("reasoning"))
        instructions = body.text("instructions")
        request = GenerationRequest(
            prompt=ChatPrompt(
                messages=((Message("system", (TextPart(instructions),)),) if instructions else ()) + messages,
                tools=offered,
                tool_choice=choice,
                parallel_tool_calls=body.flag("parallel_tool_calls", default=True),
                template_kwargs=read_template_kwargs(body, reasoning, "effort"),
            ),
            sampling=read_sampling(body),
            max_tokens=body.integer("max_output_tokens", 1, MAX_TOKENS_LIMIT) or read_max_tokens(body),
            stop=read_stop(body),
            top_logprobs=_read_top_logprobs(body),
            response_format=read_text_format(body),
            reasoning_budget=read_reasoning_budget(body),
        )
        summary = reasoning.choice("summary", _SUMMARIES) or reasoning.choice("generate_summary", _SUMMARIES)
        head = _head(body, model, request, tools, earlier, summary)

        def keep(response: dict[str, object]) -> None:
            if response["store"]:
                self._memory.keep(_stored(response, given, messages))

        as_summary = summary is not None
        return Exchange(
            model=model,
            requests=(request,),
            stream=body.flag("stream"),
            writer=lambda: ResponseWriter(head, keep, as_summary=as_summary, namespaces=tools.namespaces),
            collector=lambda: ResponseCollector(head, keep, as_summary=as_summary, namespaces=tools.namespaces),
            keep_alive_seconds=read_keep_alive(body),
            drops_oldest=_truncation(body) == "auto",
        )


def _earlier(body: Fields, recalled: Recalled) -> StoredResponse | None:
    response_id = body.text("previous_response_id")
    if response_id is None:
        return None
    found = recalled.response(response_id)
    if found is None:
        raise PreviousResponseNotFound(
            f"Previous response with id '{response_id[:80]}' not found.",
            hint="responses are kept for a while, in memory, unless 'store' is false; send the whole input instead",
            param="previous_response_id",
        )
    return found


def _head(
    body: Fields,
    model: str,
    request: GenerationRequest,
    tools: OfferedTools,
    earlier: StoredResponse | None,
    summary: str | None,
) -> dict[str, object]:
    """The response object before anything is generated: most of it says what was asked."""
    reasoning = body.inner("reasoning")
    return {
        "id": new_id("resp"),
        "object": "response",
        "created_at": int(time.time()),
        "status": "in_progress",
        "background": False,
        "completed_at": None,
        "error": None,
        "incomplete_details": None,
        "instructions": body.text("instructions"),
        "max_output_tokens": request.max_tokens,
        "metadata": _read_metadata(body),
        "model": model,
        "output": [],
        "parallel_tool_calls": body.flag("parallel_tool_calls", default=True),
        "previous_response_id": earlier.id if earlier is not None else None,
        "reasoning": {"effort": reasoning.text("effort") if reasoning is not None else None, "summary": summary},
        "service_tier": "default",
        "store": body.flag("store", default=True),
        "temperature": request.sampling.temperature,
        "text": text_object(body),
        "tool_choice": body.get("tool_choice") or "auto",
        "tools": tools.objects,
        "top_logprobs": request.top_logprobs or 0,
        "top_p": request.sampling.top_p,
        "truncation": _truncation(body),
        "usage": None,
        **{name: body.get(name) for name in _REPEATED},
    }


def _continued(earlier: StoredResponse | None, given: tuple[Message, ...]) -> tuple[Message, ...]:
    if earlier is None:
        return given
    messages = list(earlier.messages)
    for message in given:
        add_message(messages, message)
    return tuple(messages)


def _stored(response: dict[str, object], given: ReadInput, messages: tuple[Message, ...]) -> StoredResponse:
    output = response["output"]
    items = output if isinstance(output, list) else []
    after = list(messages)
    for item in items:
        message = read_item(Fields(item, "output"))
        if message is not None:
            add_message(after, message)
    return StoredResponse(
        id=str(response["id"]),
        body=orjson.dumps(response),
        input=given.items,
        output=stored_items(items),
        messages=tuple(after),
    )


def _refuse_unsupported(body: Fields) -> None:
    if body.flag("background"):
        body.refuse("background", "'background' is not supported: the answer comes on this connection.")
    if "conversation" in body:
        body.refuse("conversation", "'conversation' is not supported: use 'previous_response_id'.")
    if "prompt" in body:
        body.refuse("prompt", "'prompt' (a stored prompt) is not supported: send 'instructions' and 'input'.")


def _truncation(body: Fields) -> str:
    return body.choice("truncation", ("auto", "disabled")) or "disabled"


def _read_top_logprobs(body: Fields) -> int | None:
    top = body.integer("top_logprobs", 0, MAX_TOP_LOGPROBS)
    return top or (0 if _LOGPROBS in (body.items("include") or ()) else None)


def _read_metadata(body: Fields) -> Mapping[str, str]:
    given = body.mapping("metadata") or {}
    if len(given) > MAX_METADATA:
        body.refuse("metadata", f"Invalid 'metadata': at most {MAX_METADATA} entries, but got {len(given)}.")
    entries = Fields(given, body.path("metadata"))
    found = {}
    for key in given:
        value = entries.required_text(key)
        if len(key) > MAX_METADATA_KEY_CHARS or len(value) > MAX_METADATA_VALUE_CHARS:
            body.refuse(
                "metadata",
                f"Invalid 'metadata': keys have at most {MAX_METADATA_KEY_CHARS} characters, "
                f"values {MAX_METADATA_VALUE_CHARS}.",
            )
        found[key] = value
    return found
