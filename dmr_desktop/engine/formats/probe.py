"""What a template can take, found by rendering small conversations full of unmistakable words.

Knows the shape of template messages; what the renderings say about the format is :mod:`.learn`'s matter.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dmr_desktop.engine.formats.template import IN_SYSTEM_MESSAGE, ChatTemplate, TemplateMessage
from dmr_desktop.protocol.errors import InvalidRequest

NAMES = ("FnAlphaQz", "FnBetaQz")
KEYS = ("argOneQz", "argTwoQz")
VALUES = ("valOneQz", "valTwoQz")
# Nine letters and digits: the one shape that every template accepts.
IDS = ("callQz001", "callQz002")
USER, REASONING, CONTENT = "UserQz hello", "ReasonQz text", "ContentQz text"


@dataclass(frozen=True, slots=True)
class TypedArguments:
    """Arguments of all JSON types. ``places``: by type, the key and the text with which its value begins.

    ``item`` is the first item of the list.
    """

    arguments: Mapping[str, Any]
    places: Mapping[str, tuple[str, str]]
    item: str


TYPED = TypedArguments(
    {
        "numKeyQz": 31415,
        "flagKeyQz": True,
        "listKeyQz": ["itemValQz"],
        "mapKeyQz": {"inKeyQz": 27182},
        "voidKeyQz": None,
    },
    {
        "number": ("numKeyQz", "31415"),
        "boolean": ("flagKeyQz", "true"),
        "array": ("listKeyQz", "["),
        "object": ("mapKeyQz", "{"),
        "null": ("voidKeyQz", "null"),
    },
    "itemValQz",
)

USER_MESSAGE: TemplateMessage = {"role": "user", "content": USER}


def _tool(name: str) -> dict[str, Any]:
    properties = {key: {"type": "string", "description": "d"} for key in KEYS}
    parameters = {"type": "object", "properties": properties, "required": list(KEYS)}
    return {"type": "function", "function": {"name": name, "description": "d", "parameters": parameters}}


TOOLS = [_tool(name) for name in NAMES]


@dataclass(frozen=True, slots=True)
class Traits:
    """``shows_user``: what a user says is in the prompt at all.
    ``late_system``: a system message is also read when it is not the first message.
    ``object_arguments``: calls in the history want their arguments as an object, not as JSON text.

    ``short_call_ids``: the ids of calls must be nine letters and digits.
    ``alternates``: two messages of one role in a row are refused.
    ``one_call``: a message holds one call at most; the others are refused or lost.
    ``null_content``: calls are only shown of a message whose content is null.
    ``no_content_beside_calls``: a message with calls and reasoning may have no content.
    ``renders_results``: what a tool answered is in the prompt. ``user_after_result``: a user may speak next.
    """

    shows_user: bool
    system_role: bool
    late_system: bool
    reads_tools: bool
    renders_calls: bool
    object_arguments: bool
    short_call_ids: bool
    alternates: bool
    one_call: bool = False
    null_content: bool = False
    no_content_beside_calls: bool = False
    renders_results: bool = True
    user_after_result: bool = True


_RESULT = "ResultQz text"
_OTHER_TOOLS = ("xml_tools", "python_tools", "custom_tools")


def try_render(
    template: ChatTemplate, messages: Sequence[TemplateMessage], tools: Sequence[Mapping[str, Any]] = (), **options: Any
) -> str:
    """The rendering, or nothing where the template refuses."""
    try:
        return template.render(messages, tools, **options)
    except InvalidRequest:
        return ""


def rendered_answer(template: ChatTemplate, message: TemplateMessage, tools: Sequence[Mapping[str, Any]] = ()) -> str:
    """What the template writes for the assistant's message, header and end of turn included."""
    text = try_render(template, [USER_MESSAGE, message], tools, add_generation_prompt=False)
    return text[text.rfind(USER) + len(USER) :] if USER in text else ""


def prompt_behind_user(template: ChatTemplate, tools: Sequence[Mapping[str, Any]] = ()) -> str:
    """What the template puts behind the user's words to ask for an answer."""
    text = try_render(template, [USER_MESSAGE], tools)
    return text[text.rfind(USER) + len(USER) :] if USER in text else ""


