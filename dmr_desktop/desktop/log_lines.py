"""A line of the log, taken apart: when, how bad, who. Pure."""

import re
from dataclasses import dataclass
from enum import IntEnum

_LINE = re.compile(
    r"\[(?P<stamp>\d{4}-[^\]]{10,40})\] (?:(?P<level>WARNING|ERROR|CRITICAL): )?(?P<engine>\[[^\]]+\] )?"
)


class Level(IntEnum):
    """How bad. What a runner prints has no level of its own."""

    ENGINE = 0
    INFO = 1
    WARNING = 2
    ERROR = 3


@dataclass(frozen=True, slots=True)
class LineParts:
    """``stamp_end``: the number of characters of the time stamp with its brackets, 0 without one."""

    level: Level
    stamp_end: int


def parts_of(line: str) -> LineParts:
    """A line without a time stamp belongs to a traceback."""
    match = _LINE.match(line)
    if match is None:
        return LineParts(Level.ERROR, 0)
    stamp_end = len(match["stamp"]) + 2
    if match["engine"]:
        return LineParts(Level.ENGINE, stamp_end)
    if match["level"] is None:
        return LineParts(Level.INFO, stamp_end)
    return LineParts(Level.WARNING if match["level"] == "WARNING" else Level.ERROR, stamp_end)


def matches(line: str, text: str, level: Level) -> bool:
    """Whether the filter lets a line through: ``text`` in any case, and at least as bad as ``level``."""
    return (not text or text.lower() in line.lower()) and (level is Level.ENGINE or parts_of(line).level >= level)
