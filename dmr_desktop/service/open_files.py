"""How many files and connections this process may have open at once."""

import logging
import sys

log = logging.getLogger(__name__)

WANTED = 4096
"""All doors full of connections, and as much again for files, runners and transfers."""


def allow_many() -> None:
    """Systems begin with as few as 256, too few for the connections that the doors take. Where no more are allowed,
    that is what there is."""
    if sys.platform == "win32":
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = WANTED if hard == resource.RLIM_INFINITY else min(WANTED, hard)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    except (OSError, ValueError) as error:
        log.warning("no more than %d files can be open at once: %s", soft, error)
