"""What reads one tool call, whatever its spelling: :mod:`.json_call`, :mod:`.named_call`, :mod:`.tagged_call`."""

from collections.abc import Mapping
from typing import Protocol, TypeAlias

from dmr_desktop.engine.formats.source import Reading
from dmr_desktop.protocol.generation import Event
from dmr_desktop.protocol.json_types import JSON

Offered: TypeAlias = Mapping[str, Mapping[str, JSON]]
"""The tools that may be called: name to the JSON schema of the arguments."""


class NoCall(Exception):
    """What looked like a call is none, or goes on as none."""


class CallEvents(Protocol):
    """Hears of one call."""

    def start_call(self, name: str, call_id: str = "") -> None:
        """Once. ``name`` is one of those offered; ``call_id`` is empty unless the text gave one before the name."""
        ...

    def arguments(self, text: str) -> None:
        """The next piece of the arguments, which are one JSON object. Only after the start."""
        ...

    def arguments_delta(self, text: str) -> Event | None:
        """The same as an event of its own; see :class:`.event_writer.EventWriter`."""
        ...


class CallReader(Protocol):
    def read(self) -> Reading[None]:
        """Reads from the first character behind what starts a call to the end of its body.

        Raises :class:`NoCall`, before the start as well as after it, and OutputEnded.
        """
        ...
