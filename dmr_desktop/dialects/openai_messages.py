"""OpenAI's chat messages to protocol messages. Histories are taken as they are: they need not fit the tools."""

from dmr_desktop.dialects.arguments import read_arguments
from dmr_desktop.dialects.fields import Fields, refuse, refuse_type
from dmr_desktop.dialects.roles import read_role
from dmr_desktop.protocol.generation import ImagePart, Message, Part, Role, TextPart, ToolCall

_OLDER_ROLES: dict[str, Role] = {"function": "tool"}
_TEXT_PARTS = ("text", "input_text", "output_text")


def read_messages(body: Fields) -> tuple[Message, ...]:
    if "messages" not in body:
        body.missing("messages")
    messages = tuple(_read_message(entry) for entry in body.objects("messages", at_least=1))
    if messages[0].role == "tool":
        body.refuse("messages[0].role", "Invalid 'messages': the first message cannot have the role 'tool'.")
    return messages


def _read_message(entry: Fields) -> Message:
    role = read_role(entry, older=_OLDER_ROLES)
    content = read_content(entry, "content")
    if content is None and role != "assistant":
        entry.missing("content")
    return Message(
        role=role,
        content=content or (),
        reasoning=_read_reasoning(entry) if role == "assistant" else None,
        tool_calls=tuple(_read_call(call) for call in entry.objects("tool_calls")) if role == "assistant" else (),
        tool_call_id=entry.text("tool_call_id") if role == "tool" else None,
        name=entry.text("name"),
    )


def _read_reasoning(entry: Fields) -> str | None:
    """``reasoning`` may be an object where other servers' answers are replayed; then it is no text and is dropped."""
    if "reasoning_content" in entry:
        return entry.text("reasoning_content")
    value = entry.get("reasoning")
    return value if isinstance(value, str) else None


def read_content(entry: Fields, name: str) -> tuple[Part, ...] | None:
    """A string or parts, in the spelling of chats or of responses; None if absent."""
    value = entry.get(name)
    if value is None:
        return None
    if isinstance(value, str):
        return (TextPart(value),) if value else ()
    if not isinstance(value, list):
        refuse_type(value, "a string or an array of parts", entry.path(name))
    return tuple(_read_part(part) for part in entry.objects(name))


def _read_part(part: Fields) -> Part:
    kind = part.required_text("type")
    if kind in _TEXT_PARTS:
        return TextPart(part.required_text("text"))
    if kind == "refusal":
        return TextPart(part.required_text("refusal"))
    if kind not in ("image_url", "input_image"):
        part.refuse("type", f"Invalid value: '{kind[:40]}'. Supported values are: 'text' and 'image_url'.")
    return ImagePart(_read_image_url(part))


def _read_image_url(part: Fields) -> str:
    """Only inline images: this server opens no address that a request names."""
    value = part.get("image_url")
    url = value if isinstance(value, str) else part.required_inner("image_url").required_text("url")
    if not url.startswith("data:"):
        refuse(
            f"Invalid '{part.path('image_url')}': only 'data:' URLs are supported, images are not fetched.",
            part.path("image_url"),
        )
    return url


def _read_call(call: Fields) -> ToolCall:
    function = call.required_inner("function")
    arguments = read_arguments(function, "a string")
    return ToolCall(id=call.text("id") or "", name=function.required_text("name"), arguments=arguments)
