"""Protocol messages in the shape that templates read."""

import pytest

from dmr_desktop.engine.formats.messages import template_messages, template_tools
from dmr_desktop.engine.formats.probe import Traits
from dmr_desktop.engine.formats.template import TemplateMessage
from dmr_desktop.protocol.errors import InvalidRequest
from dmr_desktop.protocol.generation import ImagePart, Message, Role, TextPart, Tool, ToolCall

ABLE = Traits(
    shows_user=True,
    system_role=True,
    late_system=True,
    reads_tools=True,
    renders_calls=True,
    object_arguments=True,
    short_call_ids=False,
    alternates=False,
)


def traits(**changes: bool) -> Traits:
    return Traits(**{name: changes.get(name, getattr(ABLE, name)) for name in Traits.__slots__})


def say(role: Role, *texts: str) -> Message:
    return Message(role, tuple(TextPart(text) for text in texts))


def shape(*messages: Message, **changes: bool) -> list[TemplateMessage]:
    return template_messages(messages, traits(**changes), str.upper, str.title)


def brief(messages: list[TemplateMessage]) -> list[tuple[str, str]]:
    return [(message["role"], message["content"]) for message in messages]


def test_parts_are_joined_and_client_text_is_marked() -> None:
    found = shape(say("user", "one", "two"), say("assistant", "some words"))
    assert brief(found) == [("user", "ONE\nTWO"), ("assistant", "Some Words")]


def test_a_call_and_its_result() -> None:
    call = Message("assistant", (), "hm", (ToolCall("c1", "f", '{"k": ["v", 1.5, null]}'),))
    found = shape(call, Message("tool", (TextPart("sun"),), tool_call_id="c1"))
    function = {"name": "F", "arguments": {"K": ["V", 1.5, None]}}
    assert found[0]["tool_calls"] == [{"id": "C1", "type": "function", "function": function}]
    assert found[0]["content"] == ""
    assert found[0]["reasoning_content"] == found[0]["thinking"] == "HM"
    assert found[1] == {"role": "tool", "content": "SUN", "tool_call_id": "C1", "name": "F"}


def test_arguments_as_text_where_the_template_wants_text() -> None:
    call = Message("assistant", (), None, (ToolCall("c1", "f", "{half"),))
    assert shape(call, object_arguments=False)[0]["tool_calls"][0]["function"]["arguments"] == "{HALF"


@pytest.mark.parametrize("arguments", ["{half", "[" * 100_000])
def test_arguments_that_are_not_json_are_refused_by_name(arguments: str) -> None:
    call = Message("assistant", (), None, (ToolCall("c1", "f", "{}"), ToolCall("c2", "f", arguments)))
    with pytest.raises(InvalidRequest) as caught:
        shape(say("user", "x"), call)
    assert caught.value.param == "messages[1].tool_calls[1].function.arguments"


def test_call_ids_of_nine_characters_where_the_template_insists() -> None:
    call = Message("assistant", (), None, (ToolCall("call_" + "a" * 24, "f", "{}"),))
    found = shape(call, Message("tool", (), tool_call_id="call_" + "a" * 24), short_call_ids=True)
    made = found[0]["tool_calls"][0]["id"]
    assert len(made) == 9
    assert made.isalnum()
    assert found[1]["tool_call_id"] == made


def test_images_are_refused_by_name() -> None:
    with pytest.raises(InvalidRequest) as caught:
        shape(say("user", "x"), Message("user", (TextPart("look"), ImagePart("data:image/png;base64,"))))
    assert caught.value.param == "messages[1].content[1].image_url"


def test_system_messages_in_front_become_one() -> None:
    found = shape(say("system", "a"), say("system", "b"), say("user", "u"), say("system", "c"))
    assert brief(found) == [("system", "A\n\nB"), ("user", "U"), ("system", "C")]


def test_later_system_messages_go_in_front_where_only_the_first_is_read() -> None:
    found = shape(say("user", "u"), say("assistant", "x"), say("system", "c"), late_system=False)
    assert brief(found) == [("system", "C"), ("user", "U"), ("assistant", "X")]


def test_without_a_system_role_it_goes_into_the_first_users_turn() -> None:
    found = shape(say("system", "a"), say("assistant", "x"), say("user", "u"), say("user", "v"), system_role=False)
    assert brief(found) == [("assistant", "X"), ("user", "A\n\nU"), ("user", "V")]
    assert brief(shape(say("system", "a"), system_role=False)) == [("user", "A")]


def test_neighbours_are_merged_where_roles_must_alternate() -> None:
    found = shape(say("user", "a"), say("user", "b"), say("assistant", "x"), say("assistant", "y"), alternates=True)
    assert brief(found) == [("user", "A\n\nB"), ("assistant", "X\n\nY")]


def test_tools_in_openais_shape() -> None:
    tool = Tool("f", "does", {"type": "object", "properties": {"a": {"enum": ["x", 2]}}})
    function = {
        "name": "F",
        "description": "DOES",
        "parameters": {"TYPE": "OBJECT", "PROPERTIES": {"A": {"ENUM": ["X", 2]}}},
    }
    assert template_tools([tool], str.upper) == [{"type": "function", "function": function}]
    empty = template_tools([Tool("f")], str)
    assert empty[0]["function"]["parameters"] == {"type": "object", "properties": {}}
