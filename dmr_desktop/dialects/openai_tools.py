"""Tools and the choice of a tool, as the chat dialect of OpenAI writes them."""

import re
from collections.abc import Mapping

from dmr_desktop.dialects.fields import Fields
from dmr_desktop.dialects.schemas import check_schema
from dmr_desktop.protocol.generation import NamedTool, Tool, ToolChoice
from dmr_desktop.protocol.json_types import JSON

MAX_TOOLS = 128
_CHOICES: dict[str, ToolChoice] = {"none": "none", "auto": "auto", "required": "required"}
_TOOL_NAME = re.compile(r"[A-Za-z0-9_.\-]{1,64}")


def read_tools(body: Fields) -> tuple[Tool, ...]:
    tools = tuple(_read_tool(entry) for entry in body.objects("tools", at_most=MAX_TOOLS))
    check_names(body, tools, "function.name")
    return tools


def check_names(body: Fields, tools: tuple[Tool, ...], where: str) -> None:
    names = [tool.name for tool in tools]
    for index, name in enumerate(names):
        if name in names[:index]:
            body.refuse(f"tools[{index}].{where}", f"Invalid 'tools': two tools are named '{name}'.")


def _read_tool(entry: Fields) -> Tool:
    check_kind(entry)
    return read_function(entry.required_inner("function"))


def check_kind(entry: Fields) -> None:
    kind = entry.required_text("type")
    if kind != "function":
        entry.refuse("type", f"Unsupported tool type '{kind[:40]}': only 'function' is supported.")


def read_function(function: Fields) -> Tool:
    """What names and describes a function, wherever a dialect puts it."""
    name = function.required_text("name")
    if not _TOOL_NAME.fullmatch(name):
        function.refuse(
            "name",
            f"Invalid '{function.path('name')}': a tool's name has 1 to 64 letters, digits, '_', '-' and '.'.",
        )
    return Tool(
        name=name,
        description=function.text("description") or "",
        parameters=read_parameters(function, "parameters"),
        strict=function.flag("strict"),
    )


def read_parameters(function: Fields, name: str) -> Mapping[str, JSON]:
    """The JSON schema of a function's arguments; {} if absent."""
    given = function.mapping(name)
    if not given:
        return {}
    parameters = Fields(given, function.path(name))
    kind = parameters.text("type") if not isinstance(parameters.get("type"), list) else "object"
    if kind not in (None, "object"):
        parameters.refuse(
            "type", f"Invalid schema for tool: the type of the parameters must be 'object', not '{kind}'."
        )
    properties = Fields(parameters.mapping("properties") or {}, parameters.path("properties"))
    for name in parameters.mapping("properties") or ():
        if not isinstance(properties.get(name), bool):
            properties.required_inner(name)
    return check_schema(given, parameters.where)


def read_tool_choice(body: Fields, tools: tuple[Tool, ...]) -> tuple[tuple[Tool, ...], ToolChoice]:
    """The tools that may be called, and how. ``allowed_tools`` leaves out the others."""
    value = body.get("tool_choice")
    if not isinstance(value, dict):
        return tools, read_choice_word(body, "tool_choice", tools)
    choice = Fields(value, body.path("tool_choice"))
    kind = choice.required_text("type")
    if kind == "function":
        return tools, NamedTool(read_known_name(choice.required_inner("function"), tools))
    if kind != "allowed_tools":
        choice.refuse("type", f"Invalid value: '{kind[:40]}'. Supported values are: 'function' and 'allowed_tools'.")
    allowed = choice.required_inner("allowed_tools")
    entries = allowed.objects("tools", at_least=1, at_most=MAX_TOOLS)
    names = {read_known_name(entry.required_inner("function"), tools) for entry in entries}
    callable_tools = tuple(tool for tool in tools if tool.name in names)
    return callable_tools, read_choice_word(allowed, "mode", callable_tools)


def read_choice_word(body: Fields, name: str, tools: tuple[Tool, ...]) -> ToolChoice:
    """A choice that names no tool; "auto" if absent."""
    word = body.choice(name, tuple(_CHOICES)) or "auto"
    if word == "required" and not tools:
        body.refuse(name, f"'{body.path(name)}' is only allowed when 'tools' are specified.")
    return _CHOICES[word]


def read_known_name(function: Fields, tools: tuple[Tool, ...]) -> str:
    name = function.required_text("name")
    if name not in {tool.name for tool in tools}:
        function.refuse("name", f"Invalid 'tool_choice': no tool is named '{name[:64]}'.")
    return name
