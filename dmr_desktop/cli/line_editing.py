"""Line editing in a chat, where the platform has it, and the questions of earlier chats to go back to.

They are kept in the state folder, for this user only; ``DOCKER_MODEL_NOHISTORY=1`` (Docker's own name) keeps none.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from dmr_desktop.cli.session import Session

MAX_LINES = 1000


@contextmanager
def line_editing(session: Session) -> Iterator[None]:
    """A history that cannot be read or written is done without."""
    try:
        import readline
    except ImportError:
        yield
        return
    readline.set_auto_history(True)
    if session.environ.get("DOCKER_MODEL_NOHISTORY", "") not in ("", "0", "false"):
        yield
        return
    file = session.settings.state_dir / "chat-history"
    with suppress(OSError):
        readline.read_history_file(file)
    readline.set_history_length(MAX_LINES)
    try:
        yield
    finally:
        with suppress(OSError):
            file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            os.close(os.open(file, os.O_WRONLY | os.O_CREAT, 0o600))
            readline.write_history_file(file)
