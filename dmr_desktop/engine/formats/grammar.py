"""What an answer must look like, written as an llguidance grammar (Lark text).

A grammar is written only where something is demanded of the answer: free text pays nothing. Control tokens
stand in it by number, since a quoted text never matches a control token, even one spelled the same.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Literal, TypeAlias

from llguidance import LLMatcher

from dmr_desktop.engine.formats.call_marks import CallMark, marks_of
from dmr_desktop.engine.formats.channels import CHANNEL, CONSTRAIN, MESSAGE
from dmr_desktop.engine.formats.chat_format import (
    CallBody,
    CallSyntax,
    ChatFormat,
    JsonCall,
    Literally,
    NestedValues,
    Reasoning,
    TaggedCall,
    WrappedContent,
)
from dmr_desktop.engine.formats.json_in_any_order import JsonInAnyOrder
from dmr_desktop.engine.formats.members import Member, in_any_order, in_order
from dmr_desktop.engine.formats.schema import checked_schema
from dmr_desktop.engine.formats.tagged_grammar import TaggedArguments
from dmr_desktop.protocol.errors import InvalidRequest
from dmr_desktop.protocol.generation import (
    ChatPrompt,
    GenerationRequest,
    JsonSchema,
    NamedTool,
    ResponseFormat,
    Tool,
    ToolChoice,
)
from dmr_desktop.protocol.json_types import JSON

Thinking: TypeAlias = Literal["open", "allowed", "off"]
"""Where the prompt leaves the reasoning: begun, up to the model, or ended."""

Split: TypeAlias = Callable[[str], list[str | int]]
"""Cuts a text into plain text and ids of control tokens, as the vocabulary has them."""

MAX_CALLS = 16
"""Calls in one constrained answer: a weak model does not know when to stop."""

_NO_ARGUMENTS: dict[str, JSON] = {"type": "object", "properties": {}, "additionalProperties": False}
_SPACE_AFTER_THINKING = r"/[ \n]{0,4}/"
_FREE_SPACE = r"/[ \t\r\n]{0,8}/"


def answer_grammar(
    request: GenerationRequest, chat_format: ChatFormat, thinking: Thinking, split: Split, *, call_open: bool = False
) -> str | None:
    """The grammar of the whole output of ``request``, or None when nothing is demanded.

    ``call_open``: the prompt ends with what starts a call. Raises :class:`InvalidRequest` for schemas that cannot be
    enforced, naming the field.
    """
    tools = callable_tools(request)
    choice = request.prompt.tool_choice if isinstance(request.prompt, ChatPrompt) else "none"
    writer = _Writer(split)
    answers = []
    if chat_format.calls and tools and (choice != "auto" or request.response_format or chat_format.content):
        several = _several(request, chat_format.calls)
        start = writer.literal("" if call_open else chat_format.calls.start)
        answers.append(writer.calls(chat_format.calls, tools, start, several=several))
    if request.response_format and (not tools or choice == "auto"):
        start = chat_format.answer_start if isinstance(request.prompt, ChatPrompt) else ""
        answers.append(" ".join([writer.literal(start), writer.response(request.response_format)]))
    elif answers and choice == "auto" and chat_format.content:
        answers.append(writer.wrapped(chat_format.content))
    if not answers:
        return None
    reasoning = chat_format.reasoning if isinstance(request.prompt, ChatPrompt) else None
    return writer.finish(answers, reasoning, thinking)


def free_call_grammar(
    request: GenerationRequest, chat_format: ChatFormat, split: Split, *, call_open: bool = False
) -> str | None:
    """The grammar of calls that the model starts by itself, from the token in which their first mark begins.

    As :func:`answer_grammar` has them, but properties come in any order, and never an error: what of a tool's schema
    cannot be enforced is left open. None when nothing can be said of the calls.
    """
    syntax = chat_format.calls
    tools = callable_tools(request)
    if syntax is None or not tools:
        return None
    writer = _Writer(split, in_any_order=True)
    entries = [] if call_open else [writer.entry(mark) for mark in marks_of(chat_format)]
    try:
        tools = tuple(_what_can_be_enforced(tool, syntax.body) for tool in tools)
        start = f"({' | '.join(entries)})" if entries else ""
        several = _several(request, syntax)
        calls = writer.calls(syntax, tools, start, several=several, is_channelled=chat_format.is_channelled)
    except InvalidRequest:
        return None
    return writer.finish([calls], None, "off")


def _what_can_be_enforced(tool: Tool, body: CallBody) -> Tool:
    """The tool, its schema open if that cannot be enforced. Raises InvalidRequest if that cannot be written."""
    tool = replace(tool, strict=False)
    try:
        _Writer(lambda text: [text]).json(tool.parameters, "")
    except InvalidRequest:
        tool = replace(tool, parameters={"type": "object"})
    has_tags_by_key = isinstance(body, TaggedCall) and isinstance(body.values, NestedValues)
    if has_tags_by_key and tool.parameters and "properties" not in tool.parameters:
        raise InvalidRequest("Tags of unknown keys cannot be written.")
    return tool


def callable_tools(request: GenerationRequest) -> tuple[Tool, ...]:
    """The tools that the model may call in its answer. Raises :class:`InvalidRequest`."""
    if not isinstance(request.prompt, ChatPrompt) or request.prompt.tool_choice == "none":
        return ()
    tools, choice = request.prompt.tools, request.prompt.tool_choice
    if isinstance(choice, NamedTool):
        tools = tuple(tool for tool in tools if tool.name == choice.name)
        if not tools:
            raise InvalidRequest(
                f"The tool {choice.name!r} is not among the tools.", hint="Name one that is.", param="tool_choice"
            )
    if choice == "required" and not tools:
        raise InvalidRequest(
            "A tool call is required but no tools were sent.",
            hint="Send tools, or drop tool_choice.",
            param="tool_choice",
        )
    return tools


def _several(request: GenerationRequest, calls: CallSyntax) -> bool:
    prompt = request.prompt
    return (
        isinstance(prompt, ChatPrompt)
        and prompt.parallel_tool_calls
        and calls.parallel
        and not _is_named(prompt.tool_choice)
    )


def _is_named(choice: ToolChoice) -> bool:
    return isinstance(choice, NamedTool)


class _Writer:
    """Collects rules; each method gives the expression to use in another rule."""

    def __init__(self, split: Split, *, in_any_order: bool = False) -> None:
        """``in_any_order``: properties may come so, in all but what ``fixed_json`` writes."""
        self._split = split
        self._in_any_order = in_any_order
        self._rules: list[str] = []
        self._known: dict[str, str] = {}
        self._names = 0

    def rule(self, body: str, *, lazy: bool = False) -> str:
        """The name of the rule with this body, which is written once."""
        body = f"{'[lazy]' if lazy else ''}: {body}"
        name = self._known.get(body)
        if name is None:
            name = self._known[body] = self.new_name()
            self._rules.append(name + body)
        return name

    def new_name(self) -> str:
        self._names += 1
        return f"r{self._names}"

    def define(self, name: str, body: str) -> None:
        self._rules.append(f"{name}: {body}")

    def literal(self, text: str) -> str:
        return " ".join(map(_piece, self._split(text)))

    def json(self, schema: JSON, param: str, *, strict: bool = False, separators: tuple[str, str] = (",", ":")) -> str:
        """JSON that fits ``schema``. Raises :class:`InvalidRequest` naming ``param``."""
        if self._in_any_order and isinstance(schema, Mapping):
            checked_schema(schema, param)
            before = len(self._rules), dict(self._known)
            try:
                return JsonInAnyOrder(self, schema, param, separators).write()
            except InvalidRequest:
                # Some part means something only as a part of the whole.
                del self._rules[before[0] :]
                self._known = before[1]
        return self.fixed_json(schema, param, strict=strict, separators=separators)

    def fixed_json(
        self, schema: JSON, param: str, *, strict: bool = False, separators: tuple[str, str] = (",", ":")
    ) -> str:
        """The same with properties in the order of the schema."""
        checked = checked_schema(schema, param, strict=strict)
        checked["x-guidance"] |= {"item_separator": separators[0], "key_separator": separators[1]}
        body = "%json " + json.dumps(checked, ensure_ascii=False, separators=(",", ":"))
        problem = _problem(body)
        if problem:
            hint = "Leave out what is named, or set strict to false." if strict else "Leave out what is named."
            raise InvalidRequest(f"The JSON schema cannot be enforced: {problem}", hint=hint, param=param)
        return self.rule(body)

    def members(self, members: Sequence[Member]) -> str:
        return in_any_order(members, self) if self._in_any_order else in_order(members, self)

    def response(self, response_format: ResponseFormat) -> str:
        if isinstance(response_format, JsonSchema):
            param = "response_format.json_schema.schema"
            return self.json(response_format.schema, param, strict=response_format.strict)
        return self.json({"type": "object"}, "response_format")

    def wrapped(self, content: WrappedContent) -> str:
        """Free text as a JSON string; the wrapper's start holds the string's opening quote."""
        text = self.json({"type": "string"}, "messages")
        return f"{self.literal(content.start[:-1])} {text} {self.literal(content.end)}"

    def entry(self, mark: CallMark) -> str:
        """What starts calls, from the token in which ``mark`` begins, anywhere in that token."""
        if mark.is_body:
            return _FREE_SPACE
        first, *others = pieces = self._split(mark.text)
        start = self.until(mark.text) if isinstance(first, str) else " ".join(map(_piece, (first, *others)))
        if isinstance(pieces[-1], str) and mark.allows_space:
            return f"{start} {_FREE_SPACE} {self.literal(mark.rest.lstrip())}"
        return f"{start} {self.literal(mark.rest)}"

    def calls(
        self, syntax: CallSyntax, tools: Sequence[Tool], start: str, *, several: bool, is_channelled: bool = False
    ) -> str:
        """``start`` is what starts the first one; ``is_channelled``: its header may have any form that models know."""
        between = self._header() if is_channelled else None
        bodies = [self._body(syntax, tool, f"tools[{index}]", between) for index, tool in enumerate(tools)]
        inside = self.rule(f"({' | '.join(bodies)}) {self.literal(syntax.call_end)}")
        calls = f"{start} {inside}"
        if several:
            calls += f" ({self.literal(syntax.separator + syntax.call_start)} {inside}){{0,{MAX_CALLS - 1}}}"
        return f"{calls} {self.literal(syntax.section_end)}"

    def _header(self) -> str:
        """What may stand between the name and the arguments in the formats of :mod:`.channels`."""
        literal = self.literal
        kind = f'" "? ({literal(CONSTRAIN)})? "json"'
        return self.rule(f"({literal(CHANNEL + 'commentary')})? ({kind})? {literal(MESSAGE)}")

    def _body(self, syntax: CallSyntax, tool: Tool, param: str, between: str | None) -> str:
        arguments = self._arguments(syntax, tool, f"{param}.function.parameters")
        if between:
            return self.rule(f"{self.literal(tool.name)} {between} {arguments}")
        pieces = []
        text = ""
        for piece in syntax.body.head if isinstance(syntax.body, TaggedCall) else syntax.body.skeleton:
            # Neighbouring texts are one, or the grammar could not tell them from others that begin alike.
            if isinstance(piece, Literally):
                text += piece.text
            elif piece == "name":
                text += _spelled(tool.name, syntax.body)
            else:
                slot = {"id": "/[A-Za-z0-9]{9}/", "index": "/[0-9]{1,2}/"}.get(piece, arguments)
                pieces += [self.literal(text), slot]
                text = ""
        pieces.append(self.literal(text))
        if isinstance(syntax.body, TaggedCall):
            pieces.append(arguments)
        return self.rule(" ".join(pieces))

    def _arguments(self, syntax: CallSyntax, tool: Tool, param: str) -> str:
        schema = tool.parameters or _NO_ARGUMENTS
        if isinstance(syntax.body, TaggedCall):
            # The whole schema must be one that can be enforced, whichever parts of it stand alone.
            self.fixed_json(schema, param, strict=tool.strict)
            return TaggedArguments(self, syntax.body, tool, param).write()
        separators = (syntax.item_separator, syntax.key_separator)
        return self.json(schema, param, strict=tool.strict, separators=separators)

    def finish(self, answers: Sequence[str], reasoning: Reasoning | None, thinking: Thinking) -> str:
        start = f"({' | '.join(answers)})"
        if reasoning and thinking != "off":
            thoughts = f"{self.until(reasoning.end)} {_SPACE_AFTER_THINKING}"
            if thinking == "open":
                start = f"{thoughts} {start}"
            else:
                start = f"({self.literal(reasoning.start)} {thoughts})? {start}"
        return "\n".join([f"start: {start}", *self._rules]) + "\n"

    def until(self, marker: str) -> str:
        """Any text up to and with ``marker``."""
        first, *others = self._split(marker)
        if first == marker:
            return self.rule(f"/(.|\\n)*/ {_quoted(marker)}", lazy=True)
        # Plain text cannot run over a control token; up to one it may be greedy.
        plain = re.escape(first).replace("/", "\\/").replace("\n", "n") if isinstance(first, str) else ""
        rest = others if isinstance(first, str) else [first, *others]
        return self.rule(f"/(.|\\n)*{plain}/ {' '.join(map(_piece, rest))}")


def _spelled(name: str, body: CallBody) -> str:
    return json.dumps(name, ensure_ascii=False)[1:-1] if isinstance(body, JsonCall) else name


def _piece(piece: str | int) -> str:
    return f"<[{piece}]>" if isinstance(piece, int) else _quoted(piece)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


@lru_cache(maxsize=64)
def _problem(rule: str) -> str:
    """What llguidance says against the rule, in one line; empty if nothing."""
    message = LLMatcher.validate_grammar(f"start: {rule}\n")
    lines = (message.partition("failed to compile JSON schema: ")[2] or message).splitlines()
    return lines[0] if lines else ""
