"""What a dialect makes of one request: what to run, and who writes the answer.

The seam between the dialects and the service.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from dmr_desktop.protocol.generation import Event, GenerationRequest


class StreamWriter(Protocol):
    """Writes a streamed answer, group of events by group of events.

    After ``Finished`` it has written the dialect's end mark; after ``Failed`` the dialect's error event.
    """

    def write(self, events: Sequence[Event]) -> bytes: ...


class Collector(Protocol):
    """Gathers the same events into the one JSON object of an unstreamed answer."""

    def add(self, events: Sequence[Event]) -> None: ...

    def result(self) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Exchange:
    """One parsed request, made by a dialect's ``parse(data) -> Exchange``, which raises InvalidRequest.

    ``requests`` has one entry but where a dialect takes several prompts at once; their choices are
    numbered through: choice ``c`` of request ``i`` is answered as ``i * num_choices + c``.
    ``keep_alive_seconds`` None: as configured.
    """

    model: str
    requests: tuple[GenerationRequest, ...]
    stream: bool
    writer: Callable[[], StreamWriter]
    collector: Callable[[], Collector]
    media_type: str = "text/event-stream"
    keep_alive_seconds: float | None = None
