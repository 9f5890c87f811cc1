"""``context create|use|ls|rm|inspect``: which machine's service is meant."""

import re
from argparse import Namespace
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from dmr_desktop.cli.safe_text import safe_line
from dmr_desktop.cli.session import Session
from dmr_desktop.cli.table import table
from dmr_desktop.client.contexts import DEFAULT, Context, changing, contexts_file, endpoint_of, read_contexts
from dmr_desktop.client.endpoint import UnixEndpoint, endpoint_from_environment
from dmr_desktop.protocol.errors import DMRError, InvalidRequest
from dmr_desktop.protocol.json_types import JSON

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}")


def context(session: Session, options: Namespace) -> int:
    action = {"list": "ls", "remove": "rm"}.get(options.action, options.action)
    wanted = {"create": (1, 1), "use": (1, 1), "ls": (0, 0), "rm": (1, None), "inspect": (1, None)}[action]
    if len(options.names) < wanted[0] or (wanted[1] is not None and len(options.names) > wanted[1]):
        count = "no name" if wanted[1] == 0 else "one name" if wanted[1] == 1 else "at least one name"
        raise InvalidRequest(f"`context {action}` takes {count}")
    if action == "create":
        return _create(session, options)
    if action == "ls":
        return _list(session)
    if action == "inspect":
        return _inspect(session, options.names)
    return _use(session, options.names[0]) if action == "use" else _remove(session, options.names)


def _create(session: Session, options: Namespace) -> int:
    name = options.names[0]
    if not _NAME.fullmatch(name):
        raise InvalidRequest(f"{name!r} is not a name for a context", hint="letters, digits and . _ -")
    if not options.host:
        raise InvalidRequest("--host is required", hint="e.g. --host http://192.168.1.100:12434")
    ca_cert = ""
    if options.tls_ca_cert:
        path = Path(options.tls_ca_cert).expanduser().absolute()
        if not path.is_file():
            raise InvalidRequest(f"{path} is not a file", hint="--tls-ca-cert names the certificate of a CA")
        ca_cert = str(path)
    created = Context(
        name,
        options.host,
        ca_cert,
        skip_verify=options.tls_skip_verify,
        tls=options.tls or options.host.startswith("https://"),
        description=options.description,
        created_at=datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
    )
    endpoint_of(created)
    with changing(contexts_file(session.environ)) as contexts:
        contexts.add(created)
    session.terminal.line(f'Context "{name}" created.')
    return 0


def _use(session: Session, name: str) -> int:
    with changing(contexts_file(session.environ)) as contexts:
        contexts.use(name)
    session.terminal.line(f'Current context is now "{safe_line(name)}".')
    if endpoint_from_environment(session.environ) is not None:
        session.terminal.note("→ MODEL_RUNNER_HOST is set and goes before it")
    return 0


def _remove(session: Session, names: Sequence[str]) -> int:
    """Goes through all names even if one fails; exit code 1 then."""
    failed = False
    for name in names:
        try:
            with changing(contexts_file(session.environ)) as contexts:
                contexts.remove(name)
        except DMRError as error:
            failed = True
            session.terminal.problem(error)
        else:
            session.terminal.line(safe_line(name))
    return int(failed)


def _list(session: Session) -> int:
    contexts = read_contexts(contexts_file(session.environ))
    rows = [(DEFAULT, str(UnixEndpoint(session.settings.socket_path)), "this machine")]
    for name in sorted(contexts.known):
        found = contexts.get(name)
        rows.append((name, found.host, found.description))
    marked = [(*row, "*" if row[0] == contexts.current else "") for row in rows]
    session.terminal.table(table(("NAME", "HOST", "DESCRIPTION", "CURRENT"), marked))
    return 0


def _inspect(session: Session, names: Sequence[str]) -> int:
    contexts = read_contexts(contexts_file(session.environ))
    found: list[JSON] = []
    for name in names:
        known = (
            contexts.get(name) if name != DEFAULT else Context(name, str(UnixEndpoint(session.settings.socket_path)))
        )
        found.append({"name": name, **known.to_json()})
    session.terminal.json(found)
    return 0
