"""Frozen dataclass ⇄ JSON value, by its type hints; and the compact form of events.

``dump`` gives dicts, lists, strings, numbers, None. ``load`` is strict: a missing field without a
default, an unknown field or a value of the wrong type is a :class:`WireError`. Each object has a member
``"type"`` with its class name, by which a union is told apart; only a class with a field of that name
goes without.

Events are the hot path (several thousand a second), so they have a hand-written list form,
``[tag, field, ...]``; both forms are covered by round-trip tests over every type.
"""

import math
import types
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from enum import StrEnum
from functools import cache
from typing import Any, Literal, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from dmr_desktop.protocol.errors import ErrorInfo
from dmr_desktop.protocol.generation import (
    ChoiceFinished,
    Event,
    Failed,
    Finished,
    FinishReason,
    ReasoningDelta,
    Started,
    TextDelta,
    Timings,
    TokenLogprob,
    ToolCallArguments,
    ToolCallStarted,
    TopLogprob,
    Usage,
)
from dmr_desktop.protocol.json_types import JSON

T = TypeVar("T")

LOWEST_LOGPROB = -9999.0
"""Stands for minus infinity, which JSON cannot say (the number OpenAI documents for "very unlikely")."""


class WireError(ValueError):
    """The JSON does not have the shape of the type asked for."""


