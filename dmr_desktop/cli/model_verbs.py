"""Verbs about stored models: ``ls`` ``inspect`` ``tag`` ``rm`` ``df``."""

import time
from argparse import Namespace
from collections.abc import Iterable

from dmr_desktop.cli.missing import no_such_model
from dmr_desktop.cli.names import all_spellings, context_size, matches, short_id, sort_key
from dmr_desktop.cli.quantities import decimal_size, duration_words
from dmr_desktop.cli.safe_text import safe_line
from dmr_desktop.cli.session import Session
from dmr_desktop.cli.table import fitted_table, table
from dmr_desktop.client.answers import model_from_json
from dmr_desktop.client.openai_server import client_for_openai
from dmr_desktop.protocol.errors import Conflict, DMRError, InvalidRequest, ModelNotFound
from dmr_desktop.protocol.json_types import JSON
from dmr_desktop.protocol.models import Model
from dmr_desktop.protocol.short_names import short_name

_HEADERS = ("MODEL NAME", "PARAMETERS", "QUANTIZATION", "ARCHITECTURE", "MODEL ID", "CREATED", "CONTEXT", "SIZE")
_DISPENSABLE = ("ARCHITECTURE", "CREATED", "CONTEXT", "MODEL ID", "QUANTIZATION", "PARAMETERS")
"""On a narrow terminal the first of these goes first."""


def ls(session: Session, options: Namespace) -> int:
    if options.openaiurl:
        with client_for_openai(options.openaiurl) as client:
            session.terminal.table(openai_table(client.openai_models_at_root(), time.time()))
        return 0
    if options.openai:
        session.terminal.json(session.client.openai_models())
        return 0
    entries = session.client.models_json()
    pairs = [(model_from_json(entry), entry) for entry in entries]
    if options.model:
        pairs = [(model, entry) for model, entry in pairs if matches(model, options.model)]
    if options.json:
        session.terminal.json([_for_compose(entry) if session.face.is_direct else entry for _, entry in pairs])
    elif options.quiet:
        for model, _ in pairs:
            session.terminal.line(safe_line(short_id(model.id)))
    else:
        models = [model for model, _ in pairs]
        session.terminal.table(model_table(models, time.time(), session.terminal.table_columns))
    return 0


def _for_compose(entry: JSON) -> JSON:
    """Compose compares a model's name with the tags letter by letter, so each tag comes in all its spellings."""
    if not isinstance(entry, dict) or not isinstance(entry.get("tags"), list):
        return entry
    spellings = [spelling for tag in entry["tags"] for spelling in all_spellings(str(tag))]
    return {**entry, "tags": list(spellings)}


def openai_table(data: JSON, now: float) -> str:
    """The table of another server's model list."""
    entries = data.get("data") if isinstance(data, dict) else None
    rows = []
    for entry in entries if isinstance(entries, list) else []:
        if isinstance(entry, dict):
            created = entry.get("created")
            rows.append((str(entry.get("id", "")), _ago(created if isinstance(created, int) else 0, now)))
    return table(("MODEL NAME", "CREATED"), sorted(rows))


def model_table(models: Iterable[Model], now: float, columns: int | None = None) -> str:
    """One row for each tag, sorted by name; ``<none>`` for a model without one. ``now`` is Unix seconds.

    ``columns`` is the width of the terminal, None for a pipe.
    """
    named = [(short_name(tag), model) for model in models for tag in model.tags or ("<none>",)]
    named.sort(key=lambda pair: sort_key(pair[0]))
    return fitted_table(_HEADERS, [_row(name, model, now) for name, model in named], columns, _DISPENSABLE)


def _row(name: str, model: Model, now: float) -> tuple[str, ...]:
    config = model.config
    context = context_size(model)
    return (
        name,
        config.parameters,
        config.quantization,
        config.architecture,
        short_id(model.id),
        _ago(model.created, now),
        "" if context is None else str(context),
        config.size,
    )


def _ago(created: int, now: float) -> str:
    return f"{duration_words(now - created)} ago" if created > 0 else ""


def inspect(session: Session, options: Namespace) -> int:
    if options.openai and options.remote:
        raise InvalidRequest("--remote and --openai exclude each other")
    try:
        if options.openai:
            session.terminal.json(session.client.openai_model(options.model))
        else:
            session.terminal.json(session.client.inspect_json(options.model, remote=options.remote))
    except ModelNotFound as error:
        raise no_such_model(session, options.model, remote=options.remote) from error
    return 0


def tag(session: Session, options: Namespace) -> int:
    try:
        session.client.tag(options.source, options.target)
    except ModelNotFound as error:
        raise no_such_model(session, options.source) from error
    session.terminal.line(f'Model "{safe_line(options.source)}" tagged successfully with "{safe_line(options.target)}"')
    return 0


def rm(session: Session, options: Namespace) -> int:
    """Goes through all names even if one fails; exit code 1 then."""
    failed = False
    for name in options.models:
        try:
            removals = session.client.remove(name, force=options.force)
        except ModelNotFound:
            failed = True
            session.terminal.problem(no_such_model(session, name))
        except DMRError as error:
            if error.status >= 503:
                raise
            failed = True
            if isinstance(error, Conflict) and not options.force and not error.hint:
                error.hint = f"`dmr rm --force {name}` removes it all the same"
            session.terminal.problem(error)
        else:
            for removal in removals:
                session.terminal.line(safe_line(f"{removal.action}: {removal.name}"))
    return int(failed)


def df(session: Session, options: Namespace) -> int:
    usage = session.client.disk_usage()
    if options.json:
        session.terminal.json(
            {"models_disk_usage": usage.models_bytes, "default_backend_disk_usage": usage.engine_bytes}
        )
        return 0
    rows = [("Models", decimal_size(usage.models_bytes))]
    if usage.engine_bytes:
        rows.append(("Inference engine", decimal_size(usage.engine_bytes)))
    session.terminal.table(table(("TYPE", "SIZE"), rows))
    return 0
