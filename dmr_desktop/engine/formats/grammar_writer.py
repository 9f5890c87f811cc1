"""Writes the rules of an llguidance grammar (Lark text): of fixed texts, JSON and calls.

Control tokens stand in it by number, since a quoted text never matches a control token, even one spelled the same.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Literal, TypeAlias

from llguidance import LLMatcher

from dmr_desktop.engine.formats.call_marks import CallMark
from dmr_desktop.engine.formats.channels import CHANNEL, CONSTRAIN, MESSAGE
from dmr_desktop.engine.formats.chat_format import (
    CallBody,
    CallSyntax,
    JsonCall,
    Literally,
    Reasoning,
    TaggedCall,
    WrappedContent,
)
from dmr_desktop.engine.formats.gbnf import lark_of
from dmr_desktop.engine.formats.json_in_any_order import JsonInAnyOrder
from dmr_desktop.engine.formats.members import Member, in_any_order, in_order
from dmr_desktop.engine.formats.schema import checked_schema
from dmr_desktop.engine.formats.tagged_grammar import TaggedArguments
from dmr_desktop.protocol.errors import InvalidRequest
from dmr_desktop.protocol.generation import Grammar, JsonSchema, ResponseFormat, Tool
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
_REMEMBERED_LENGTH = 8192
"""Longer rules are checked anew each time, rather than kept: agents send the same tools at every turn."""


class GrammarWriter:
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

    def json(
        self,
        schema: JSON,
        param: str,
        *,
        strict: bool = False,
        separators: tuple[str, str] = (",", ":"),
        root: Mapping[str, JSON] | None = None,
    ) -> str:
        """JSON that fits ``schema``; its references lead into ``root``, if that is another.

        Raises :class:`InvalidRequest` naming ``param``.
        """
        if self._in_any_order and isinstance(schema, Mapping):
            checked_schema(schema, param, root=root)
            before = len(self._rules), dict(self._known)
            try:
                return JsonInAnyOrder(self, schema if root is None else root, param, separators).write(schema)
            except InvalidRequest:
                # Some part means something only as a part of the whole.
                del self._rules[before[0] :]
                self._known = before[1]
        return self.fixed_json(schema, param, strict=strict, separators=separators, root=root)

    def fixed_json(
        self,
        schema: JSON,
        param: str,
        *,
        strict: bool = False,
        separators: tuple[str, str] = (",", ":"),
        root: Mapping[str, JSON] | None = None,
    ) -> str:
        """The same with properties in the order of the schema."""
        checked = checked_schema(schema, param, strict=strict, root=root)
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
        if isinstance(response_format, Grammar):
            return self.rule(f"%lark {{\n{lark_of(response_format.text)}\n}}")
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


def _problem(rule: str) -> str:
    """What llguidance says against the rule, in one line; empty if nothing."""
    return _known_problem(rule) if len(rule) <= _REMEMBERED_LENGTH else _found_problem(rule)


def _found_problem(rule: str) -> str:
    message = LLMatcher.validate_grammar(f"start: {rule}\n")
    lines = (message.partition("failed to compile JSON schema: ")[2] or message).splitlines()
    return lines[0] if lines else ""


_known_problem = lru_cache(maxsize=1024)(_found_problem)