def dump(value: object) -> JSON:
    """Any value made of dataclasses, mappings, sequences, enums and scalars, as JSON."""
    kind: type = type(value)
    if kind in _AS_IS:
        return cast(JSON, value)
    names = _field_names(kind)
    if names is not None:
        # The longest conversations are made of these: no work is done twice for a class.
        tag: dict[str, JSON] = {"type": kind.__name__}
        for name in names:
            tag[name] = dump(getattr(value, name))
        return tag
    if isinstance(value, StrEnum):
        return value.value
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Mapping):
        return {str(key): dump(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
        if set(map(type, value)) <= {int, str}:
            return list(value)  # prompts of token ids are long
        return [dump(item) for item in value]
    raise WireError(f"cannot send a {type(value).__name__}")


def load(cls: type[T], data: JSON) -> T:
    """The value of type ``cls`` that ``dump`` made ``data`` of. Raises :class:`WireError`."""
    return cast(T, _load(cls, data, cls.__name__))


_AS_IS = frozenset((str, int, float, bool, type(None)))


@cache
def _field_names(cls: type) -> tuple[str, ...] | None:
    return tuple(field.name for field in fields(cls)) if is_dataclass(cls) else None


# The JSON alias is a forward reference: its names are resolved here, one level deep.
_ALIAS_NAMES = {"Sequence": Sequence, "Mapping": Mapping, "JSON": Any}
_JSON_HINT = None | bool | int | float | str | Sequence[Any] | Mapping[str, Any]


@cache
def _hints(cls: type) -> dict[str, Any]:
    return get_type_hints(cls, localns=_ALIAS_NAMES)


def _load(hint: Any, data: Any, where: str) -> Any:
    if hint == _JSON_HINT:
        return data
    if isinstance(hint, type) and is_dataclass(hint):
        return _load_dataclass(hint, data, where)
    origin = get_origin(hint)
    if origin in (Union, types.UnionType):
        return _load_union(get_args(hint), data, where)
    if origin is Literal:
        if isinstance(data, str) and data in get_args(hint):
            return data
        raise WireError(f"{where}: {data!r:.80} is none of {get_args(hint)}")
    if origin is tuple:
        return _load_tuple(get_args(hint), data, where)
    if origin is not None and issubclass(origin, Mapping):
        return _load_mapping(get_args(hint), data, where)
    return _load_scalar(hint, data, where)


def _load_dataclass(cls: type, data: Any, where: str) -> Any:
    if not isinstance(data, Mapping):
        raise WireError(f"{where}: an object is needed")
    hints = _hints(cls)
    if "type" not in hints and data.get("type", cls.__name__) != cls.__name__:
        raise WireError(f"{where}: {data['type']!r:.80} is not {cls.__name__}")
    unknown = data.keys() - hints.keys() - {"type"}
    if unknown:
        raise WireError(f"{where}: unknown fields {sorted(unknown)}")
    given = {}
    for f in fields(cls):
        if f.name in data:
            given[f.name] = _load(hints[f.name], data[f.name], f"{where}.{f.name}")
        elif f.default is MISSING and f.default_factory is MISSING:
            raise WireError(f"{where}: {f.name} is missing")
    return cls(**given)


def _load_union(members: tuple[Any, ...], data: Any, where: str) -> Any:
    if data is None and types.NoneType in members:
        return None
    if isinstance(data, Mapping):
        for member in members:
            if isinstance(member, type) and is_dataclass(member) and data.get("type") == member.__name__:
                return _load_dataclass(member, data, where)
    for member in members:
        if member is types.NoneType:
            continue
        try:
            return _load(member, data, where)
        except WireError:
            continue
    raise WireError(f"{where}: {data!r:.80} fits none of the union")


def _load_tuple(members: tuple[Any, ...], data: Any, where: str) -> Any:
    if not isinstance(data, Sequence) or isinstance(data, str):
        raise WireError(f"{where}: an array is needed")
    if len(members) == 2 and members[1] is Ellipsis:
        if members[0] is int and set(map(type, data)) <= {int}:
            return tuple(data)  # prompts of token ids are long
        return tuple(_load(members[0], item, f"{where}[]") for item in data)
    if len(members) != len(data):
        raise WireError(f"{where}: {len(members)} items are needed")
    return tuple(_load(member, item, f"{where}[]") for member, item in zip(members, data, strict=True))


def _load_mapping(members: tuple[Any, ...], data: Any, where: str) -> Any:
    if not isinstance(data, Mapping):
        raise WireError(f"{where}: an object is needed")
    key_type, value_type = members
    try:
        return {key_type(key): _load(value_type, item, f"{where}.{key}") for key, item in data.items()}
    except WireError:
        raise
    except ValueError:
        raise WireError(f"{where}: keys must be of type {key_type.__name__}") from None


def _load_scalar(hint: Any, data: Any, where: str) -> Any:
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        try:
            return hint(data)
        except ValueError:
            raise WireError(f"{where}: {data!r:.80} is no {hint.__name__}") from None
    if hint is float and isinstance(data, int) and not isinstance(data, bool):
        return float(data)
    if isinstance(hint, type) and isinstance(data, hint) and (hint is bool or not isinstance(data, bool)):
        return data
    raise WireError(f"{where}: {data!r:.80} is not {getattr(hint, '__name__', hint)}")


# ---- events ----------------------------------------------------------------------------------


def dump_event(event: Event) -> list[Any]:
    """The compact list of an event; the first item is a one-letter tag."""
    match event:
        case TextDelta(text, choice, logprobs, pieces):
            if not logprobs:
                return ["t", choice, text, pieces]
            return ["t", choice, text, pieces, [_dump_logprob(item) for item in logprobs]]
        case ReasoningDelta(text, choice, pieces):
            return ["r", choice, text, pieces]
        case ToolCallStarted(call_index, call_id, name, choice):
            return ["c", choice, call_index, call_id, name]
        case ToolCallArguments(call_index, text, choice, pieces):
            return ["a", choice, call_index, text, pieces]
        case ChoiceFinished(reason, choice, stop):
            return ["f", choice, reason, stop]
        case Started(prompt_tokens, cached_tokens):
            return ["s", prompt_tokens, cached_tokens]
        case Finished(u, t):
            return [
                "z",
                [u.prompt_tokens, u.completion_tokens, u.cached_tokens, u.reasoning_tokens],
                [t.queue_ms, t.prompt_ms, t.predicted_ms],
            ]
        case Failed(e):
            return ["e", e.code, e.message, e.hint, e.param, e.evidence]


def load_event(item: Sequence[Any]) -> Event:
    """The event that ``dump_event`` made ``item`` of. Raises :class:`WireError`.

    The sender is a process that runs foreign model code, so the types of all fields are checked.
    """
    try:
        return _load_event(item)
    except (IndexError, TypeError, ValueError) as error:
        raise WireError(f"not an event: {item!r:.200}") from error


def _load_event(item: Sequence[Any]) -> Event:
    match item:
        case ["t", int(choice), str(text), int(pieces)]:
            return TextDelta(text, choice, (), pieces)
        case ["t", int(choice), str(text), int(pieces), list(logprobs)]:
            return TextDelta(text, choice, tuple(_load_logprob(entry) for entry in logprobs), pieces)
        case ["r", int(choice), str(text), int(pieces)]:
            return ReasoningDelta(text, choice, pieces)
        case ["c", int(choice), int(call_index), str(call_id), str(name)]:
            return ToolCallStarted(call_index, call_id, name, choice)
        case ["a", int(choice), int(call_index), str(text), int(pieces)]:
            return ToolCallArguments(call_index, text, choice, pieces)
        case ["f", int(choice), ("stop" | "length" | "tool_calls" | "cancelled") as reason, (None | str()) as stop]:
            return ChoiceFinished(cast(FinishReason, reason), choice, stop)
        case ["s", int(prompt_tokens), int(cached_tokens)]:
            return Started(prompt_tokens, cached_tokens)
        case ["z", [int(), int(), int(), int()] as usage, [_, _, _] as timings]:
            return Finished(Usage(*usage), Timings(*(float(value) for value in timings)))
        case ["e", str(code), str(message), str(hint), (None | str()) as param, str(evidence)]:
            return Failed(ErrorInfo(code, message, hint, param, evidence))
    raise ValueError("unknown tag or fields")


def _dump_logprob(item: TokenLogprob) -> list[Any]:
    top = [[entry.token, list(entry.token_bytes), _finite(entry.logprob)] for entry in item.top]
    return [item.token, list(item.token_bytes), _finite(item.logprob), top]


def _finite(logprob: float) -> float:
    return logprob if math.isfinite(logprob) else LOWEST_LOGPROB


def _load_logprob(item: Any) -> TokenLogprob:
    match item:
        case [str(token), list(token_bytes), int() | float() as logprob, list(top)]:
            alternatives = tuple(
                TopLogprob(str(text), tuple(int(b) for b in raw), float(value)) for text, raw, value in top
            )
            return TokenLogprob(token, tuple(int(b) for b in token_bytes), float(logprob), alternatives)
    raise ValueError("not a logprob")
