"""The colours of the light, the dark and the high-contrast theme.

Contrast of text tokens is 4.5:1 or better on every surface they are used on, 7:1 or better in high contrast, where
borders too stand out; a test computes it.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Tokens:
    """Colours as ``#rrggbb``. ``on_accent`` is text on ``accent``, ``accent_text`` text on ``selected``.

    ``off`` is text of what cannot be used now. ``*_soft`` are tinted surfaces.
    """

    is_dark: bool
    window: str
    card: str
    side: str
    hover: str
    line: str
    text: str
    dim: str
    off: str
    accent: str
    on_accent: str
    accent_text: str
    selected: str
    ok: str
    ok_soft: str
    warn: str
    warn_soft: str
    error: str
    error_soft: str
    violet: str


LIGHT = Tokens(
    is_dark=False,
    window="#f5f6f9",
    card="#ffffff",
    side="#eceff4",
    hover="#e2e7ef",
    line="#dce1e9",
    text="#19212c",
    dim="#586373",
    off="#586373",
    accent="#1f5fe0",
    on_accent="#ffffff",
    accent_text="#1a52c4",
    selected="#dde8fd",
    ok="#11754a",
    ok_soft="#e3f4ea",
    warn="#8a5a00",
    warn_soft="#fdf2d9",
    error="#b92a26",
    error_soft="#fdeae8",
    violet="#7544c4",
)
DARK = Tokens(
    is_dark=True,
    window="#14171c",
    card="#1c2027",
    side="#101318",
    hover="#262c36",
    line="#2c323d",
    text="#e8ecf2",
    dim="#9aa5b5",
    off="#9aa5b5",
    accent="#5b95ff",
    on_accent="#0a0f1a",
    accent_text="#8db5ff",
    selected="#1f3052",
    ok="#43cf90",
    ok_soft="#16302a",
    warn="#f0b656",
    warn_soft="#35290f",
    error="#ff7b74",
    error_soft="#3a1d1f",
    violet="#b596ff",
)
CONTRAST = Tokens(
    is_dark=True,
    window="#000000",
    card="#000000",
    side="#000000",
    hover="#2a2a2a",
    line="#ffffff",
    text="#ffffff",
    dim="#e6e6e6",
    off="#a2a2a2",
    accent="#ffd400",
    on_accent="#000000",
    accent_text="#ffe866",
    selected="#003a66",
    ok="#5dff9b",
    ok_soft="#00200f",
    warn="#ffd400",
    warn_soft="#241c00",
    error="#ffa19b",
    error_soft="#2e0000",
    violet="#d9c2ff",
)
