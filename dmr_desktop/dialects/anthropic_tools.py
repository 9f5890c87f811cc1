"""Tools, the choice of a tool and the form of the answer, as Anthropic's dialect writes them."""

import re

from dmr_desktop.dialects.fields import Fields, one_of
from dmr_desktop.dialects.openai_tools import MAX_TOOLS, check_names, read_known_name, read_parameters
from dmr_desktop.dialects.schemas import read_schema
from dmr_desktop.protocol.generation import JsonSchema, NamedTool, Tool, ToolChoice

_TOOL_NAME = re.compile(r"[A-Za-z0-9_.\-]{1,128}")
_CHOICES: dict[str, ToolChoice] = {"auto": "auto", "any": "required", "none": "none"}


def read_tools(body: Fields) -> tuple[Tool, ...]:
    tools = tuple(_read_tool(entry) for entry in body.objects("tools", at_most=MAX_TOOLS))
    check_names(body, tools, "name")
    return tools


def _read_tool(entry: Fields) -> Tool:
    kind = entry.text("type")
    if kind not in (None, "custom"):
        entry.refuse(
            "type",
            f"Unsupported tool type '{kind[:40]}': this server brings no tools of its own. "
            "Describe the tool with 'name', 'description' and 'input_schema'.",
        )
    name = entry.required_text("name")
    if not _TOOL_NAME.fullmatch(name):
        entry.refuse(
            "name", f"Invalid '{entry.path('name')}': a tool's name has 1 to 128 letters, digits, '_', '-' and '.'."
        )
    return Tool(
        name=name,
        description=entry.text("description") or "",
        parameters=read_parameters(entry, "input_schema"),
        strict=entry.flag("strict"),
    )


def read_tool_choice(body: Fields, tools: tuple[Tool, ...]) -> tuple[ToolChoice, bool]:
    """The choice, and whether several calls may be made at once."""
    choice = body.inner("tool_choice")
    if choice is None:
        return "auto", True
    kind = choice.required_text("type")
    is_parallel = not choice.flag("disable_parallel_tool_use")
    if kind in ("any", "tool") and not tools:
        body.refuse("tool_choice", "'tool_choice' may ask for a tool only when 'tools' are given.")
    if kind == "tool":
        return NamedTool(read_known_name(choice, tools)), is_parallel
    if kind not in _CHOICES:
        supported = one_of([*_CHOICES, "tool"])
        choice.refuse("type", f"Invalid value: '{kind[:40]}'. Supported values are: {supported}.")
    return _CHOICES[kind], is_parallel


def read_format(body: Fields) -> JsonSchema | None:
    """``output_config.format``, or ``output_format`` as its beta had it."""
    config = body.inner("output_config")
    form = (config.inner("format") if config is not None else None) or body.inner("output_format")
    if form is None:
        return None
    kind = form.required_text("type")
    if kind != "json_schema":
        form.refuse("type", f"Invalid value: '{kind[:40]}'. Supported values are: 'json_schema'.")
    return JsonSchema(read_schema(form), strict=True)
