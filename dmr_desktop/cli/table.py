"""Tables as DMR prints them: no borders, left-aligned, upper-case headers. Pure."""

import unicodedata
from collections.abc import Sequence

from dmr_desktop.cli.safe_text import safe_line

_GAP = "  "


def table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """The lines, each ended by a newline; every cell, the last too, is padded and followed by two blanks."""
    cells = [[safe_line(cell) for cell in row] for row in (headers, *rows)]
    widths = [max(display_width(row[column]) for row in cells) for column in range(len(headers))]
    return "".join(
        "".join(cell + " " * (width - display_width(cell)) + _GAP for cell, width in zip(row, widths, strict=True))
        + "\n"
        for row in cells
    )


def fitted_table(
    headers: Sequence[str], rows: Sequence[Sequence[str]], columns: int | None, dispensable: Sequence[str]
) -> str:
    """The same for a terminal so many ``columns`` wide: the ``dispensable`` columns go, the first of them first,
    until no line wraps. None is a pipe: there all of them stay."""
    made = table(headers, rows)
    if columns is None:
        return made
    for gone in (None, *dispensable):
        if gone is not None:
            index = headers.index(gone)
            headers = [*headers[:index], *headers[index + 1 :]]
            rows = [[*row[:index], *row[index + 1 :]] for row in rows]
        made = table(headers, rows)
        if all(display_width(line.rstrip()) <= columns for line in made.splitlines()):
            break
    return made


def cut(text: str, columns: int) -> str:
    """What of ``text`` fits into one line of a terminal so many ``columns`` wide, and leaves room for the cursor."""
    while text and display_width(text) >= columns:
        text = text[:-1]
    return text


def display_width(text: str) -> int:
    """Columns that a terminal uses: East Asian wide characters take two, combining ones none."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text
    )
