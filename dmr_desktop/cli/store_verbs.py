"""Verbs about the store as a whole: ``purge`` ``prune`` ``verify``."""

import sys
import time
from argparse import Namespace

from dmr_desktop.cli.pull import show
from dmr_desktop.cli.session import Session
from dmr_desktop.protocol.errors import InvalidRequest


def purge(session: Session, options: Namespace) -> int:
    """Asks first, in Docker's words; anything but ``y`` leaves all as it is."""
    if not options.force and not _agreed(session):
        session.terminal.line("Operation cancelled.")
        return 0
    session.client.unload(all_models=True)
    session.client.purge()
    return 0


def _agreed(session: Session) -> bool:
    session.terminal.line("WARNING! This will remove the entire models directory.")
    session.terminal.data("Are you sure you want to continue? [y/N] ")
    answer = "" if sys.stdin is None else sys.stdin.readline()
    if not answer:
        session.terminal.line()
        raise InvalidRequest("nobody answered", hint="`dmr purge --force` does not ask")
    return answer.strip() in ("y", "Y")


def prune(session: Session, options: Namespace) -> int:
    show(session.client.prune(dry_run=options.dry_run), session.terminal, time.monotonic)
    return 0


def verify(session: Session, options: Namespace) -> int:
    """Exit code 1 when something is wrong; what it is stands on standard error."""
    transfer = show(session.client.verify(), session.terminal, time.monotonic)
    return int(transfer.num_warnings > 0)
