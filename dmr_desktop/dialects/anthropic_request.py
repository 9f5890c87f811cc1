"""``/messages`` and ``/messages/count_tokens``: Anthropic's dialect. What it reads; :mod:`anthropic_answer` writes."""

from dmr_desktop.dialects.anthropic_answer import Head, MessageCollector, MessageWriter, new_message_id
from dmr_desktop.dialects.anthropic_messages import read_messages
from dmr_desktop.dialects.anthropic_tools import read_format, read_tool_choice, read_tools
from dmr_desktop.dialects.exchange import NO_DEFAULTS, Defaults, Exchange, with_defaults
from dmr_desktop.dialects.fields import Fields, one_of
from dmr_desktop.dialects.openai_chat import read_template_kwargs
from dmr_desktop.dialects.openai_sampling import MAX_TOKENS_LIMIT, read_keep_alive, read_model, read_sampling, read_stop
from dmr_desktop.dialects.reasoning import read_reasoning_budget
from dmr_desktop.protocol.generation import ChatPrompt, GenerationRequest
from dmr_desktop.protocol.json_types import JSON

MIN_THINKING_BUDGET = 1024
_THINKING = ("enabled", "adaptive", "between_tools", "disabled")
_DISPLAYS = ("summarized", "omitted")
_EFFORTS = {"low": "low", "medium": "medium", "high": "high", "xhigh": "high", "max": "high"}
"""Chat templates know OpenAI's three."""


def parse(data: object, defaults: Defaults = NO_DEFAULTS) -> Exchange:
    """Raises InvalidRequest."""
    own, body = Fields(data), Fields(with_defaults(data, defaults))
    model = read_model(own)
    _refuse_unsupported(own)
    max_tokens = own.integer("max_tokens", 0, MAX_TOKENS_LIMIT)  # 0: compute the prompt for those who ask next
    stop = read_stop(own, "stop_sequences")
    own.number("temperature", 0, 1)  # what is a model's default may be higher
    prompt = _read_prompt(own, body, max_tokens)
    request = GenerationRequest(
        prompt=prompt,
        sampling=read_sampling(body),
        max_tokens=body.integer("max_tokens", 0, MAX_TOKENS_LIMIT),
        stop=stop or read_stop(body),
        response_format=read_format(own),
        reasoning_budget=_read_budget(own, body),
    )
    # A model that thinks all the same keeps it to itself: a client that did not ask looks for text in the first block.
    shows_thinking = bool(prompt.template_kwargs.get("enable_thinking")) and not _omits_thinking(own)
    head = Head(new_message_id(), model, request.max_tokens, stop, shows_thinking)
    return Exchange(
        model=model,
        requests=(request,),
        stream=own.flag("stream"),
        writer=lambda: MessageWriter(head),
        collector=lambda: MessageCollector(head),
        keep_alive_seconds=read_keep_alive(own),
    )


def parse_count(data: object, defaults: Defaults = NO_DEFAULTS) -> ChatPrompt:
    """What the same body would make the model read. Raises InvalidRequest."""
    own = Fields(data)
    _refuse_unsupported(own)
    read_format(own)
    return _read_prompt(own, Fields(with_defaults(data, defaults)), None)


def _read_prompt(own: Fields, body: Fields, max_tokens: int | None) -> ChatPrompt:
    tools = read_tools(own)
    choice, is_parallel = read_tool_choice(own, tools)
    return ChatPrompt(
        messages=read_messages(own),
        tools=tools,
        tool_choice=choice,
        parallel_tool_calls=is_parallel,
        template_kwargs=_read_template_kwargs(own, body, max_tokens),
    )


def _read_template_kwargs(own: Fields, body: Fields, max_tokens: int | None) -> dict[str, JSON]:
    """``thinking`` (off unless asked for) and ``output_config.effort``, as the variables that chat templates read."""
    found = read_template_kwargs(body, body, "reasoning_effort")
    config = own.inner("output_config")
    effort = config.choice("effort", tuple(_EFFORTS)) if config is not None else None
    if effort is not None:
        found["reasoning_effort"] = _EFFORTS[effort]
    thinking = own.inner("thinking")
    if thinking is None:
        found.setdefault("enable_thinking", False)
        return found
    kind = thinking.required_text("type")
    if kind not in _THINKING:
        thinking.refuse("type", f"Invalid value: '{kind[:40]}'. Supported values are: {one_of(_THINKING)}.")
    if kind == "enabled":
        _check_budget(thinking, max_tokens)
    found["enable_thinking"] = kind != "disabled"
    return found


def _read_budget(own: Fields, body: Fields) -> int | None:
    """The request's own, checked before, else what is configured."""
    thinking = own.inner("thinking")
    budget = None if thinking is None else thinking.integer("budget_tokens", MIN_THINKING_BUDGET, MAX_TOKENS_LIMIT)
    return read_reasoning_budget(body) if budget is None else budget


def _check_budget(thinking: Fields, max_tokens: int | None) -> None:
    budget = thinking.integer("budget_tokens", MIN_THINKING_BUDGET, MAX_TOKENS_LIMIT)
    if budget is None:
        thinking.missing("budget_tokens")
    if max_tokens is not None and budget >= max_tokens:
        thinking.refuse("budget_tokens", "'max_tokens' must be greater than 'thinking.budget_tokens'.")


def _omits_thinking(own: Fields) -> bool:
    thinking = own.inner("thinking")
    return thinking is not None and thinking.choice("display", _DISPLAYS) == "omitted"


def _refuse_unsupported(own: Fields) -> None:
    """What would be another answer if it were ignored. All else that is not known here is."""
    if own.items("mcp_servers"):
        own.refuse("mcp_servers", "'mcp_servers' are not supported: this server calls no tools, its clients do.")
    if "compaction" in own:
        own.refuse("compaction", "'compaction' is not supported.")
    if "thread" in own:
        own.refuse("thread", "Conversations are not kept here: send the whole of it, without 'thread'.")
