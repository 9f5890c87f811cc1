"""Which program listens on a TCP port of this machine, where the system says so (Linux ``/proc``)."""

from collections.abc import Iterable, Iterator
from pathlib import Path

_LISTEN = "0A"


def port_owner(port: int, proc: Path = Path("/proc")) -> str:
    """``name (pid N)`` of a listener on ``port``, "" if unknown: another user's, or not Linux."""
    inodes = {inode for name in ("tcp", "tcp6") for inode in listening_inodes(_lines(proc / "net" / name), port)}
    if not inodes:
        return ""
    wanted = {f"socket:[{inode}]" for inode in inodes}
    for process in proc.glob("[0-9]*"):
        if any(target in wanted for target in _open_files(process)):
            name = " ".join(_lines(process / "comm")).strip()
            return f"{name or 'a program'} (pid {process.name})"
    return ""


def listening_inodes(lines: Iterable[str], port: int) -> Iterator[str]:
    """Socket inodes out of the lines of ``/proc/net/tcp`` (columns: sl, local, remote, state, ..., inode)."""
    for line in lines:
        columns = line.split()
        if len(columns) > 9 and columns[3] == _LISTEN and columns[1].endswith(f":{port:04X}"):
            yield columns[9]


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []


def _open_files(process: Path) -> Iterator[str]:
    try:
        for link in (process / "fd").iterdir():
            try:
                yield str(link.readlink())
            except OSError:
                continue
    except OSError:
        return
