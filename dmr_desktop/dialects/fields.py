"""Typed reading of a request's JSON; every refusal is an :class:`InvalidRequest` that names the field.

``null`` counts as absent. Booleans are not numbers, strings are not numbers: nothing is coerced. The
sentences are worded as OpenAI words its own, because clients match on them. Knows no endpoint.
"""

import math
from collections.abc import Mapping, Sequence
from typing import NoReturn, TypeVar

from dmr_desktop.protocol.errors import InvalidRequest

T = TypeVar("T")


def refuse(message: str, param: str | None) -> NoReturn:
    raise InvalidRequest(message, param=param)


def kind_of(value: object) -> str:
    """``an integer``, ``a string`` ...: how a refusal calls a JSON value."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, int):
        return "an integer"
    if isinstance(value, float):
        return "a decimal"
    if isinstance(value, str):
        return "a string"
    return "an array" if isinstance(value, list) else "an object"


def refuse_type(value: object, wanted: str, param: str) -> NoReturn:
    refuse(f"Invalid type for '{param}': expected {wanted}, but got {kind_of(value)} instead.", param)


def one_of(values: Sequence[str]) -> str:
    quoted = [f"'{value}'" for value in values]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])}, and {quoted[-1]}"


class Fields:
    """One JSON object being read. ``where`` is its path in the body, for the messages; "" is the body itself."""

    __slots__ = ("_data", "where")

    def __init__(self, data: object, where: str = "") -> None:
        if not isinstance(data, dict):
            if where:
                refuse_type(data, "an object", where)
            refuse("invalid request: the body must be a JSON object", None)
        self._data: Mapping[str, object] = data
        self.where = where

    def __contains__(self, name: str) -> bool:
        return self._data.get(name) is not None

    def path(self, name: str) -> str:
        return f"{self.where}.{name}" if self.where else name

    def get(self, name: str) -> object:
        """The value as it came; None if absent."""
        return self._data.get(name)

    def refuse(self, name: str, message: str) -> NoReturn:
        refuse(message, self.path(name))

    def missing(self, name: str) -> NoReturn:
        self.refuse(name, f"Missing required parameter: '{self.path(name)}'.")

    def _typed(self, name: str, kind: type[T], wanted: str) -> T | None:
        value = self._data.get(name)
        if value is None:
            return None
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            refuse_type(value, wanted, self.path(name))
        return value

    def text(self, name: str) -> str | None:
        return self._typed(name, str, "a string")

    def required_text(self, name: str) -> str:
        value = self.text(name)
        if value is None:
            self.missing(name)
        return value

    def flag(self, name: str, default: bool = False) -> bool:
        value = self._typed(name, bool, "a boolean")
        return default if value is None else value

    def integer(self, name: str, low: int, high: int) -> int | None:
        value = self._typed(name, int, "an integer")
        if value is not None:
            self._check_range(name, "integer", value, low, high)
        return value

    def number(self, name: str, low: float, high: float) -> float | None:
        value = self._data.get(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float):
            refuse_type(value, "a decimal", self.path(name))
        if not math.isfinite(value):
            self.refuse(name, f"Invalid '{self.path(name)}': the number must be finite.")
        self._check_range(name, "decimal", value, low, high)
        return float(value)

    def _check_range(self, name: str, kind: str, value: float, low: float, high: float) -> None:
        if low <= value <= high:
            return
        side, sign, bound = ("below minimum", ">=", low) if value < low else ("above maximum", "<=", high)
        self.refuse(
            name,
            f"Invalid '{self.path(name)}': {kind} {side} value. "
            f"Expected a value {sign} {bound}, but got {value} instead.",
        )

    def items(self, name: str, *, at_least: int = 0, at_most: int | None = None) -> list[object] | None:
        value: list[object] | None = self._typed(name, list, "an array")
        if value is None:
            return None
        path = self.path(name)
        if len(value) < at_least:
            got = "an empty array" if not value else f"an array with length {len(value)}"
            problem = "empty array" if not value else "array too short"
            self.refuse(
                name,
                f"Invalid '{path}': {problem}. "
                f"Expected an array with minimum length {at_least}, but got {got} instead.",
            )
        if at_most is not None and len(value) > at_most:
            self.refuse(
                name,
                f"Invalid '{path}': array too long. "
                f"Expected an array with maximum length {at_most}, but got an array with length {len(value)} instead.",
            )
        return value

    def objects(self, name: str, *, at_least: int = 0, at_most: int | None = None) -> list["Fields"]:
        """The objects of an array; [] if absent."""
        items = self.items(name, at_least=at_least, at_most=at_most) or []
        return [Fields(item, f"{self.path(name)}[{index}]") for index, item in enumerate(items)]

    def inner(self, name: str) -> "Fields | None":
        value = self._data.get(name)
        return None if value is None else Fields(value, self.path(name))

    def required_inner(self, name: str) -> "Fields":
        found = self.inner(name)
        if found is None:
            self.missing(name)
        return found

    def choice(self, name: str, values: Sequence[str]) -> str | None:
        value = self.text(name)
        if value is not None and value not in values:
            self.refuse(name, f"Invalid value: '{value}'. Supported values are: {one_of(values)}.")
        return value

    def mapping(self, name: str) -> dict[str, object] | None:
        return self._typed(name, dict, "an object")
