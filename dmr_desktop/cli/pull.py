"""``pull``: bars on a terminal, plain lines in a pipe, and an interruption that costs nothing."""

import time
from argparse import Namespace
from collections.abc import Callable, Iterator

from dmr_desktop.cli.live_lines import LiveLines
from dmr_desktop.cli.quantities import decimal_size
from dmr_desktop.cli.safe_text import safe_line
from dmr_desktop.cli.session import Session
from dmr_desktop.cli.terminal import Terminal
from dmr_desktop.cli.transfer import Transfer
from dmr_desktop.client.connection import NAME_HINT
from dmr_desktop.protocol.errors import (
    DMRError,
    InvalidReference,
    InvalidRequest,
    ModelNotFound,
    ServiceUnreachable,
    Unauthorized,
    UnsupportedModel,
)
from dmr_desktop.protocol.models import Progress
from dmr_desktop.protocol.pasted_names import pasted_name

_REDRAW_SECONDS = 0.1
_NO_NAME = "Invalid model reference"
"""DMR's whole sentence about a name that is none."""
_PLAIN_SECONDS = 1.0


def pull(session: Session, options: Namespace) -> int:
    return fetch(session, pasted_name(options.model))


def fetch(session: Session, reference: str) -> int:
    """Pull ``reference`` and show how it goes; 130 if the user interrupts. Raises :class:`DMRError`."""
    progress = session.client.pull(reference, bearer_token=huggingface_token(session, reference))
    transfer = Transfer(note=f"Asking for {safe_line(reference)} …")
    try:
        show(progress, session.terminal, time.monotonic, transfer)
    except KeyboardInterrupt:
        session.terminal.note(f"\nInterrupted; {decimal_size(transfer.current_bytes)} of it are kept.")
        session.terminal.note(f"→ `dmr pull {safe_line(reference)}` goes on from there")
        return 130
    except ModelNotFound as error:
        raise ModelNotFound(
            f"{reference} is not in its registry, or it is private",
            hint="check the name and the tag; `docker login` gives access to private ones",
        ) from error
    except Unauthorized as error:
        raise Unauthorized(
            f"the registry refused {reference}: {error.message}",
            hint="log in with `docker login`, or set HF_TOKEN for a gated model of Hugging Face",
        ) from error
    except InvalidRequest as error:
        if error.message != _NO_NAME:
            raise
        raise InvalidReference(f"{reference!r} is not a model name", hint=NAME_HINT) from error
    except (ServiceUnreachable, UnsupportedModel):
        raise  # the same pull would fail in the same way
    except DMRError as error:
        if not error.hint:
            goes_on = "goes on where it stopped" if transfer.current_bytes else "tries again"
            error.hint = f"`dmr pull {reference}` {goes_on}"
        raise
    return 0


def huggingface_token(session: Session, reference: str) -> str:
    """The user's token, for the one site it belongs to."""
    return session.environ.get("HF_TOKEN", "") if reference.startswith(("hf.co/", "huggingface.co/")) else ""


def show(
    progress: Iterator[Progress],
    terminal: Terminal,
    now: Callable[[], float],
    transfer: Transfer | None = None,
) -> Transfer:
    """Draw every line of ``progress`` until it ends; ``transfer`` is kept up to date while it lasts."""
    transfer = transfer if transfer is not None else Transfer()
    block = LiveLines(terminal.err)
    drawn_at = float("-inf")
    if terminal.live:
        _draw(terminal, block, transfer)
    try:
        for entry in progress:
            transfer.apply(entry, now())
            if entry.type == "warning":
                block.clear()
                terminal.note(safe_line(entry.message))
            elif entry.type == "success":
                _draw(terminal, block, transfer)
                block.leave()
                terminal.line(safe_line(entry.message))
            elif now() - drawn_at >= (_REDRAW_SECONDS if terminal.live else _PLAIN_SECONDS):
                drawn_at = now()
                _draw(terminal, block, transfer)
    except DMRError:
        if not transfer.layers:
            block.clear()  # what was being done; the error says that it did not work
        raise
    finally:
        close = getattr(progress, "close", None)
        if close is not None:
            close()  # ends the request, by which the service stops the transfer
    return transfer


def _draw(terminal: Terminal, block: LiveLines, transfer: Transfer) -> None:
    if terminal.live:
        block.draw(transfer.bars(terminal.columns))
    elif transfer.layers:
        terminal.line(transfer.plain_line())
