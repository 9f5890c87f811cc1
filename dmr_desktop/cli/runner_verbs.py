"""Verbs about loaded models: ``ps`` ``unload``."""

import time
from argparse import Namespace
from collections.abc import Iterable

from dmr_desktop.cli.lookup import find, name_of
from dmr_desktop.cli.names import matches, short_id
from dmr_desktop.cli.quantities import decimal_size, duration_words, go_duration
from dmr_desktop.cli.safe_text import safe_line
from dmr_desktop.cli.session import Session
from dmr_desktop.cli.table import fitted_table
from dmr_desktop.client.answers import LoadedModel
from dmr_desktop.protocol.errors import Conflict, InvalidRequest
from dmr_desktop.protocol.short_names import short_name

_DISPENSABLE = ("BACKEND", "CONTEXT", "MODE")
"""On a narrow terminal the first of these goes first."""


def ps(session: Session, options: Namespace) -> int:
    if options.json:
        session.terminal.json(session.client.ps_json())
        return 0
    loaded = session.client.ps()
    if options.quiet:
        for entry in loaded:
            session.terminal.line(safe_line(_name(entry.model)))
        return 0
    idle_seconds, columns = session.settings.idle_timeout_seconds, session.terminal.table_columns
    session.terminal.table(loaded_table(loaded, time.time(), idle_seconds, columns))
    return 0


def loaded_table(loaded: Iterable[LoadedModel], now: float, idle_seconds: float, columns: int | None = None) -> str:
    """``idle_seconds`` is the keep-alive of a model that has none of its own; ``now`` is Unix seconds.

    Docker's four columns come first. ``columns`` is the width of the terminal, None for a pipe.
    """
    rows = [
        (
            _name(entry.model),
            entry.backend,
            entry.mode,
            _until(entry, now, idle_seconds),
            str(entry.context_size or ""),
            decimal_size(entry.memory_bytes) if entry.memory_bytes else "",
        )
        for entry in loaded
    ]
    return fitted_table(("MODEL NAME", "BACKEND", "MODE", "UNTIL", "CONTEXT", "MEMORY"), rows, columns, _DISPENSABLE)


def _name(model: str) -> str:
    """As Docker shows it, in small letters; but for the tag, in which they matter."""
    if model.startswith("sha256:"):
        return short_id(model)
    name, _, tag = model.rpartition(":")
    return short_name(f"{name.lower()}:{tag}" if name and "/" not in tag else model.lower())


def _until(entry: LoadedModel, now: float, idle_seconds: float) -> str:
    if entry.loading:
        return "Loading..."
    keep_alive = go_duration(entry.keep_alive)
    if keep_alive is None:
        keep_alive = idle_seconds
    if keep_alive < 0:
        return "Forever"
    left = keep_alive - (0.0 if entry.last_used is None else now - entry.last_used)
    return f"{duration_words(left)} from now" if left > 0 else "Expiring"


def unload(session: Session, options: Namespace) -> int:
    if not options.models and not options.all:
        raise InvalidRequest("which model?", hint="`dmr unload MODEL...` or `dmr unload --all`; `dmr ps` lists them")
    known = [(find(session, name), name) for name in options.models]
    names = [name if model is None else name_of(model, name) for model, name in known]
    count = session.client.unload(names, all_models=options.all, backend=options.backend)
    models = [model for model, _ in known if model is not None]
    busy = [
        entry
        for entry in session.client.ps()
        if entry.in_use and (options.all or any(matches(model, entry.model) for model in models))
    ]
    if busy:
        if count:
            session.terminal.line(f"Unloaded {count} model(s).")
        raise Conflict(
            f"still answering requests, so not unloaded: {', '.join(sorted({_name(entry.model) for entry in busy}))}",
            hint="try again when they are done; `dmr requests --follow` shows them",
        )
    if count:
        session.terminal.line(f"Unloaded {count} model(s).")
    elif options.all:
        session.terminal.line("No models are running.")
    else:
        session.terminal.line("No such model(s) running.")
    return 0
