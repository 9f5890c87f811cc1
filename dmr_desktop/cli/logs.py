"""``logs``: what the service wrote, from itself, or from its files when it does not run."""

from argparse import Namespace
from pathlib import Path

from dmr_desktop.cli.safe_text import safe_text
from dmr_desktop.cli.session import Session
from dmr_desktop.protocol.errors import DMRError, ServiceUnreachable

_MAX_BYTES = 256 * 1024


def logs(session: Session, options: Namespace) -> int:
    """Ctrl-C is the way out of ``--follow``, so it is no failure."""
    try:
        for line in session.client.logs(follow=options.follow, with_engines=not options.no_engines):
            session.terminal.line(safe_text(line))
    except ServiceUnreachable as error:
        files = sorted(session.settings.log_dir.glob("*.log")) + sorted(session.settings.log_dir.glob("*.out"))
        if not files:
            raise error
        session.terminal.note(f"{error.message}; these are the ends of its files:")
        for file in files:
            _print_end(session, file)
    except KeyboardInterrupt:
        if not options.follow:
            raise
        session.terminal.note("")
    return 0


def _print_end(session: Session, file: Path) -> None:
    try:
        with file.open("rb") as stream:
            stream.seek(max(0, file.stat().st_size - _MAX_BYTES))
            text = stream.read(_MAX_BYTES).decode("utf-8", "replace")
    except OSError as error:
        raise DMRError(f"{file} cannot be read: {error.strerror}") from error
    session.terminal.note(f"\n==> {file} <==")
    for line in text.splitlines():
        session.terminal.line(safe_text(line))
