"""Verbs about the store as a whole: ``purge`` ``prune`` ``verify``."""

import sys
from argparse import Namespace

from dmr_desktop.cli.live_lines import LiveLines
from dmr_desktop.cli.names import short_id
from dmr_desktop.cli.quantities import decimal_size
from dmr_desktop.cli.safe_text import safe_line
from dmr_desktop.cli.session import Session
from dmr_desktop.cli.table import table
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
    found = session.client.prune(dry_run=options.dry_run, older_than_hours=options.older_than)
    leftovers = found.get("leftovers") or []
    if leftovers:
        rows = [
            (str(each.get("kind")), str(each.get("name")), decimal_size(each.get("bytes") or 0)) for each in leftovers
        ]
        session.terminal.table(table(("KIND", "NAME", "SIZE"), rows))
    size = decimal_size(found.get("bytes") or 0)
    verb = "would be freed" if options.dry_run else "freed"
    session.terminal.line(f"{size} {verb}." if leftovers else "Nothing is left over.")
    if found.get("transfer_under_way"):
        session.terminal.note("A pull is under way, or was interrupted lately: what it may need was left alone.")
    return 0


def verify(session: Session, options: Namespace) -> int:
    """Exit code 1 when something is damaged; what it is stands in a table."""
    terminal = session.terminal
    block = LiveLines(terminal.err)
    rows: list[tuple[str, str, str, str]] = []
    last: dict[str, object] = {}
    try:
        for entry in session.client.verify(remove=options.remove):
            if entry.get("type") == "damage":
                names = ", ".join(map(str, entry.get("models") or ()))
                done = " (removed)" if entry.get("removed") else ""
                rows.append(
                    (str(entry.get("kind")), short_id(str(entry.get("digest"))), f"{entry.get('problem')}{done}", names)
                )
            elif entry.get("type") == "progress" and terminal.live:
                block.draw(
                    [f"Checked {decimal_size(entry.get('current') or 0)} of {decimal_size(entry.get('total') or 0)}"]
                )
            last = entry
    except KeyboardInterrupt:
        left = "what was found damaged so far may be deleted" if options.remove else "nothing was changed"
        terminal.note(f"\nInterrupted; {left}.")
        return 130
    block.clear()
    if rows:
        terminal.table(table(("KIND", "DIGEST", "PROBLEM", "MODELS"), rows))
    terminal.line(safe_line(str(last.get("message", ""))))
    if rows and not options.remove:
        terminal.note("→ `dmr verify --remove` deletes what is damaged, `dmr pull` then fetches it again")
    return 0 if last.get("type") == "success" else 1
