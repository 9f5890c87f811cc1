"""What a dialect makes of one request: what to run, and who writes the answer.

The seam between the dialects and the service.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Protocol, TypeAlias

from dmr_desktop.protocol.generation import Event, GenerationRequest
from dmr_desktop.protocol.json_types import JSON

Defaults: TypeAlias = Mapping[str, JSON]
"""What holds where a request sets nothing (the model's own recommendation, then what was configured for it), in the
names of OpenAI's chat body: ``temperature``, ``max_tokens``, ``chat_template_kwargs`` ..."""

NO_DEFAULTS: Defaults = MappingProxyType({})


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
    """One parsed request, made by a dialect's ``parse(data, defaults) -> Exchange``, which raises InvalidRequest.

    ``requests`` has one entry but where a dialect takes several prompts at once; their choices are
    numbered through: choice ``c`` of request ``i`` is answered as ``i * num_choices + c``.
    ``keep_alive_seconds`` None: as configured. ``drops_oldest``: a conversation that is too long is not refused but
    loses its oldest turns.
    """

    model: str
    requests: tuple[GenerationRequest, ...]
    stream: bool
    writer: Callable[[], StreamWriter]
    collector: Callable[[], Collector]
    media_type: str = "text/event-stream"
    keep_alive_seconds: float | None = None
    drops_oldest: bool = False


class Parse(Protocol):
    """A dialect's reading of a body that is any JSON value. Raises InvalidRequest."""

    def __call__(self, data: object, defaults: Defaults = NO_DEFAULTS, /) -> Exchange: ...


_OTHER_NAMES = {"max_completion_tokens": "max_tokens", "repetition_penalty": "repeat_penalty"}
"""What a client may call a field of ``Defaults``."""


def with_defaults(data: object, defaults: Defaults) -> object:
    """The body of a dialect that uses OpenAI's names, completed; ``null`` counts as not set."""
    if not isinstance(data, dict):
        return data
    given = {name: value for name, value in data.items() if value is not None}
    named = {_OTHER_NAMES.get(name) for name in given}
    return {**{name: value for name, value in defaults.items() if name not in named}, **given}
