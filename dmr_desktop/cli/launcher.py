"""The file ``docker-model`` that docker runs: a few lines of shell around this program.

Docker asks it for its metadata before each of its commands; the shell answers that at once. Everything else is
for the interpreter that this program was installed with, named by its absolute path.
"""

import os
import shlex
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from dmr_desktop.cli.docker_plugin import METADATA, metadata
from dmr_desktop.settings import self_command

FILE_NAME = "docker-model"
KEPT_NAME = "kept.docker-model"
"""What was there before. Docker looks only at names that begin with ``docker-``."""
_MARK = "# Made by `dmr plugin install`; `dmr plugin uninstall` removes it."
_MAX_BYTES = 64 * 1024


def launcher_text(command: list[str], python_path: str = "") -> str:
    """``command`` starts the plug-in; its first word is an absolute path. ``python_path`` is added for it if given."""
    program = shlex.quote(command[0])
    gone = shlex.quote(f"DMR Desktop is no longer at {command[0]}: install it again, then run `dmr plugin install`.")
    path = f'PYTHONPATH={shlex.quote(python_path)}"${{PYTHONPATH:+:$PYTHONPATH}}" ' if python_path else ""
    return f"""#!/bin/sh
{_MARK}
if [ "$1" = {METADATA} ]; then
    echo {shlex.quote(metadata())}
    exit 0
fi
if [ ! -x {program} ]; then
    echo {gone} >&2
    exit 1
fi
{path}exec {shlex.join(command)} "$@"
"""


def this_launcher() -> str:
    """The launcher of the program that runs now."""
    if getattr(sys, "frozen", False):
        return launcher_text(self_command(FILE_NAME))
    # -P: a folder `dmr_desktop` where the user happens to be must not be run in this one's place.
    command = [sys.executable, "-P", "-m", "dmr_desktop"]
    root = str(Path(__file__).resolve().parents[2])
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    is_installed = subprocess.run(
        [*command[:2], "-c", "import dmr_desktop"], cwd="/", env=clean, capture_output=True, check=False
    )
    return launcher_text([*command, FILE_NAME], "" if is_installed.returncode == 0 else root)


def is_ours(file: Path) -> bool:
    """Whether ``file`` is a launcher of this program, of whatever version."""
    try:
        with file.open("rb") as stream:
            return _MARK.encode() in stream.read(_MAX_BYTES)
    except OSError:
        return False


def plugin_directory(environ: Mapping[str, str]) -> Path:
    """The user's own: docker looks there before it looks in the system's."""
    config = environ.get("DOCKER_CONFIG", "")
    return (Path(config) if config else Path.home() / ".docker") / "cli-plugins"
