"""Server-sent events out of lines of text (WHATWG HTML, section 9.2.6). Pure; knows no HTTP."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ServerEvent:
    name: str
    data: str


def server_events(lines: Iterable[str]) -> Iterator[ServerEvent]:
    """The complete events of ``lines`` (without their newlines); comments and a cut last event are dropped."""
    name, data = "message", list[str]()
    for line in lines:
        if not line:
            if data:
                yield ServerEvent(name, "\n".join(data))
            name, data = "message", []
            continue
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "data":
            data.append(value)
        elif field == "event":
            name = value
