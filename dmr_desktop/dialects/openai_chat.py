"""``/chat/completions``: OpenAI's chat dialect. What it reads; :mod:`openai_chat_answer` writes."""

import re
from typing import cast

from dmr_desktop.dialects.exchange import NO_DEFAULTS, Defaults, Exchange, with_defaults
from dmr_desktop.dialects.fields import Fields
from dmr_desktop.dialects.openai_chat_answer import ChatWriter, chat_collector
from dmr_desktop.dialects.openai_messages import read_messages
from dmr_desktop.dialects.openai_sampling import (
    MAX_TOP_LOGPROBS,
    read_include_usage,
    read_keep_alive,
    read_max_tokens,
    read_model,
    read_num_choices,
    read_sampling,
    read_stop,
)
from dmr_desktop.dialects.openai_tools import read_tool_choice, read_tools
from dmr_desktop.dialects.openai_usage import new_head
from dmr_desktop.dialects.reasoning import read_reasoning_budget
from dmr_desktop.dialects.response_formats import read_response_format
from dmr_desktop.protocol.generation import ChatPrompt, GenerationRequest
from dmr_desktop.protocol.json_types import JSON

_EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
_RESERVED_KWARGS = ("messages", "tools", "bos_token", "eos_token", "add_generation_prompt")
_KWARG_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def parse(data: object, defaults: Defaults = NO_DEFAULTS) -> Exchange:
    """Raises InvalidRequest."""
    body = Fields(with_defaults(data, defaults))
    model = read_model(body)
    tools, tool_choice = read_tool_choice(body, read_tools(body))
    if body.mapping("web_search_options") is not None:
        body.refuse("web_search_options", "There is no web search here; offer the model a tool that searches.")
    include_usage = read_include_usage(body)
    head = new_head("chatcmpl", model)
    request = GenerationRequest(
        prompt=ChatPrompt(
            messages=read_messages(body),
            tools=tools,
            tool_choice=tool_choice,
            parallel_tool_calls=body.flag("parallel_tool_calls", default=True),
            template_kwargs=read_template_kwargs(body, body, "reasoning_effort"),
        ),
        sampling=read_sampling(body),
        max_tokens=read_max_tokens(body),
        stop=read_stop(body),
        num_choices=read_num_choices(body),
        top_logprobs=_read_top_logprobs(body),
        response_format=read_response_format(body, tools),
        ignore_eos=body.flag("ignore_eos"),
        reasoning_budget=read_reasoning_budget(body),
    )
    return Exchange(
        model=model,
        requests=(request,),
        stream=body.flag("stream"),
        writer=lambda: ChatWriter(head, include_usage=include_usage, has_logprobs=request.top_logprobs is not None),
        collector=lambda: chat_collector(head, request.num_choices, has_logprobs=request.top_logprobs is not None),
        keep_alive_seconds=read_keep_alive(body),
    )


def _read_top_logprobs(body: Fields) -> int | None:
    wanted = body.flag("logprobs")
    top = body.integer("top_logprobs", 0, MAX_TOP_LOGPROBS)
    if top is not None and not wanted:
        body.refuse("top_logprobs", "top_logprobs requires logprobs to be set to true")
    return (top or 0) if wanted else None


def read_template_kwargs(body: Fields, holder: Fields, effort_name: str) -> dict[str, JSON]:
    """``chat_template_kwargs`` and the effort that ``holder`` names, as the variables that chat templates read."""
    given = body.mapping("chat_template_kwargs") or {}
    kwargs = Fields(given, body.path("chat_template_kwargs"))
    for name in given:
        if name in _RESERVED_KWARGS or not _KWARG_NAME.fullmatch(name):
            body.refuse("chat_template_kwargs", f"Invalid 'chat_template_kwargs': {name[:40]!r} cannot be set.")
    if kwargs.get("enable_thinking") is not None and not isinstance(kwargs.get("enable_thinking"), bool):
        kwargs.refuse("enable_thinking", 'invalid type for "enable_thinking" (expected boolean)')
    found = cast(dict[str, JSON], dict(given))
    effort = holder.choice(effort_name, _EFFORTS)
    if effort == "none":
        found.setdefault("enable_thinking", False)
    elif effort is not None:
        found.setdefault("reasoning_effort", effort)
    return found
