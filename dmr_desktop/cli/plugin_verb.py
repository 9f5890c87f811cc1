"""``plugin install | uninstall | status``: ``docker model`` on machines with a docker client."""

import os
import shutil
from argparse import Namespace
from pathlib import Path

from dmr_desktop.cli.launcher import FILE_NAME, KEPT_NAME, is_ours, plugin_directory, this_launcher
from dmr_desktop.cli.safe_text import safe_line
from dmr_desktop.cli.session import Session
from dmr_desktop.protocol.errors import Conflict, DMRError, InvalidRequest


def plugin(session: Session, options: Namespace) -> int:
    if os.name != "posix":
        raise InvalidRequest("the docker plug-in is a shell script", hint="on Windows use `dmr` itself")
    directory = options.dir or plugin_directory(session.environ)
    actions = {"install": _install, "uninstall": _uninstall, "status": _status}
    try:
        return actions[options.action](session, options, Path(directory).expanduser().absolute())
    except OSError as error:
        raise DMRError(
            f"{error.filename or directory}: {error.strerror}", hint="--dir names another directory"
        ) from error


def _install(session: Session, options: Namespace, directory: Path) -> int:
    """A plug-in of somebody else is never overwritten; with --force it is kept beside ours."""
    file, kept = directory / FILE_NAME, directory / KEPT_NAME
    is_foreign = os.path.lexists(file) and not is_ours(file)
    if is_foreign and not options.force:
        raise Conflict(
            f"{file} is another program's, perhaps Docker's own",
            hint="`dmr plugin install --force` puts ours in its place and keeps it; uninstall brings it back",
        )
    if is_foreign and os.path.lexists(kept):
        raise Conflict(f"{kept} already keeps an earlier one", hint="move it away first")
    directory.mkdir(parents=True, exist_ok=True)
    draft = directory / f".{FILE_NAME}.{os.getpid()}"
    draft.write_text(this_launcher(), encoding="utf-8")
    draft.chmod(0o755)
    if is_foreign:
        file.rename(kept)
        session.terminal.line(f"The plug-in that was there is kept as {kept}.")
    draft.replace(file)
    session.terminal.line(f"Installed {file}: `docker model` is now this program.")
    if shutil.which("docker", path=session.environ.get("PATH")) is None:
        session.terminal.note("→ there is no `docker` on the PATH yet; the client alone is enough, no engine is needed")
    return 0


def _uninstall(session: Session, options: Namespace, directory: Path) -> int:
    file, kept = directory / FILE_NAME, directory / KEPT_NAME
    if not os.path.lexists(file):
        session.terminal.line(f"There is no plug-in in {directory}.")
        return 0
    if not is_ours(file):
        raise Conflict(f"{file} is another program's: it stays", hint="remove it by hand if it is to go")
    file.unlink()
    session.terminal.line(f"Removed {file}.")
    if os.path.lexists(kept):
        kept.rename(file)
        session.terminal.line("The plug-in that was there before is back.")
    return 0


def _status(session: Session, options: Namespace, directory: Path) -> int:
    """Exit code 1 when docker would not find ours there."""
    file = directory / FILE_NAME
    if is_ours(file):
        session.terminal.line(f"Installed: {file}")
        return 0
    session.terminal.line(
        f"Not installed: {safe_line(str(file))} is another program's" if os.path.lexists(file) else "Not installed"
    )
    session.terminal.note("→ `dmr plugin install` makes `docker model` this program")
    return 1
