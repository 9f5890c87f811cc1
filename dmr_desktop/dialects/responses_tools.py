"""Tools, their choice and the form of the text, as ``/responses`` writes them: flat, or grouped in namespaces."""

import re
from dataclasses import dataclass, replace

from dmr_desktop.dialects.fields import Fields
from dmr_desktop.dialects.openai_tools import (
    MAX_TOOLS,
    check_kind,
    check_names,
    read_choice_word,
    read_function,
    read_known_name,
)
from dmr_desktop.dialects.responses_objects import Item, Namespaces, Qualified, qualified_name
from dmr_desktop.dialects.schemas import read_schema
from dmr_desktop.protocol.generation import JsonObject, JsonSchema, NamedTool, ResponseFormat, Tool, ToolChoice

_FORMAT_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_WEB_SEARCH = "web_search"
"""Other kinds have a word or a date behind it."""


@dataclass(frozen=True, slots=True)
class OfferedTools:
    """``functions`` as the model sees them, ``objects`` as the response object repeats them.

    ``namespaces``: of the functions that are in one, by the name that the model knows.
    """

    functions: tuple[Tool, ...]
    objects: tuple[Item, ...]
    namespaces: Namespaces


def read_flat_tools(body: Fields) -> OfferedTools:
    functions: list[Tool] = []
    objects: list[Item] = []
    namespaces: dict[str, Qualified] = {}
    entries = body.objects("tools", at_most=MAX_TOOLS)
    for entry in [entry for entry in entries if not _is_search(entry)] or entries:
        if entry.get("type") == "namespace":
            inner = _read_namespace(entry)
            functions += inner.functions
            objects += inner.objects
            namespaces |= inner.namespaces
        else:
            tool = _read_tool(entry)
            functions.append(tool)
            objects.append(_tool_object(tool))
    if len(functions) > MAX_TOOLS:
        body.refuse("tools", f"Invalid 'tools': at most {MAX_TOOLS} functions, but got {len(functions)}.")
    check_names(body, tuple(functions), "name")
    return OfferedTools(tuple(functions), tuple(objects), namespaces)


def _is_search(entry: Fields) -> bool:
    """OpenAI's search of the web. Coding agents offer it beside their own tools in every request: it is left out
    then, since a model need not use what it is offered, and refused where it is all that is offered.
    """
    return (entry.text("type") or "").startswith(_WEB_SEARCH)


def _read_namespace(entry: Fields) -> OfferedTools:
    """A group of functions under one name. Templates know no groups: the model sees ``namespace__function``."""
    namespace, description = entry.required_text("name"), entry.text("description") or ""
    if not _FORMAT_NAME.fullmatch(namespace):
        entry.refuse("name", f"Invalid '{entry.path('name')}': a name has 1 to 64 letters, digits, '_' and '-'.")
    tools = tuple(_read_tool(inner) for inner in entry.objects("tools", at_least=1, at_most=MAX_TOOLS))
    check_names(entry, tools, "name")
    flat = {qualified_name(namespace, tool.name): tool for tool in tools}
    return OfferedTools(
        tuple(replace(tool, name=name, description=tool.description or description) for name, tool in flat.items()),
        (
            {
                "type": "namespace",
                "name": namespace,
                "description": description,
                "tools": [_tool_object(tool) for tool in tools],
            },
        ),
        {name: (namespace, tool.name) for name, tool in flat.items()},
    )


def _read_tool(entry: Fields) -> Tool:
    """Flat, or with the inner ``function`` of the chat dialect, as Docker Model Runner also takes it."""
    check_kind(entry)
    return read_function(entry.required_inner("function") if "function" in entry else entry)


def _tool_object(tool: Tool) -> Item:
    return {
        "type": "function",
        "name": tool.name,
        "description": tool.description or None,
        "parameters": tool.parameters,
        "strict": tool.strict,
    }


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
