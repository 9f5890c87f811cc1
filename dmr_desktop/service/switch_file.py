"""What the user wants of a switch, remembered over restarts in a small file of its own."""

import json
import logging
from collections.abc import Mapping
from pathlib import Path

from dmr_desktop.protocol.json_types import JSON
from dmr_desktop.settings import read_small_file

log = logging.getLogger(__name__)


def read_switch(file: Path, name: str) -> Mapping[str, object] | None:
    """The members, of which ``enabled`` is a boolean and ``port`` a port; None, so off, if there is nothing usable."""
    try:
        match json.loads(read_small_file(file)):
            case {"enabled": bool(), "port": int(port)} as found if 1 <= port <= 65535:
                return dict(found)
        log.warning("%s is not as expected: %s is off", file, name)
    except FileNotFoundError:
        pass
    except (OSError, ValueError, RecursionError) as error:
        log.warning("%s cannot be read (%s): %s is off", file, error, name)
    return None


def write_switch(file: Path, name: str, members: Mapping[str, JSON]) -> None:
    """A file that cannot be written is only logged: the switch works all the same."""
    draft = file.with_suffix(".new")
    try:
        draft.write_text(json.dumps(members), encoding="utf-8")
        draft.replace(file)
    except OSError as error:
        log.warning("the state of %s cannot be remembered: %s", name, error)
