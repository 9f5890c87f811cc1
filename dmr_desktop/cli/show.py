"""``show`` and ``fit``: what is known of a model, for people."""

from argparse import Namespace
from collections.abc import Mapping
from datetime import datetime

from dmr_desktop.cli.lookup import stored_name
from dmr_desktop.cli.missing import no_such_model
from dmr_desktop.cli.quantities import decimal_size
from dmr_desktop.cli.safe_text import safe_line
from dmr_desktop.cli.session import Session
from dmr_desktop.protocol.errors import ModelNotFound
from dmr_desktop.protocol.json_types import JSON
from dmr_desktop.protocol.models import Model

_LONGEST = 200


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
            lines += [safe_line(f"  {name}: {_short(value)}") for name, value in sorted(metadata.items())]
    return lines


def _short(value: str) -> str:
    """A chat template, a licence or a list is not for this page."""
    return value if len(value) <= _LONGEST else f"({len(value)} characters; `dmr inspect` has them)"


def fit(session: Session, options: Namespace) -> int:
    """Exit code 1 if the model does not fit."""
    found = session.client.fit(stored_name(session, options.model), options.context_size)
    if options.json:
        session.terminal.json(found)
    else:
        for line in fit_lines(found):
            session.terminal.line(line)
    return 0 if found.get("fits") is True else 1


def fit_lines(found: Mapping[str, JSON]) -> list[str]:
    """The memory needed, part by part, and the verdict; a part that the service does not tell is left out."""
    known = {name: value for name, value in found.items() if isinstance(value, int | float)}
    parts = {"Weights": "weights_bytes", "KV cache": "kv_bytes", "Computation": "compute_bytes"}
    sizes = {label: known[name] for label, name in parts.items() if name in known}
    if "total_bytes" in known:
        if len(sizes) == len(parts):
            # What the model's process holds besides the model.
            sizes["Process"] = known["total_bytes"] - sum(sizes.values())
        sizes["Total"] = known["total_bytes"]
    if "available_bytes" in known:
        sizes["Available"] = known["available_bytes"]
    lines = [f"{'Context size':<14}{found.get('context_size')} tokens"]
    lines += [f"{label:<14}{decimal_size(size)}" for label, size in sizes.items()]
    return [*lines, _verdict(found.get("fits") is True, known)]


def _verdict(fits: bool, known: Mapping[str, float]) -> str:
    most = int(known.get("max_context_that_fits", 0))
    if fits:
        more = f", and so would a context of {most} tokens" if most > known.get("context_size", 0) else ""
        return f"It fits{more}."
    return f"It does not fit; with a context of {most} tokens it would." if most > 0 else "It does not fit."
