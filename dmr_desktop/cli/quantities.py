"""Sizes, times and durations in the words that DMR's CLI uses (those of docker/go-units). Pure."""

import re

_SIZE_UNITS = ("B", "kB", "MB", "GB", "TB", "PB")
_MINUTE, _HOUR, _DAY = 60, 3600, 86400


def decimal_size(size_bytes: float) -> str:
    """``270602784`` → ``270.60MB``: powers of 1000, two decimals."""
    value, unit = float(size_bytes), 0
    while value >= 1000 and unit < len(_SIZE_UNITS) - 1:
        value /= 1000
        unit += 1
    return f"{value:.2f}{_SIZE_UNITS[unit]}"


def duration_words(seconds: float) -> str:
    """``7200`` → ``2 hours``; one unit, coarser the longer it is."""
    whole = int(seconds)
    if whole < 1:
        return "Less than a second"
    if whole == 1:
        return "1 second"
    if whole < _MINUTE:
        return f"{whole} seconds"
    if whole < 2 * _MINUTE:
        return "About a minute"
    if whole < _HOUR:
        return f"{whole // _MINUTE} minutes"
    hours = int(seconds / _HOUR + 0.5)
    if hours == 1:
        return "About an hour"
    if hours < 48:
        return f"{hours} hours"
    days = hours // 24
    if days < 14:
        return f"{days} days"
    if days < 60:
        return f"{days // 7} weeks"
    if days < 730:
        return f"{days // 30} months"
    return f"{days // 365} years"


def clock(seconds: float) -> str:
    """``75`` → ``1m15s``, for a time left."""
    whole = max(0, round(seconds))
    if whole < _MINUTE:
        return f"{whole}s"
    if whole < _HOUR:
        return f"{whole // _MINUTE}m{whole % _MINUTE:02}s"
    return f"{whole // _HOUR}h{whole % _HOUR // _MINUTE:02}m"


_DURATION = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h)")
_DURATION_SECONDS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}


def go_duration(text: str) -> float | None:
    """Seconds of a Go duration (``5m0s``, ``-1``, ``0``), None if it is none."""
    sign = -1.0 if text.startswith("-") else 1.0
    body = text.lstrip("+-")
    if body in ("0", "1"):  # DMR writes "-1" for "for ever" and "0" for "at once"
        return sign * float(body)
    parts = list(_DURATION.finditer(body))
    if not parts or "".join(part.group() for part in parts) != body:
        return None
    return sign * sum(float(part[1]) * _DURATION_SECONDS[part[2]] for part in parts)
