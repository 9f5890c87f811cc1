"""What a template can take, found by rendering small conversations full of unmistakable words.

Knows the shape of template messages; what the renderings say about the format is :mod:`.learn`'s matter.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dmr_desktop.engine.formats.template import ChatTemplate, TemplateMessage
from dmr_desktop.protocol.errors import InvalidRequest

NAMES = ("FnAlphaQz", "FnBetaQz")
KEYS = ("argOneQz", "argTwoQz")
VALUES = ("valOneQz", "valTwoQz")
# Nine letters and digits: the one shape that every template accepts.
IDS = ("callQz001", "callQz002")
USER, REASONING, CONTENT = "UserQz hello", "ReasonQz text", "ContentQz text"

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
    """

    shows_user: bool
    system_role: bool
    late_system: bool
    reads_tools: bool
    renders_calls: bool
    object_arguments: bool
    short_call_ids: bool
    alternates: bool


def try_render(
    template: ChatTemplate, messages: Sequence[TemplateMessage], tools: Sequence[Mapping[str, Any]] = (), **options: Any
) -> str:
    """The rendering, or nothing where the template refuses."""
    try:
        return template.render(messages, tools, **options)
    except InvalidRequest:
        return ""


def assistant(
    content: str = "", *, reasoning: str = "", num_calls: int = 0, object_arguments: bool = True
) -> TemplateMessage:
    """An assistant's message with the sentinels in its slots."""
    message: TemplateMessage = {"role": "assistant", "content": content}
    if reasoning:
        message |= {"reasoning_content": reasoning, "thinking": reasoning, "reasoning": reasoning}
    if num_calls:
        arguments: Any = dict(zip(KEYS, VALUES, strict=True))
        if not object_arguments:
            arguments = f'{{"{KEYS[0]}": "{VALUES[0]}", "{KEYS[1]}": "{VALUES[1]}"}}'
        message["tool_calls"] = [
            {"id": IDS[index], "type": "function", "function": {"name": NAMES[index], "arguments": arguments}}
            for index in range(num_calls)
        ]
    return message


def probe(template: ChatTemplate) -> Traits:
    """Takes about ten renderings: a few milliseconds."""
    with_object = try_render(template, [USER_MESSAGE, assistant(num_calls=1)], TOOLS, add_generation_prompt=False)
    objects = VALUES[0] in with_object and f"{{'{KEYS[0]}'" not in with_object
    with_text = ""
    if not objects:
        message = assistant(num_calls=1, object_arguments=False)
        with_text = try_render(template, [USER_MESSAGE, message], TOOLS, add_generation_prompt=False)
    long_id = assistant(num_calls=1, object_arguments=objects)
    long_id["tool_calls"][0]["id"] = "call_" + "a" * 24
    takes_long_id = NAMES[0] in try_render(template, [USER_MESSAGE, long_id], TOOLS, add_generation_prompt=False)
    renders_calls = NAMES[0] in (with_object if objects else with_text)
    system: TemplateMessage = {"role": "system", "content": "SystemQz"}
    hello = try_render(template, [USER_MESSAGE])
    return Traits(
        shows_user=not hello or USER in hello,
        system_role="SystemQz" in try_render(template, [system, USER_MESSAGE]),
        late_system="SystemQz" in try_render(template, [USER_MESSAGE, assistant(CONTENT), system, USER_MESSAGE]),
        reads_tools=NAMES[1] in try_render(template, [USER_MESSAGE], TOOLS),
        renders_calls=renders_calls,
        object_arguments=objects or VALUES[0] not in with_text,
        short_call_ids=renders_calls and not takes_long_id,
        alternates=not try_render(template, [USER_MESSAGE, USER_MESSAGE]) and bool(hello),
    )
