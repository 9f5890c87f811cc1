"""Go's spelling of durations, which Docker Model Runner and Ollama use: ``1h30m``, ``500ms``, ``-1``."""

import re

_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_PART = re.compile(r"([0-9]+\.?[0-9]*|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h)")
_MAX_LENGTH = 64


def parse_duration(text: str) -> float:
    """Seconds. A bare number is taken as seconds. Raises :class:`ValueError`."""
    text = text.strip()
    if not text or len(text) > _MAX_LENGTH:
        raise ValueError(f"not a duration: {text[:_MAX_LENGTH]!r}")
    sign = -1.0 if text[0] == "-" else 1.0
    digits = text[1:] if text[0] in "+-" else text
    if re.fullmatch(r"[0-9]+\.?[0-9]*", digits):
        return sign * float(digits)
    seconds, end = 0.0, 0
    while end < len(digits):
        part = _PART.match(digits, end)
        if part is None:
            raise ValueError(f"not a duration: {text[:_MAX_LENGTH]!r}")
        seconds += float(part[1]) * _UNITS[part[2]]
        end = part.end()
    return sign * seconds


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
