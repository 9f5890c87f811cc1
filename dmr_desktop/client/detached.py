"""A process of this program that outlives the one that starts it, with its output in a log file."""

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

MAX_LOG_BYTES = 1024 * 1024
"""A log that has grown beyond this starts afresh, the old one kept beside it as ``.old``."""


@dataclass(frozen=True, slots=True)
class Detached:
    """``log_start`` is where this process's own output begins in ``log``."""

    process: subprocess.Popen[bytes]
    log: Path
    log_start: int

    @property
    def has_ended(self) -> bool:
        return self.process.poll() is not None

    def last_output(self, max_lines: int = 8) -> str:
        """The end of what it printed, "" if nothing."""
        try:
            with self.log.open("rb") as file:
                file.seek(self.log_start)
                text = file.read(MAX_LOG_BYTES).decode("utf-8", "replace")
        except OSError:
            return ""
        return "\n".join(text.splitlines()[-max_lines:])


def start_detached(command: Sequence[str], log: Path) -> Detached:
    """Start ``command`` in a session of its own: no terminal, no signals from this one. Raises OSError."""
    log.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if log.exists() and log.stat().st_size > MAX_LOG_BYTES:
        log.replace(log.with_suffix(f"{log.suffix}.old"))
    # Append: two that start at the same moment must not overwrite each other's last words.
    with os.fdopen(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab") as output:
        log_start = output.seek(0, os.SEEK_END)
        if sys.platform == "win32":
            flags = subprocess.DETACHED_PROCESS | subprocess.CREATE_NEW_PROCESS_GROUP
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, creationflags=flags
            )
        else:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
            )
    return Detached(process, log, log_start)
