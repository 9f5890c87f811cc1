"""What tools answer."""

from __future__ import annotations

ERRORS = (
    "Error: {0} not found",
    "Error: missing required argument '{0}'.",
    "error: {0} failed",
    "Error: timeout after {1} s",
    "Error: cannot reach {0}",
    "Error: {0} {2}",
)  # {0}: a word, {1}: a number, {2}: a few words
SKIES = ("sunny", "cloudy", "rainy", "snowy", "foggy", "windy", "clear", "stormy")
RESULT_KINDS = ("number", "text", "json", "done")  # of tools that may be about anything; see ``results.py``
