"""``requests``: what models were asked lately and what they answered, as the service records it."""

from argparse import Namespace
from contextlib import closing

from dmr_desktop.cli.lookup import stored_name
from dmr_desktop.cli.safe_text import safe_json
from dmr_desktop.cli.session import Session
from dmr_desktop.protocol.errors import InvalidRequest


def requests(session: Session, options: Namespace) -> int:
    """Ctrl-C is the way out of ``--follow``, so it is no failure."""
    if options.include_existing and not options.follow:
        raise InvalidRequest("--include-existing can only be used with --follow")
    model = stored_name(session, options.model) if options.model else ""
    if not options.follow:
        session.terminal.line(safe_json(session.client.requests(model).rstrip("\n")))
        return 0
    try:
        events = session.client.follow_requests(model, include_existing=options.include_existing)
        with closing(events):
            session.terminal.line("Connected to request stream. Press Ctrl+C to stop.")
            for name, data in events:
                if name in ("new_request", "existing_request"):
                    session.terminal.line(safe_json(data))
        session.terminal.line("Stream closed by server.")
    except KeyboardInterrupt:
        session.terminal.note("")
    return 0
