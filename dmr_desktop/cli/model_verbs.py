"""Verbs about stored models: ``ls`` ``inspect`` ``tag`` ``rm`` ``package`` ``df``."""

import time
from argparse import Namespace
from collections.abc import Iterable
from pathlib import Path

from dmr_desktop.cli.names import context_size, matches, short_id, short_name, sort_key
from dmr_desktop.cli.quantities import decimal_size, duration_words
from dmr_desktop.cli.safe_text import safe_line
from dmr_desktop.cli.session import Session
from dmr_desktop.cli.table import table
from dmr_desktop.protocol.errors import DMRError, InvalidRequest, ModelNotFound
from dmr_desktop.protocol.models import Model

_HEADERS = ("MODEL NAME", "PARAMETERS", "QUANTIZATION", "ARCHITECTURE", "MODEL ID", "CREATED", "CONTEXT", "SIZE")


def ls(session: Session, options: Namespace) -> int:
    if options.openai:
        session.terminal.json(session.client.openai_models())
        return 0
    models = session.client.models()
    if options.model:
        models = [model for model in models if matches(model, options.model)]
    if options.json:
        session.terminal.json([model.to_json() for model in models])
    elif options.quiet:
        for model in models:
            session.terminal.line(safe_line(short_id(model.id)))
    else:
        session.terminal.data(model_table(models, time.time()))
    return 0


def model_table(models: Iterable[Model], now: float) -> str:
    """One row for each tag, sorted by name; ``<none>`` for a model without one. ``now`` is Unix seconds."""
    named = [(short_name(tag), model) for model in models for tag in model.tags or ("<none>",)]
    named.sort(key=lambda pair: sort_key(pair[0]))
    return table(_HEADERS, [_row(name, model, now) for name, model in named])


def _row(name: str, model: Model, now: float) -> tuple[str, ...]:
    config = model.config
    context = context_size(model)
    return (
        name,
        config.parameters,
        config.quantization,
        config.architecture,
        short_id(model.id),
        f"{duration_words(now - model.created)} ago" if model.created > 0 else "",
        "" if context is None else str(context),
        config.size,
    )


def inspect(session: Session, options: Namespace) -> int:
    session.terminal.json(session.client.inspect(options.model).to_json())
    return 0


def tag(session: Session, options: Namespace) -> int:
    try:
        session.client.tag(options.source, options.target)
    except ModelNotFound as error:
        raise _missing(options.source) from error
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
            session.terminal.problem(_missing(name))
        except DMRError as error:
            if error.status >= 503:
                raise
            failed = True
            session.terminal.problem(error)
        else:
            for removal in removals:
                session.terminal.line(safe_line(f"{removal.action}: {removal.name}"))
    return int(failed)


def package(session: Session, options: Namespace) -> int:
    path = Path(options.gguf).expanduser().absolute()
    if not path.is_file():
        raise InvalidRequest(f"{path} is not a file", hint="give the path of a .gguf file")
    session.terminal.note(f"Packaging {safe_line(str(path))} ({decimal_size(path.stat().st_size)}) …")
    session.client.package(str(path), options.name, context_size=options.context_size)
    session.terminal.line(f'Model packaged successfully as "{safe_line(options.name)}"')
    return 0


def df(session: Session, options: Namespace) -> int:
    usage = session.client.disk_usage()
    rows = [("Models", decimal_size(usage.models_bytes))]
    if usage.engine_bytes:
        rows.append(("Inference engine", decimal_size(usage.engine_bytes)))
    session.terminal.data(table(("TYPE", "SIZE"), rows))
    return 0


def _missing(name: str) -> ModelNotFound:
    return ModelNotFound(f"no such model: {name}", hint="`dmr ls` shows the models on this machine")
