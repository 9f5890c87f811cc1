"""``requests``: what models were asked lately and what they answered, as the service records it.

A person gets lines to read; a pipe, or who says so, the service's own JSON.
"""

import json
from argparse import Namespace
from contextlib import closing

from dmr_desktop.cli.lookup import stored_name
from dmr_desktop.cli.request_lines import request_lines
from dmr_desktop.cli.safe_text import safe_json
from dmr_desktop.cli.session import Session
from dmr_desktop.protocol.errors import InvalidRequest


def requests(session: Session, options: Namespace) -> int:
    """Ctrl-C is the way out of ``--follow``, so it is no failure."""
    if options.include_existing and not options.follow:
        raise InvalidRequest("--include-existing can only be used with --follow")
    model = stored_name(session, options.model) if options.model else ""
    if not options.follow:
        text = session.client.requests(model).rstrip("\n")
        if not _print(session, text, options.json):
            session.terminal.note("Nothing has been asked since the models were loaded.")
        return 0
    try:
        events = session.client.follow_requests(model, include_existing=options.include_existing)
        with closing(events):
            session.terminal.line("Connected to request stream. Press Ctrl+C to stop.")
            for name, data in events:
                if name in ("new_request", "existing_request"):
                    _print(session, data, options.json)
        session.terminal.line("Stream closed by server.")
    except KeyboardInterrupt:
        session.terminal.note("")
    return 0


def _print(session: Session, text: str, as_json: bool) -> bool:
    """Whether there was something to be printed."""
    if as_json or not session.terminal.out.isatty():
        session.terminal.line(safe_json(text))
        return True
    try:
        lines = request_lines(json.loads(text), session.terminal.columns)
    except ValueError:
        lines = [safe_json(text)]
    for line in lines:
        session.terminal.line(line)
    return bool(lines)
