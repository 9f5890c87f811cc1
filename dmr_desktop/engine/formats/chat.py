"""The face of the formats layer: a request in; prompt tokens, constraint and parser out.

One :class:`ChatFormatter` serves one model. It owns the model's template and what was learned from it.
Not re-entrant: one thread prepares requests. Parsers are independent of it and of each other.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from dmr_desktop.engine.formats.call_marks import watching
from dmr_desktop.engine.formats.chat_format import ChatFormat, JsonCall, units
from dmr_desktop.engine.formats.control_text import MARK, ControlText
from dmr_desktop.engine.formats.generic import generic_messages, with_generic_calls
from dmr_desktop.engine.formats.grammar import answer_grammar, callable_tools, free_call_grammar
from dmr_desktop.engine.formats.grammar_writer import Thinking
from dmr_desktop.engine.formats.infill import infill_tokens
from dmr_desktop.engine.formats.learn import learn
from dmr_desktop.engine.formats.messages import one_call_each, plainly_typed, template_messages, template_tools
from dmr_desktop.engine.formats.prepared import RAW, FreeCalls, Prepared
from dmr_desktop.engine.formats.probe import USER_MESSAGE, Traits, probe, try_render
from dmr_desktop.engine.formats.sandbox import MAX_OUTPUT
from dmr_desktop.engine.formats.spell import instruction, spelled_calls
from dmr_desktop.engine.formats.switches import says_no_think, thinking_variables
from dmr_desktop.engine.formats.template import DEFAULT_TEMPLATE, RESERVED_VARIABLES, ChatTemplate, TemplateMessage
from dmr_desktop.engine.formats.vocabulary import Vocabulary
from dmr_desktop.engine.thinking import ThinkingLimit
from dmr_desktop.protocol.errors import ContextOverflow, InvalidRequest
from dmr_desktop.protocol.generation import ChatPrompt, GenerationRequest, TextPart, TextPrompt, TokenPrompt, ToolCall
from dmr_desktop.protocol.json_types import JSON

_EXAMPLE = ToolCall("callid001", "NAME", '{"KEY": "VALUE"}')
_END_OF_PREFILL = "\ufdd1"
"""Put behind an answer that the model is to continue, to find its end in the prompt."""


@dataclass(frozen=True, slots=True)
class _Model:
    """A usable template and what was found out about it. ``formats`` by whether tools are offered."""

    template: ChatTemplate
    traits: Traits
    plain: ChatFormat
    with_tools: ChatFormat
    control: ControlText


class ChatFormatter:
    """``template_source`` is the model's own template, if it has one; ``override`` the operator's instead of it.

    A template that does not compile is reported when a chat needs it, so that the model still serves raw prompts.
    """

    def __init__(self, vocabulary: Vocabulary, template_source: str | None, *, override: str | None = None) -> None:
        source, self._origin = _choose(template_source, override)
        self._vocabulary = vocabulary
        self._raw_control = ControlText(vocabulary, "")
        self._model: _Model | InvalidRequest
        try:
            template = ChatTemplate(source, bos_token=vocabulary.bos_text, eos_token=vocabulary.eos_text)
        except InvalidRequest as error:
            self._model = error
            return
        traits = probe(template)
        if not traits.shows_user:
            self._model = InvalidRequest(
                "The model's chat template leaves out what the user says.",
                hint="Give another chat template when the model is configured.",
                param="messages",
            )
            return
        learned = learn(template, traits)
        with_tools = learned if learned.calls else with_generic_calls(learned)
        control = ControlText(vocabulary, source, with_tools.guarded)
        self._model = _Model(template, traits, replace(learned, calls=None), with_tools, control)

    def describe(self) -> str:
        """Which template and format apply, in one paragraph for people."""
        if isinstance(self._model, InvalidRequest):
            return f"{self._origin}. {self._model.message}"
        found = self._model.with_tools
        lines = [self._origin]
        if found.reasoning:
            lines.append(f"Reasoning between {found.reasoning.start!r} and {found.reasoning.end!r}")
        if found.calls and not found.content:
            example = spelled_calls(found.calls, [_EXAMPLE], lambda text: text).strip()
            lines.append(f"Tool calls, {found.origin}: {example!r}")
        else:
            lines.append("The template has no tool calls that we can read: tools are answered in constrained JSON")
        return ". ".join(lines) + "."

    def prepare(self, request: GenerationRequest) -> Prepared:
        """Raises :class:`InvalidRequest`, naming the field at fault."""
        prompt = request.prompt
        if isinstance(prompt, ChatPrompt):
            return self._prepare_chat(request, prompt)
        grammar = answer_grammar(request, RAW, "off", self._raw_control.split)
        if isinstance(prompt, TokenPrompt):
            return Prepared(list(prompt.tokens), request.stop, grammar, frozenset(), "")
        if prompt.suffix is None:
            tokens = self._raw_control.tokenize(_text(prompt))
        else:
            tokens = infill_tokens(self._vocabulary, self._raw_control, prompt.text, prompt.suffix)
        return Prepared(tokens, request.stop, grammar, frozenset(), prompt.text)

    def _prepare_chat(self, request: GenerationRequest, prompt: ChatPrompt) -> Prepared:
        if isinstance(self._model, InvalidRequest):
            raise self._model
        _check_size(prompt)
        model = self._model
        tools = callable_tools(request)
        chat_format = model.with_tools if tools else model.plain
        generic = model.with_tools.content is not None and (bool(tools) or not model.traits.renders_calls)
        if request.response_format:
            # The answer has its own JSON form then and needs no wrapper.
            chat_format = replace(chat_format, content=None)
        prompt, begun = _split_reasoning(prompt, chat_format)
        text = self._render(model, request, prompt, generic=generic, offers=bool(tools))
        thinking = _thinking(chat_format, text)
        if begun and chat_format.reasoning and thinking != "off":
            text += ("" if thinking == "open" else chat_format.reasoning.start) + model.control.mark(begun)
            thinking = "open"
        call_open = _call_open(chat_format, text)
        grammar = answer_grammar(request, chat_format, thinking, model.control.split, call_open=call_open)
        markers = [piece for marker in chat_format.markers for piece in model.control.split(marker)]
        return Prepared(
            tokens=model.control.tokenize(text),
            # A demanded call is for a program: a brace in a stop string would break every one.
            stop=() if tools and prompt.tool_choice != "auto" else request.stop,
            grammar=grammar,
            visible_tokens=frozenset(piece for piece in markers if isinstance(piece, int)),
            prompt_text=text.replace(MARK, ""),
            chat_format=chat_format,
            tools={tool.name: tool.parameters for tool in tools},
            reasoning_open=thinking == "open",
            reasoning_begun=bool(begun) and thinking == "open",
            call_open=call_open,
            thinking=_limit(model, request.reasoning_budget, thinking),
            calls=None if grammar or not tools else _free_calls(model, request, chat_format, thinking, call_open),
        )

    def _render(
        self, model: _Model, request: GenerationRequest, prompt: ChatPrompt, *, generic: bool, offers: bool
    ) -> str:
        _check_variables(prompt)
        traits = model.traits
        reasoning = model.plain.reasoning
        exempt = (reasoning.start, reasoning.end) if reasoning else ()
        mark = model.control.mark
        # Tools that must not be called are left out: what the model does not see it does not call.
        tools = prompt.tools if offers else ()
        messages = generic_messages(prompt.messages, tools) if generic else prompt.messages
        syntax = None if generic else model.with_tools.calls
        if traits.one_call:
            messages = one_call_each(messages)
        preface = ""
        if syntax and tools and not traits.reads_tools:
            preface, tools = instruction(syntax, tools, mark), ()
        variables = self._variables(model, request, prompt)
        if says_no_think(variables, model.template.reads, model.template.source):
            preface = "\n\n".join([*([preface] if preface else []), "/no_think"])
        shaped = template_messages(
            messages,
            traits,
            mark,
            lambda text: mark(text, exempt),
            spell=(lambda calls: spelled_calls(syntax, calls, mark)) if syntax and not traits.renders_calls else None,
            preface=preface,
        )
        described = () if generic else template_tools(tools, mark)
        if _continues(shaped):
            shaped[-1] = {**shaped[-1], "content": shaped[-1]["content"].replace(_END_OF_PREFILL, "") + _END_OF_PREFILL}
            text = _render_with(model.template, shaped, described, variables, add_generation_prompt=False)
            before, found, _ = text.rpartition(_END_OF_PREFILL)
            if found:
                return before
            shaped[-1]["content"] = shaped[-1]["content"].replace(_END_OF_PREFILL, "")
        return _render_with(model.template, shaped, described, variables)

    def _variables(self, model: _Model, request: GenerationRequest, prompt: ChatPrompt) -> dict[str, JSON]:
        template = model.template
        return thinking_variables(
            prompt.template_kwargs,
            template.reads,
            template.source,
            request.reasoning_budget,
            lambda variables: bool(try_render(template, [USER_MESSAGE], variables=variables)),
            has_three_efforts=model.plain.is_channelled,
        )


def _render_with(
    template: ChatTemplate,
    messages: list[TemplateMessage],
    tools: Sequence[dict[str, Any]],
    variables: Mapping[str, JSON],
    *,
    add_generation_prompt: bool = True,
) -> str:
    try:
        return template.render(messages, tools, add_generation_prompt=add_generation_prompt, variables=variables)
    except InvalidRequest:
        simpler = plainly_typed(tools)
        if simpler == list(tools):
            raise
        return template.render(messages, simpler, add_generation_prompt=add_generation_prompt, variables=variables)


def _choose(template_source: str | None, override: str | None) -> tuple[str, str]:
    if override is not None:
        return override, "The chat template given in the configuration"
    if template_source and template_source.strip():
        return template_source, "The model's own chat template"
    return DEFAULT_TEMPLATE, "The built-in ChatML template, since the model has none"


def _text(prompt: TextPrompt) -> str:
    return prompt.text.replace(MARK, "")


def _check_size(prompt: ChatPrompt) -> None:
    """What no template may make is the conversation's fault, not the template's."""
    parts = (part for message in prompt.messages for part in message.content)
    size = sum(len(part.text) for part in parts if isinstance(part, TextPart))
    if size > MAX_OUTPUT:
        raise ContextOverflow(
            f"The messages have {size} characters. No more than {MAX_OUTPUT} are read, whatever the model's context.",
            hint="Shorten the conversation.",
            param="messages",
        )


def _check_variables(prompt: ChatPrompt) -> None:
    for name, value in prompt.template_kwargs.items():
        param = f"chat_template_kwargs.{name}"
        if name in RESERVED_VARIABLES:
            raise InvalidRequest(f"The template variable {name!r} is reserved.", hint="Leave it out.", param=param)
        if name == "enable_thinking" and not isinstance(value, bool):
            raise InvalidRequest("enable_thinking must be true or false.", hint="Send a boolean.", param=param)


def _continues(messages: list[TemplateMessage]) -> bool:
    """An answer at the end of the conversation is to be continued, as llama-server does."""
    last = messages[-1] if messages else None
    return last is not None and last["role"] == "assistant" and bool(last["content"]) and "tool_calls" not in last


def _split_reasoning(prompt: ChatPrompt, chat_format: ChatFormat) -> tuple[ChatPrompt, str]:
    """Reasoning at the end of the conversation, without an answer, is to be continued: the rest, and it."""
    last = prompt.messages[-1] if prompt.messages else None
    if last is None or last.role != "assistant" or not last.reasoning or not chat_format.reasoning:
        return prompt, ""
    if last.tool_calls or any(isinstance(part, TextPart) and part.text for part in last.content):
        return prompt, ""
    return replace(prompt, messages=prompt.messages[:-1]), last.reasoning


def _free_calls(
    model: _Model, request: GenerationRequest, chat_format: ChatFormat, thinking: Thinking, call_open: bool
) -> FreeCalls | None:
    split = model.control.split
    watched = watching(chat_format, split, is_thinking=thinking == "open", call_open=call_open)
    if watched is None:
        return None
    return FreeCalls(watched, partial(free_call_grammar, request, chat_format, split, call_open=call_open))


def _limit(model: _Model, budget: int | None, thinking: Thinking) -> ThinkingLimit | None:
    reasoning = model.plain.reasoning
    if budget is None or reasoning is None or thinking == "off":
        return None
    end_tokens = tuple(model.control.tokenize(MARK + reasoning.end, adds_bos=False))
    return ThinkingLimit(reasoning.start.encode(), reasoning.end.encode(), end_tokens, budget, thinking == "open")


def _thinking(chat_format: ChatFormat, prompt_text: str) -> Thinking:
    """Whether the prompt ends inside reasoning, behind it, or leaves it to the model."""
    if chat_format.reasoning is None:
        return "off"
    end = prompt_text.rstrip()
    start, closing = chat_format.reasoning.start, chat_format.reasoning.end
    if end.endswith(start):
        return "open"
    # Where the end begins another message, any prompt ends like it.
    return "off" if end.endswith((units(closing)[0], start + closing)) else "allowed"


def _call_open(chat_format: ChatFormat, prompt_text: str) -> bool:
    """Whether the prompt ends with what starts a call, so that a name may follow."""
    calls = chat_format.calls
    if calls is None or isinstance(calls.body, JsonCall) or not calls.call_start.strip():
        return False
    return prompt_text.rstrip().endswith(calls.call_start.strip())
