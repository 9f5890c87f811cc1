"""From a command line to an exit code: find the verb's function, run it, show what went wrong.

Exit codes: 0 done · 1 failed · 2 wrong usage · 130 interrupted.
"""

import os
import sys
from argparse import Namespace
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, TypeAlias

from dmr_desktop.cli.face import DMR, Face
from dmr_desktop.cli.parser import parse

if TYPE_CHECKING:
    from dmr_desktop.cli.session import Session


def main(argv: Sequence[str] | None = None, face: Face = DMR) -> int:
    given = sys.argv[1:] if argv is None else argv
    if given[:1] == ["__complete"]:
        from dmr_desktop.cli.complete import main as complete

        return complete(given[1:], face)
    options = parse(given, face)
    # From here on a verb runs; what it needs is loaded now, so that --help stays instant.
    from dmr_desktop.cli.session import Session
    from dmr_desktop.cli.terminal import OutputFailed, standard_terminal
    from dmr_desktop.protocol.errors import DMRError, InvalidRequest
    from dmr_desktop.settings import SettingsError, load_settings

    terminal = standard_terminal(bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") == "dumb", face)
    try:
        session = Session(terminal, load_settings(), face)
        try:
            if options.starts_service:
                session.start_service()
            return function_of(options)(session, options)
        finally:
            session.close()
    except SettingsError as error:
        terminal.problem(InvalidRequest(str(error)))
        return 1
    except DMRError as error:
        if isinstance(error, OutputFailed):
            _give_output_up()
        if options.debug:
            raise
        terminal.problem(error)
        return 1
    except KeyboardInterrupt:
        terminal.note("")
        return 130
    except BrokenPipeError:
        _give_output_up()  # `dmr ls | head -1`: the reader has gone
        return 1


def _give_output_up() -> None:
    """So that Python does not complain about it once more at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


_Verb: TypeAlias = "Callable[[Session, Namespace], int]"


def function_of(options: Namespace) -> _Verb:
    """The function that carries the verb out."""
    module = import_module(f"dmr_desktop.cli.{options.module}")
    function: _Verb = getattr(module, options.verb.replace("-", "_"))
    return function
