"""The wording of refusals: clients match on it."""

from collections.abc import Callable

import pytest

from dmr_desktop.dialects.fields import Fields
from dmr_desktop.protocol.errors import InvalidRequest


@pytest.mark.parametrize(
    ("read", "message"),
    [
        (lambda f: f.required_text("gone"), "Missing required parameter: 'a.gone'."),
        (lambda f: f.text("one"), "Invalid type for 'a.one': expected a string, but got an integer instead."),
        (
            lambda f: f.integer("half", 0, 1),
            "Invalid type for 'a.half': expected an integer, but got a decimal instead.",
        ),
        (lambda f: f.integer("yes", 0, 1), "Invalid type for 'a.yes': expected an integer, but got a boolean instead."),
        (lambda f: f.number("text", 0, 1), "Invalid type for 'a.text': expected a decimal, but got a string instead."),
        (lambda f: f.flag("text"), "Invalid type for 'a.text': expected a boolean, but got a string instead."),
        (lambda f: f.inner("empty"), "Invalid type for 'a.empty': expected an object, but got an array instead."),
        (lambda f: f.items("text"), "Invalid type for 'a.text': expected an array, but got a string instead."),
        (
            lambda f: f.number("one", 2, 3),
            "Invalid 'a.one': decimal below minimum value. Expected a value >= 2, but got 1 instead.",
        ),
        (
            lambda f: f.integer("one", -1, 0),
            "Invalid 'a.one': integer above maximum value. Expected a value <= 0, but got 1 instead.",
        ),
        (
            lambda f: f.items("empty", at_least=1),
            "Invalid 'a.empty': empty array. Expected an array with minimum length 1, but got an empty array instead.",
        ),
        (
            lambda f: f.items("two", at_most=1),
            "Invalid 'a.two': array too long. "
            "Expected an array with maximum length 1, but got an array with length 2 instead.",
        ),
        (
            lambda f: f.choice("text", ("a", "b", "c")),
            "Invalid value: 'x'. Supported values are: 'a', 'b', and 'c'.",
        ),
        (lambda f: f.objects("two"), "Invalid type for 'a.two[0]': expected an object, but got an integer instead."),
    ],
)
def test_refusals(read: Callable[[Fields], object], message: str) -> None:
    fields = Fields({"one": 1, "half": 0.5, "yes": True, "text": "x", "empty": [], "two": [1, 2]}, "a")
    with pytest.raises(InvalidRequest) as caught:
        read(fields)
    assert caught.value.message == message
    assert caught.value.param is not None
    assert caught.value.param.startswith("a.")


def test_null_is_absent() -> None:
    fields = Fields({"x": None})
    assert "x" not in fields
    assert (fields.text("x"), fields.integer("x", 1, 2), fields.number("x", 1, 2), fields.items("x")) == (None,) * 4
    assert (fields.flag("x", default=True), fields.objects("x"), fields.inner("x")) == (True, [], None)


def test_whole_numbers_are_decimals_but_not_the_reverse() -> None:
    fields = Fields({"one": 1, "point": 1.0})
    assert fields.number("one", 0, 2) == 1.0
    with pytest.raises(InvalidRequest):
        fields.integer("point", 0, 2)
