"""A line of the log, taken apart: when, how bad, who. Pure."""

import re
from dataclasses import dataclass
from datetime import date, datetime
from enum import IntEnum

_STAMP = r"\d{4}-[^\]]{10,40}|\d\d:\d\d:\d\d\.\d{3}"
_LINE = re.compile(rf"\[(?P<stamp>{_STAMP})\] (?:(?P<level>WARNING|ERROR|CRITICAL): )?(?P<engine>\[[^\]]+\] )?")


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


def for_reading(line: str, today: date | None = None) -> str:
    """The line with the time of the clock on the wall, to the millisecond; with the date too unless it is ``today``."""
    match = _LINE.match(line)
    if match is None:
        return line
    try:
        at = datetime.fromisoformat(match["stamp"]).astimezone()
    except ValueError:
        return line
    clock = at.strftime("%H:%M:%S.") + f"{at.microsecond // 1000:03}"
    day = "" if at.date() == (today or date.today()) else f"{at.date().isoformat()} "
    return f"[{day}{clock}]{line[match.end('stamp') + 1 :]}"


def matches(line: str, text: str, level: Level) -> bool:
    """Whether the filter lets a line through: ``text`` as shown, in any case, and at least as bad as ``level``."""
    is_bad_enough = level is Level.ENGINE or parts_of(line).level >= level
    return is_bad_enough and (not text or text.lower() in for_reading(line).lower())
