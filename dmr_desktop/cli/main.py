"""From a command line to an exit code: find the verb's function, run it, show what went wrong.

Exit codes: 0 done · 1 failed · 2 wrong usage · 130 interrupted.
"""

import os
import sys
from argparse import Namespace
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, TypeAlias

from dmr_desktop.cli.parser import parse

if TYPE_CHECKING:
    from dmr_desktop.cli.session import Session

VERBS = {
    "quickstart": "quickstart",
    "serve": "service_verbs",
    "desktop": "desktop_verb",
    "status": "service_verbs",
    "enable": "service_verbs",
    "disable": "service_verbs",
    "stop": "service_verbs",
    "logs": "logs",
    "version": "service_verbs",
    "ls": "model_verbs",
    "pull": "pull",
    "run": "run",
    "inspect": "model_verbs",
    "tag": "model_verbs",
    "rm": "model_verbs",
    "package": "model_verbs",
    "df": "model_verbs",
    "ps": "runner_verbs",
    "unload": "runner_verbs",
}
"""Verb to the module of this room that holds a function of the verb's name."""


def main(argv: Sequence[str] | None = None) -> int:
    options = parse(argv)
    # From here on a verb runs; what it needs is loaded now, so that --help stays instant.
    from dmr_desktop.cli.session import Session
    from dmr_desktop.cli.terminal import standard_terminal
    from dmr_desktop.protocol.errors import DMRError, InvalidRequest
    from dmr_desktop.settings import SettingsError, load_settings

    terminal = standard_terminal(no_color=bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") == "dumb")
    try:
        session = Session(terminal, load_settings())
        try:
            return _function(options.verb)(session, options)
        finally:
            session.close()
    except SettingsError as error:
        terminal.problem(InvalidRequest(str(error)))
        return 1
    except DMRError as error:
        if options.debug:
            raise
        terminal.problem(error)
        return 1
    except KeyboardInterrupt:
        terminal.note("")
        return 130
    except BrokenPipeError:
        # `dmr ls | head -1`: the reader has gone; Python must not complain about it once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


_Verb: TypeAlias = "Callable[[Session, Namespace], int]"


def _function(verb: str) -> _Verb:
    function: _Verb = getattr(import_module(f"dmr_desktop.cli.{VERBS[verb]}"), verb)
    return function
