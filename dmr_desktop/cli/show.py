"""``show`` and ``fit``: what is known of a model, for people."""

from argparse import Namespace
from collections.abc import Mapping
from datetime import datetime

from dmr_desktop.cli.missing import no_such_model
from dmr_desktop.cli.quantities import decimal_size
from dmr_desktop.cli.safe_text import safe_line
from dmr_desktop.cli.session import Session
from dmr_desktop.protocol.errors import ModelNotFound
from dmr_desktop.protocol.json_types import JSON
from dmr_desktop.protocol.models import Model


def show(session: Session, options: Namespace) -> int:
    try:
        model = session.client.inspect(options.model, remote=options.remote)
    except ModelNotFound as error:
        raise no_such_model(session, options.model, remote=options.remote) from error
    for line in model_lines(model):
        session.terminal.line(line)
    return 0


def model_lines(model: Model) -> list[str]:
    """As Docker prints them: the model, its config, the metadata of its file."""
    lines = [f"Model:       {safe_line(model.id)}"]
    if model.tags:
        lines.append(f"Tags:        {safe_line(', '.join(model.tags))}")
    if model.created > 0:
        created = datetime.fromtimestamp(model.created).astimezone().isoformat(timespec="seconds")
        lines.append(f"Created:     {created.replace('+00:00', 'Z')}")
    lines.append("")
    config = model.config
    values = {
        "Format:": config.format,
        "Architecture:": config.architecture,
        "Parameters:": config.parameters,
        "Size:": config.size,
        "Quantization:": config.quantization,
        "Context Size:": "" if config.context_size is None else str(config.context_size),
    }
    lines += [f"{label:<14}{safe_line(value)}" for label, value in values.items() if value]
    for title, metadata in (("GGUF Metadata", config.gguf), ("Safetensors Metadata", config.safetensors)):
        if metadata:
            lines += ["", f"{title}:"]
            lines += [safe_line(f"  {name}: {value}") for name, value in sorted(metadata.items())]
    return lines


def fit(session: Session, options: Namespace) -> int:
    """Exit code 1 if the model does not fit."""
    try:
        found = session.client.fit(options.model, options.context_size)
    except ModelNotFound as error:
        raise no_such_model(session, options.model) from error
    if options.json:
        session.terminal.json(found)
    else:
        for line in fit_lines(found):
            session.terminal.line(line)
    return 0 if found.get("fits") is True else 1


def fit_lines(found: Mapping[str, JSON]) -> list[str]:
    """The memory needed, part by part, and the verdict; a part that the service does not tell is left out."""
    labels = {
        "weights_bytes": "Weights",
        "kv_bytes": "KV cache",
        "compute_bytes": "Computation",
        "total_bytes": "Total",
        "available_bytes": "Available",
    }
    lines = [f"{'Context size':<14}{found.get('context_size')} tokens"]
    for name, label in labels.items():
        value = found.get(name)
        if isinstance(value, int | float):
            lines.append(f"{label:<14}{decimal_size(value)}")
    most = found.get("max_context_that_fits")
    room = f"; up to {most} tokens would" if isinstance(most, int) and most > 0 else ""
    return [*lines, f"It fits{room}." if found.get("fits") is True else f"It does not fit{room}."]
