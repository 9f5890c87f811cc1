r"""Foreign text made safe for a terminal: names, log lines and answers must not move the cursor or hide words.

Escaped as ``\x1b`` or ``\u202e``, so that one sees what was there. Pure.
"""

import re

# C0 but tab and newline, DEL, C1; then the characters that reorder what a reader sees.
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_REORDERING = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_BREAKS = re.compile("[\t\n\u2028\u2029]")


def safe_text(text: str) -> str:
    """Running text: newlines, tabs and every script's own marks stay; controls do not."""
    return _CONTROL.sub(_escape, text)


def safe_line(text: str) -> str:
    """A name or a cell: one line, in the order in which it reads."""
    return _BREAKS.sub(_escape, _REORDERING.sub(_escape, _CONTROL.sub(_escape, text)))


def safe_json(text: str) -> str:
    """JSON text that stays the same JSON: what would be unsafe is written as JSON's own ``\u009b``."""
    return _REORDERING.sub(_json_escape, _CONTROL.sub(_json_escape, text))


def _json_escape(match: re.Match[str]) -> str:
    return f"\\u{ord(match.group()):04x}"


def _escape(match: re.Match[str]) -> str:
    code = ord(match.group())
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"
