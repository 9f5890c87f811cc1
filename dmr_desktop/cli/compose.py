"""Docker Compose's provider protocol: ``compose up|down|stop|metadata`` (docs/compose.md).

Compose reads one JSON message a line from standard output: ``info`` is shown, ``error`` ends its run, ``setenv``
becomes an environment variable of the services that depend on the provider. Nothing else may be written there.
"""

import json
from argparse import Namespace
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from dmr_desktop.cli.addresses import Doors
from dmr_desktop.cli.configure import configure_model, speculative
from dmr_desktop.cli.names import all_spellings
from dmr_desktop.cli.pull import huggingface_token
from dmr_desktop.cli.session import Session
from dmr_desktop.cli.status import find_doors
from dmr_desktop.cli.transfer import Transfer
from dmr_desktop.protocol.errors import DMRError, InvalidRequest
from dmr_desktop.protocol.json_types import JSON

Number = TypeVar("Number", int, float)

_MIN_CONTEXT, _MAX_CONTEXT = -(2**31), 2**31 - 1
_STEP_BYTES = 64 * 1024 * 1024
"""A pull is told about each time so much has come."""

_PARAMETERS: tuple[tuple[str, str, bool, str, str], ...] = (
    ("backend", "inference backend to use", False, "string", "llama.cpp"),
    ("context-size", "context size for the model", False, "int64", "-1"),
    ("model", "model to use", True, "stringArray", "[]"),
    ("runtime-flags", "raw runtime flags to pass to the inference engine", False, "string", ""),
    ("speculative-draft-model", "draft model for speculative decoding", False, "string", ""),
    ("speculative-min-acceptance-rate", "minimum acceptance rate for speculative decoding", False, "float64", "0"),
    ("speculative-num-tokens", "number of tokens to predict speculatively", False, "int", "0"),
)
"""Name, description, whether required, Go type, default; in Docker's order."""


def compose(session: Session, options: Namespace) -> int:
    if options.event == "metadata":
        session.terminal.data(json.dumps(metadata(), separators=(",", ":")))
        return 0
    if options.event != "up":
        return 0  # nothing was made that would have to go
    try:
        _up(session, options)
    except DMRError as error:
        hint = f" ({error.hint})" if error.hint else ""
        _say(session, "error", session.face.words(f"{error.message}{hint}"))
        return 1
    return 0


def metadata() -> JSON:
    """What Compose may pass; an empty default is left out."""
    parameters: list[JSON] = []
    for name, description, required, kind, default in _PARAMETERS:
        entry: dict[str, JSON] = {"name": name, "description": description, "required": required, "type": kind}
        parameters.append({**entry, "default": default} if default else entry)
    return {"description": "Docker Model Runner", "up": {"parameters": parameters}, "down": {"parameters": None}}


@dataclass(frozen=True, slots=True)
class Wish:
    """The options of ``compose up``, read."""

    models: tuple[str, ...]
    members: Mapping[str, JSON] = field(default_factory=dict)
    """Of the request that configures each model."""


def wish_of(options: Namespace) -> Wish:
    """Raises InvalidRequest."""
    if not options.models:
        raise InvalidRequest("options.model is required")
    members: dict[str, JSON] = {}
    if options.context_size is not None:
        size = _number(options.context_size, "context-size", int)
        if not _MIN_CONTEXT <= size <= _MAX_CONTEXT:
            raise InvalidRequest(
                f"context-size {size} is out of range (must be between {_MIN_CONTEXT} and {_MAX_CONTEXT})"
            )
        members["context-size"] = size
    if options.runtime_flags:
        members["raw-runtime-flags"] = options.runtime_flags
    guess = speculative(
        options.speculative_draft_model,
        _number(options.speculative_num_tokens, "speculative-num-tokens", int),
        _number(options.speculative_min_acceptance_rate, "speculative-min-acceptance-rate", float),
    )
    if guess:
        members["speculative"] = guess
    return Wish(tuple(options.models), members)


def _number(text: str, name: str, kind: Callable[[str], Number]) -> Number:
    try:
        return kind(text)
    except ValueError:
        raise InvalidRequest(f"options.{name}: {text!r} is not a number") from None


def _up(session: Session, options: Namespace) -> None:
    wish = wish_of(options)
    _say(session, "info", "Initializing model runner...")
    session.start_service()
    doors = _doors(session)
    _fetch_missing(session, wish.models)
    _say(session, "setenv", f"MODEL={','.join(wish.models)}")
    for name, text in (
        ("context-size", "Setting context size to"),
        ("raw-runtime-flags", "Setting raw runtime flags to"),
    ):
        if wish.members.get(name) not in (None, -1):
            _say(session, "info", f"{text} {wish.members[name]}")
    for model in wish.models:
        configure_model(session, model, wish.members)
        _say(session, "info", f"Successfully configured backend for model {model}")
    _say(session, "setenv", f"URL={doors.container_root()}/engines/v1/")


def _doors(session: Session) -> Doors:
    """One must be open: containers cannot come by the Unix socket. Raises InvalidRequest."""
    doors = find_doors(session)
    if not doors.is_open:
        raise InvalidRequest(
            "the models cannot be reached: TCP and container access are off",
            hint="`dmr enable --containers` lets containers in, `dmr enable --tcp` programs of this machine",
        )
    if not doors.is_open_to_containers():
        text = "TCP is open for this machine only: use network_mode: host, or `dmr enable --containers`"
        _say(session, "info", session.face.words(text))
    return doors


def _fetch_missing(session: Session, models: tuple[str, ...]) -> None:
    here = {
        spelling
        for model in session.client.models()
        for spelling in (model.id, *(name for tag in model.tags for name in all_spellings(tag)))
    }
    for model in models:
        if model not in here:
            _fetch(session, model)


def _fetch(session: Session, model: str) -> None:
    transfer, told = Transfer(), 0
    _say(session, "info", f"Pulling {model}")
    for progress in session.client.pull(model, bearer_token=huggingface_token(session, model)):
        transfer.apply(progress, 0.0)
        if progress.type == "success":
            _say(session, "info", progress.message)
        elif transfer.current_bytes - told >= _STEP_BYTES:
            told = transfer.current_bytes
            _say(session, "info", f"{model}: {transfer.plain_line()}")


def _say(session: Session, kind: str, message: str) -> None:
    session.terminal.json({"type": kind, "message": message}, indent=None)
