"""The texts by which a call that the model starts by itself is known to begin, while it is written."""

from collections.abc import Callable
from dataclasses import dataclass

from dmr_desktop.engine.call_watch import CallStart, CallWatching
from dmr_desktop.engine.formats.chat_format import ChatFormat, JsonCall, Literally, units

_JOINED = ".:=\"'"
"""What a model's vocabulary may have in one token with the name behind it."""


@dataclass(frozen=True, slots=True)
class CallMark:
    """``rest`` stands between the mark and the first call.

    ``is_body``: the mark is the beginning of the call itself, and counts only at the beginning of an answer.
    ``allows_space``: white space behind the mark is free.
    """

    text: str
    rest: str = ""
    is_body: bool = False
    allows_space: bool = False


def marks_of(chat_format: ChatFormat) -> tuple[CallMark, ...]:
    """None where nothing tells a call from an answer."""
    calls = chat_format.calls
    if calls is None:
        return ()
    if not calls.triggers:
        match calls.body:
            case JsonCall(skeleton=(Literally(text), "name", *_)):
                return (CallMark(text, is_body=True),)
        return ()
    found = []
    for trigger in calls.triggers:
        rest = calls.start[calls.start.index(trigger) + len(trigger) :]
        # A name that begins in the mark's last token would be chosen before anybody looks.
        text = trigger.rstrip(_JOINED) if not rest else trigger
        allows_space = bool(rest) or isinstance(calls.body, JsonCall)
        found.append(CallMark(text, trigger[len(text) :] + rest, allows_space=allows_space))
    return tuple(found)


def watching(
    chat_format: ChatFormat, split: Callable[[str], list[str | int]], *, is_thinking: bool, call_open: bool
) -> CallWatching | None:
    """What to watch the output for; None if there is nothing. ``split`` as in :mod:`.grammar_writer`."""
    marks = marks_of(chat_format)
    if not marks and not call_open:
        return None
    reasoning = chat_format.reasoning
    starts = [
        CallStart(
            mark.text.encode(),
            # A model that writes a control token means it; plain text may be talk of it.
            is_sure=chat_format.is_channelled or any(isinstance(piece, int) for piece in split(mark.text)),
            is_first=mark.is_body,
        )
        for mark in marks
    ]
    return CallWatching(
        () if call_open else tuple(starts),
        reasoning_start=reasoning.start.encode() if reasoning else b"",
        reasoning_end=units(reasoning.end)[0].encode() if reasoning else b"",
        is_thinking=is_thinking,
        is_open=call_open,
    )
