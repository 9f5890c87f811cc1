"""``configure MODEL`` and ``configure show``: how a model is run, until the service ends."""

import json
import time
from argparse import Namespace
from collections.abc import Mapping

from dmr_desktop.cli.lookup import stored_name
from dmr_desktop.cli.parameters import MIN_CONTEXT_SIZE
from dmr_desktop.cli.session import Session
from dmr_desktop.protocol.errors import Conflict, InvalidRequest
from dmr_desktop.protocol.json_types import JSON

_PATIENCE_SECONDS = 60.0
_RETRY_SECONDS = 0.5
_MAX_INT32 = 2**31 - 1


def configure(session: Session, options: Namespace) -> int:
    """Says nothing when all is well, as Docker's command. The service would take any name, and forget it."""
    if options.model[:1] == ["show"]:
        return _show(session, options)
    if len(options.model) != 1:
        raise InvalidRequest(
            f"exactly one model must be given, not {len(options.model)}",
            hint="`dmr configure [options] MODEL [-- runtime flags]`, `dmr configure show [MODEL]`",
        )
    members = request_members(options)
    configure_model(session, stored_name(session, options.model[0]), members)
    if options.context_size is not None and 0 < options.context_size < MIN_CONTEXT_SIZE:
        session.terminal.note(f"A context of less than {MIN_CONTEXT_SIZE} tokens is not used: the default stays.")
    return 0


def configure_model(session: Session, model: str, members: Mapping[str, JSON]) -> None:
    """Raises Conflict while requests use the model with other settings.

    Compose cannot tell its user why a command failed, and often one of its own calls, which loads the model, is in
    the way of the next: for Compose a conflict is waited out.
    """
    deadline = time.monotonic() + (_PATIENCE_SECONDS if session.face.is_direct else 0)
    while True:
        try:
            session.client.configure(model, others=members)
        except Conflict:
            if time.monotonic() >= deadline:
                raise
            time.sleep(_RETRY_SECONDS)
        else:
            return


def _show(session: Session, options: Namespace) -> int:
    if len(options.model) > 2:
        raise InvalidRequest("at most one model can be shown", hint="`dmr configure show [MODEL]`")
    names = [stored_name(session, name) for name in options.model[1:]]
    session.terminal.json(list(session.client.configurations(*names)), indent=2)
    return 0


def request_members(options: Namespace) -> dict[str, JSON]:
    """The members of the request that the options ask for; what is not given is not sent. Raises InvalidRequest."""
    found: dict[str, JSON] = {
        "context-size": options.context_size,
        "keep_alive": options.keep_alive,
        "mode": options.mode,
        "runtime-flags": list(options.handed_on) or None,
        "speculative": speculative(
            options.speculative_draft_model,
            options.speculative_num_tokens,
            options.speculative_min_acceptance_rate,
        ),
        "llamacpp": None if options.think is None else {"reasoning-budget": -1 if options.think else 0},
        "vllm": _vllm(options),
    }
    return {name: value for name, value in found.items() if value is not None}


def speculative(draft_model: str | None, num_tokens: int | None, min_rate: float | None) -> dict[str, JSON] | None:
    """None if nothing is asked for."""
    if not (draft_model or num_tokens or min_rate):
        return None
    if num_tokens is not None and not 0 <= num_tokens <= _MAX_INT32:
        raise InvalidRequest(f"--speculative-num-tokens {num_tokens}: use a whole number from 0")
    if min_rate is not None and not 0 <= min_rate <= 1:
        raise InvalidRequest(f"--speculative-min-acceptance-rate {min_rate}: use 0.0 to 1.0")
    members: dict[str, JSON] = {
        "draft_model": draft_model,
        "num_tokens": num_tokens,
        "min_acceptance_rate": min_rate,
    }
    return {name: value for name, value in members.items() if value}


def _vllm(options: Namespace) -> dict[str, JSON] | None:
    found: dict[str, JSON] = {}
    if options.hf_overrides:
        try:
            overrides = json.loads(options.hf_overrides)
        except (ValueError, RecursionError) as error:
            raise InvalidRequest(f"invalid --hf_overrides JSON: {error}") from error
        if not isinstance(overrides, dict):
            raise InvalidRequest("invalid --hf_overrides JSON: it must be an object")
        found["hf-overrides"] = overrides
    if options.gpu_memory_utilization is not None:
        if not 0 <= options.gpu_memory_utilization <= 1:
            raise InvalidRequest(
                f"--gpu-memory-utilization must be between 0.0 and 1.0, got {options.gpu_memory_utilization:g}"
            )
        found["gpu-memory-utilization"] = options.gpu_memory_utilization
    return found or None
