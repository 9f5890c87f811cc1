"""What an answer must look like, written as an llguidance grammar (Lark text).

A grammar is written only where something is demanded of the answer: free text pays nothing. Control tokens
stand in it by number, since a quoted text never matches a control token, even one spelled the same.
"""

import json
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Literal, TypeAlias

from llguidance import LLMatcher

from dmr_desktop.engine.formats.chat_format import (
    CallBody,
    CallSyntax,
    ChatFormat,
    JsonCall,
    Literally,
    Reasoning,
    WrappedContent,
)
from dmr_desktop.engine.formats.schema import checked_schema
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


def answer_grammar(request: GenerationRequest, chat_format: ChatFormat, thinking: Thinking, split: Split) -> str | None:
    """The grammar of the whole output of ``request``, or None when nothing is demanded.

    Raises :class:`InvalidRequest` for schemas that cannot be enforced, naming the field.
    """
    tools = callable_tools(request)
    choice = request.prompt.tool_choice if isinstance(request.prompt, ChatPrompt) else "none"
    writer = _Writer(split)
    answers = []
    if chat_format.calls and tools and (choice != "auto" or request.response_format or chat_format.content):
        answers.append(writer.calls(chat_format.calls, tools, several=_several(request, chat_format.calls)))
    if request.response_format and (not tools or choice == "auto"):
        answers.append(writer.response(request.response_format))
    elif answers and choice == "auto" and chat_format.content:
        answers.append(writer.wrapped(chat_format.content))
    if not answers:
        return None
    reasoning = chat_format.reasoning if isinstance(request.prompt, ChatPrompt) else None
    return writer.finish(answers, reasoning, thinking)


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

    def __init__(self, split: Split) -> None:
        self._split = split
        self._rules: list[str] = []

    def rule(self, body: str, *, lazy: bool = False) -> str:
        name = f"r{len(self._rules)}"
        self._rules.append(f"{name}{'[lazy]' if lazy else ''}: {body}")
        return name

    def literal(self, text: str) -> str:
        pieces = [f"<[{piece}]>" if isinstance(piece, int) else _quoted(piece) for piece in self._split(text)]
        return " ".join(pieces)

    def json(self, schema: JSON, param: str, *, strict: bool = False, separators: tuple[str, str] = (",", ":")) -> str:
        """JSON that fits ``schema``. Raises :class:`InvalidRequest` naming ``param``."""
        checked = checked_schema(schema, param, strict=strict)
        checked["x-guidance"] |= {"item_separator": separators[0], "key_separator": separators[1]}
        body = "%json " + json.dumps(checked, ensure_ascii=False, separators=(",", ":"))
        problem = _problem(body)
        if problem:
            hint = "Leave out what is named, or set strict to false." if strict else "Leave out what is named."
            raise InvalidRequest(f"The JSON schema cannot be enforced: {problem}", hint=hint, param=param)
        return self.rule(body)

    def response(self, response_format: ResponseFormat) -> str:
        if isinstance(response_format, JsonSchema):
            param = "response_format.json_schema.schema"
            return self.json(response_format.schema, param, strict=response_format.strict)
        return self.json({"type": "object"}, "response_format")

    def wrapped(self, content: WrappedContent) -> str:
        """Free text as a JSON string; the wrapper's start holds the string's opening quote."""
        text = self.json({"type": "string"}, "messages")
        return f"{self.literal(content.start[:-1])} {text} {self.literal(content.end)}"

    def calls(self, syntax: CallSyntax, tools: Sequence[Tool], *, several: bool) -> str:
        bodies = [self._body(syntax, tool, f"tools[{index}]") for index, tool in enumerate(tools)]
        start, end, separator = (self.literal(text) for text in (syntax.call_start, syntax.call_end, syntax.separator))
        call = self.rule(f"{start} ({' | '.join(bodies)}) {end}")
        calls = f"{call} ({separator} {call}){{0,{MAX_CALLS - 1}}}" if several else call
        return f"{self.literal(syntax.section_start)} {calls} {self.literal(syntax.section_end)}"

    def _body(self, syntax: CallSyntax, tool: Tool, param: str) -> str:
        separators = (syntax.item_separator, syntax.key_separator)
        schema = tool.parameters or _NO_ARGUMENTS
        arguments = self.json(schema, f"{param}.function.parameters", strict=tool.strict, separators=separators)
        pieces = []
        for piece in syntax.body.skeleton:
            if isinstance(piece, Literally):
                pieces.append(self.literal(piece.text))
            elif piece == "name":
                pieces.append(self.literal(_spelled(tool.name, syntax.body)))
            elif piece == "id":
                pieces.append("/[A-Za-z0-9]{9}/")
            else:
                pieces.append(arguments)
        return self.rule(" ".join(pieces))

    def finish(self, answers: Sequence[str], reasoning: Reasoning | None, thinking: Thinking) -> str:
        start = f"({' | '.join(answers)})"
        if reasoning and thinking != "off":
            thoughts = f"{self._until(reasoning.end)} {_SPACE_AFTER_THINKING}"
            if thinking == "open":
                start = f"{thoughts} {start}"
            else:
                start = f"({self.literal(reasoning.start)} {thoughts})? {start}"
        return "\n".join([f"start: {start}", *self._rules]) + "\n"

    def _until(self, marker: str) -> str:
        """Any text up to and with ``marker``."""
        if self._split(marker)[0] == marker:
            return self.rule(f"/(.|\\n)*/ {_quoted(marker)}", lazy=True)
        # Plain text cannot run over a control token.
        return self.rule(f"/(.|\\n)*/ {self.literal(marker)}")


def _spelled(name: str, body: CallBody) -> str:
    return json.dumps(name, ensure_ascii=False)[1:-1] if isinstance(body, JsonCall) else name


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


@lru_cache(maxsize=64)
def _problem(rule: str) -> str:
    """What llguidance says against the rule, in one line; empty if nothing."""
    message = LLMatcher.validate_grammar(f"start: {rule}\n")
    lines = (message.partition("failed to compile JSON schema: ")[2] or message).splitlines()
    return lines[0] if lines else ""
