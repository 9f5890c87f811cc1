"""Go's spelling of durations, which Docker Model Runner and Ollama use: ``1h30m``, ``500ms``, ``-1``."""

import re

_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_PART = re.compile(r"([0-9]+\.?[0-9]*|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h)")
_MAX_LENGTH = 64
_MAX_SECONDS = 2**63 / 1e9
"""What Go counts in nanoseconds, 292 years. Anything longer has an end that no calendar knows."""


def parse_duration(text: str) -> float:
    """Seconds. A bare number is taken as seconds. Raises :class:`ValueError`, also for more than Go can count."""
    text = text.strip()
    seconds = _seconds(text[1:] if text[:1] in ("+", "-") else text)
    if seconds is None or seconds > _MAX_SECONDS:
        raise ValueError(f"not a duration: {text[:_MAX_LENGTH]!r}")
    return -seconds if text[0] == "-" else seconds


def _seconds(digits: str) -> float | None:
    if not digits or len(digits) > _MAX_LENGTH:
        return None
    if re.fullmatch(r"[0-9]+\.?[0-9]*", digits):
        return float(digits)
    seconds, end = 0.0, 0
    while end < len(digits):
        part = _PART.match(digits, end)
        if part is None:
            return None
        seconds += float(part[1]) * _UNITS[part[2]]
        end = part.end()
    return seconds


def format_duration(seconds: float) -> str:
    """As Go prints it, to the second: ``10m0s``, ``1h0m0s``, ``45s``; ``-1`` for ever."""
    if seconds < 0:
        return "-1"
    whole = int(seconds)
    hours, rest = divmod(whole, 3600)
    minutes, left = divmod(rest, 60)
    fraction = seconds - whole
    tail = f"{left + fraction:g}s" if fraction else f"{left}s"
    if hours:
        return f"{hours}h{minutes}m{tail}"
    return f"{minutes}m{tail}" if minutes else tail
