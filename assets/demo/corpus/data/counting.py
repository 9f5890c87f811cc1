"""How people ask for a count: ``{0}`` is the first number, ``{1}`` the last."""

from __future__ import annotations

COUNT_ASKS = (
    "count from {0} to {1}",
    "count from {0} up to {1}",
    "please count from {0} to {1}",
    "can you count from {0} to {1}",
    "write the numbers from {0} to {1}",
    "list the numbers from {0} to {1}",
    "~numbers from {0} to {1}",
    "give me the numbers from {0} to {1}",
    "start at {0} and count to {1}",
    "say the numbers from {0} to {1}",
    "~count slowly from {0} to {1}",
    "print the numbers {0} to {1}",
)

COUNT_TO_ASKS = (
    "count to {1}",
    "can you count to {1}",
    "please count to {1}",
    "count up to {1}",
    "count until {1}",
    "count to {1} please",
    "I want you to count to {1}",
    "~let us count to {1}",
)
