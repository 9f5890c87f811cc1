"""Tools, their choice and the form of the text, as ``/responses`` writes them: flat."""

import re

from dmr_desktop.dialects.fields import Fields
from dmr_desktop.dialects.openai_tools import (
    MAX_TOOLS,
    check_kind,
    check_names,
    read_choice_word,
    read_function,
    read_known_name,
)
from dmr_desktop.dialects.schemas import read_schema
from dmr_desktop.protocol.generation import JsonObject, JsonSchema, NamedTool, ResponseFormat, Tool, ToolChoice

_FORMAT_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


def read_flat_tools(body: Fields) -> tuple[Tool, ...]:
    tools = tuple(_read_tool(entry) for entry in body.objects("tools", at_most=MAX_TOOLS))
    check_names(body, tools, "name")
    return tools


def _read_tool(entry: Fields) -> Tool:
    """Flat, or with the inner ``function`` of the chat dialect, as Docker Model Runner also takes it."""
    check_kind(entry)
    return read_function(entry.required_inner("function") if "function" in entry else entry)


def tool_objects(tools: tuple[Tool, ...]) -> list[dict[str, object]]:
    """As the response object repeats them."""
    return [
        {
            "type": "function",
            "name": tool.name,
            "description": tool.description or None,
            "parameters": tool.parameters,
            "strict": tool.strict,
        }
        for tool in tools
    ]


def read_flat_choice(body: Fields, tools: tuple[Tool, ...]) -> tuple[tuple[Tool, ...], ToolChoice]:
    """The tools that may be called, and how. ``allowed_tools`` leaves out the others."""
    value = body.get("tool_choice")
    if not isinstance(value, dict):
        return tools, read_choice_word(body, "tool_choice", tools)
    choice = Fields(value, body.path("tool_choice"))
    kind = choice.required_text("type")
    if kind == "function":
        named = choice.required_inner("function") if "function" in choice else choice
        return tools, NamedTool(read_known_name(named, tools))
    if kind != "allowed_tools":
        choice.refuse("type", f"Invalid value: '{kind[:40]}'. Supported values are: 'function' and 'allowed_tools'.")
    names = {read_known_name(entry, tools) for entry in choice.objects("tools", at_least=1, at_most=MAX_TOOLS)}
    allowed = tuple(tool for tool in tools if tool.name in names)
    return allowed, read_choice_word(choice, "mode", allowed)


def read_text_format(body: Fields) -> ResponseFormat | None:
    text = body.inner("text")
    form = text.inner("format") if text is not None else None
    if form is None:
        return None
    kind = form.choice("type", ("text", "json_object", "json_schema"))
    if kind is None:
        form.missing("type")
    if kind == "text":
        return None
    if kind == "json_object":
        return JsonObject()
    schema = read_schema(form)
    name = form.text("name") or ""
    if name and not _FORMAT_NAME.fullmatch(name):
        form.refuse("name", f"Invalid '{form.path('name')}': a name has 1 to 64 letters, digits, '_' and '-'.")
    return JsonSchema(schema, name, form.flag("strict"))


def text_object(body: Fields) -> dict[str, object]:
    """The ``text`` of the response object. Verbosity is for models that know it: repeated, not obeyed."""
    text = body.inner("text") or Fields({})
    return {
        "format": text.mapping("format") or {"type": "text"},
        "verbosity": text.choice("verbosity", ("low", "medium", "high")) or "medium",
    }