def assistant(
    content: str | None = "",
    *,
    reasoning: str = "",
    num_calls: int = 0,
    object_arguments: bool = True,
    arguments: Mapping[str, Any] | None = None,
) -> TemplateMessage:
    """An assistant's message with the sentinels in its slots."""
    message: TemplateMessage = {"role": "assistant", "content": content}
    if reasoning:
        message |= {"reasoning_content": reasoning, "thinking": reasoning, "reasoning": reasoning}
    if num_calls:
        given: Any = dict(zip(KEYS, VALUES, strict=True)) if arguments is None else dict(arguments)
        if not object_arguments:
            given = json.dumps(given)
        message["tool_calls"] = [
            {"id": IDS[index], "type": "function", "function": {"name": NAMES[index], "arguments": given}}
            for index in range(num_calls)
        ]
    return message


def probe(template: ChatTemplate) -> Traits:
    """Takes about fifteen renderings: some milliseconds."""

    def answer(message: TemplateMessage) -> str:
        return rendered_answer(template, message, TOOLS)

    with_object = answer(assistant(num_calls=1))
    null_content = NAMES[0] not in with_object and NAMES[0] in answer(assistant(None, num_calls=1))
    empty = None if null_content else ""
    with_object = answer(assistant(empty, num_calls=1))
    objects = VALUES[0] in with_object and f"{{'{KEYS[0]}'" not in with_object
    with_text = "" if objects else answer(assistant(empty, num_calls=1, object_arguments=False))
    shown = with_object if objects else with_text
    # The tools' names may stand in any part of the prompt, what a call brings only in the call.
    renders_calls = NAMES[0] in shown and VALUES[0] in shown
    long_id = assistant(empty, num_calls=1, object_arguments=objects)
    long_id["tool_calls"][0]["id"] = "call_" + "a" * 24
    takes_long_id = NAMES[0] in answer(long_id)
    both = assistant(CONTENT, reasoning=REASONING, num_calls=1, object_arguments=objects)
    system: TemplateMessage = {"role": "system", "content": "SystemQz"}
    hello = try_render(template, [USER_MESSAGE])
    tools_name = _tools_name(template)
    template.tools_name = tools_name or "tools"
    caller = assistant(empty, num_calls=1, object_arguments=objects) if renders_calls else assistant(CONTENT)
    shows_answers = CONTENT in try_render(template, [USER_MESSAGE, assistant(CONTENT)])
    result: TemplateMessage = {"role": "tool", "content": _RESULT, "tool_call_id": IDS[0], "name": NAMES[0]}
    asked = [USER_MESSAGE, caller]
    results = try_render(template, [*asked, result], TOOLS)
    return Traits(
        shows_user=not hello or USER in hello,
        system_role="SystemQz" in try_render(template, [system, USER_MESSAGE]),
        late_system="SystemQz" in try_render(template, [USER_MESSAGE, assistant(CONTENT), system, USER_MESSAGE]),
        reads_tools=bool(tools_name),
        renders_calls=renders_calls,
        object_arguments=objects or VALUES[0] not in with_text,
        short_call_ids=renders_calls and not takes_long_id,
        alternates=not try_render(template, [USER_MESSAGE, USER_MESSAGE]) and bool(hello),
        one_call=renders_calls and NAMES[1] not in answer(assistant(empty, num_calls=2, object_arguments=objects)),
        null_content=null_content,
        no_content_beside_calls=renders_calls and NAMES[0] not in answer(both),
        renders_results=not shows_answers or _RESULT in results,
        user_after_result=not results or bool(try_render(template, [*asked, result, USER_MESSAGE], TOOLS)),
    )


def _tools_name(template: ChatTemplate) -> str:
    """The variable that brings the tools into the prompt; empty if none does."""
    if NAMES[1] in try_render(template, [USER_MESSAGE], TOOLS):
        return "tools"
    for name in _OTHER_TOOLS:
        if name in template.source and NAMES[1] in try_render(template, [USER_MESSAGE], variables={name: TOOLS}):
            return name
    template.tools_name = IN_SYSTEM_MESSAGE
    return IN_SYSTEM_MESSAGE if NAMES[1] in try_render(template, [USER_MESSAGE], TOOLS) else ""
