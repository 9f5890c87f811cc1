"""What texts are sorted by where a reader sees more than letters in them."""

import re

_COUNT = re.compile(r"(\d+(?:\.\d+)?)\s*([KMBT]?)", re.IGNORECASE)
_SCALES = {"": 1.0, "K": 1e3, "M": 1e6, "B": 1e9, "T": 1e12}
_NUMBER_WIDTH = 12


def natural(text: str) -> str:
    """A key in whose order ``qwen3:8B`` comes before ``qwen3:14B``, and capitals count as small letters."""
    return re.sub(r"\d+", lambda found: found[0].zfill(_NUMBER_WIDTH), text.lower())


def parameter_count(text: str) -> float:
    """``8.03 B`` and ``3.85M`` as numbers; -1.0 for what is none."""
    found = _COUNT.match(text.strip())
    return float(found[1]) * _SCALES[found[2].upper()] if found else -1.0
