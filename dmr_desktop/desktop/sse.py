"""Server-sent events out of a byte stream (WHATWG HTML, section 9.2); pure.

Only what ``/events`` uses: ``event`` and ``data`` fields, comments, LF or CRLF line ends (no lone CR).
"""

from dataclasses import dataclass

MAX_EVENT_BYTES = 16 * 1024 * 1024


class SseOverflow(ValueError):
    """An event grew past ``MAX_EVENT_BYTES``: not our service."""


@dataclass(frozen=True, slots=True)
class SseEvent:
    name: str
    data: str


class SseParser:
    """Feed bytes in any pieces; get the events that are complete. A broken UTF-8 byte becomes U+FFFD."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._searched = 0
        self._name = ""
        self._data: list[str] = []
        self._data_size = 0

    def feed(self, piece: bytes) -> list[SseEvent]:
        """Raises :class:`SseOverflow`."""
        self._buffer += piece
        events = []
        while (line := self._next_line()) is not None:
            if not line:
                if self._data:
                    events.append(SseEvent(self._name or "message", "\n".join(self._data)))
                self._name, self._data, self._data_size = "", [], 0
                continue
            field, _, value = line.partition(":")
            value = value.removeprefix(" ")
            if field == "event":
                self._name = value
            elif field == "data":
                self._data.append(value)
                self._data_size += len(value)
        if len(self._buffer) + self._data_size > MAX_EVENT_BYTES:
            raise SseOverflow("an event is too large")
        return events

    def _next_line(self) -> str | None:
        end = self._buffer.find(b"\n", self._searched)
        if end < 0:
            self._searched = len(self._buffer)
            return None
        line = self._buffer[:end].removesuffix(b"\r").decode("utf-8", "replace")
        del self._buffer[: end + 1]
        self._searched = 0
        return line
