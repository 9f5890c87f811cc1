"""The user's terminal: data on standard output, everything else on standard error."""

import codecs
import io
import json
import os
import sys
from dataclasses import dataclass
from typing import TextIO

from dmr_desktop.cli.face import DMR, Face
from dmr_desktop.cli.safe_text import safe_line, safe_text
from dmr_desktop.protocol.errors import DMRError
from dmr_desktop.protocol.json_types import JSON

_USUAL_COLUMNS = 80
_OTHERWISE = "dmr-otherwise"
_PLAIN = {"→": "->", "…": "...", "✓": "*", "·": "-"}
"""This program's own characters for a locale that has none of them."""
_BOLD, _DIM, _RED, _RESET = "\x1b[1m", "\x1b[2m", "\x1b[31m", "\x1b[0m"


class OutputFailed(DMRError):
    """A full disk, or whatever else the user has sent the output to."""

    title = "Output lost"


@dataclass(slots=True)
class Terminal:
    """``color`` is for both streams; ``live`` tells whether lines on ``err`` can be redrawn."""

    out: TextIO
    err: TextIO
    color: bool
    live: bool
    interactive: bool
    """Somebody sits there: input and output are both terminals."""
    face: Face = DMR

    @property
    def columns(self) -> int:
        """Of the terminal at hand, which may be that of ``err`` alone; ``COLUMNS`` goes before it."""
        given = os.environ.get("COLUMNS", "")
        if given.isdecimal() and int(given):
            return int(given)
        for stream in (self.out, self.err):
            try:
                return os.get_terminal_size(stream.fileno()).columns or _USUAL_COLUMNS
            except (OSError, ValueError):
                continue
        return _USUAL_COLUMNS

    @property
    def table_columns(self) -> int | None:
        """How wide a table may be; None where nobody looks at it, and it should have all its columns."""
        return self.columns if self.out.isatty() else None

    def data(self, text: str) -> None:
        """Text this program made, to standard output; no newline is added.

        Raises BrokenPipeError when the reader has gone, :class:`OutputFailed` for any other reason.
        """
        try:
            self.out.write(text)
            self.out.flush()
        except BrokenPipeError:
            raise
        except OSError as error:
            raise OutputFailed(f"standard output cannot be written: {error.strerror}") from error

    def table(self, text: str) -> None:
        """A table; on a screen its padding at the end of lines, which would only wrap, is left out."""
        self.data("".join(f"{line.rstrip()}\n" for line in text.splitlines()) if self.out.isatty() else text)

    def line(self, text: str = "") -> None:
        self.data(f"{text}\n")

    def json(self, value: JSON, indent: int | None = 4) -> None:
        """JSON alone, in ASCII: so it is safe in any terminal and under any locale."""
        self.line(json.dumps(value, indent=indent, separators=None if indent else (",", ":")))

    def note(self, text: str) -> None:
        """A remark to the user, to standard error."""
        self.err.write(f"{self.face.words(text)}\n")
        self.err.flush()

    def problem(self, error: DMRError) -> None:
        """``title: message``, the evidence if there is some, and the next step."""
        self.note(f"{self.paint(error.title, _RED)}: {safe_line(error.message)}")
        for line in error.evidence.splitlines()[-8:]:
            self.note(f"  {safe_text(line)}")
        if error.hint:
            self.note(f"→ {safe_line(error.hint)}")

    def strong(self, text: str) -> str:
        return self.paint(text, _BOLD)

    def dim(self, text: str) -> str:
        return self.paint(text, _DIM)

    def paint(self, text: str, code: str) -> str:
        return f"{code}{text}{_RESET}" if self.color else text


def standard_terminal(no_color: bool, face: Face = DMR) -> Terminal:
    """This process's own streams. A character that the locale cannot show is written otherwise, and is no error."""
    codecs.register_error(_OTHERWISE, _otherwise)
    out, err = _usable(sys.stdout), _usable(sys.stderr)
    live = err.isatty()
    return Terminal(
        out=out,
        err=err,
        color=live and out.isatty() and not no_color,
        live=live and not no_color,
        interactive=sys.stdin is not None and sys.stdin.isatty() and out.isatty(),
        face=face,
    )


def _usable(stream: TextIO | None) -> TextIO:
    """None is a stream that was closed before this process began (``>&-``): then nobody wants to read it."""
    if stream is None:
        return open(os.devnull, "w", encoding="utf-8")
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors=_OTHERWISE)
    return stream


def _otherwise(error: UnicodeError) -> tuple[str, int]:
    """The characters from ``error`` in ASCII: known ones in plain letters, others as escapes."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end]
    plain = (_PLAIN.get(char) or char.encode("ascii", "backslashreplace").decode() for char in text)
    return "".join(plain), error.end
