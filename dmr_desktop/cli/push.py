"""``push``: a model to its registry, shown as a pull is."""

import time
from argparse import Namespace

from dmr_desktop.cli.missing import no_such_model
from dmr_desktop.cli.pull import huggingface_token, show
from dmr_desktop.cli.safe_text import safe_line
from dmr_desktop.cli.session import Session
from dmr_desktop.protocol.errors import ModelNotFound, Unauthorized


def push(session: Session, options: Namespace) -> int:
    return send(session, options.model)


def send(session: Session, reference: str) -> int:
    """Push ``reference`` and show how it goes; 130 if the user interrupts. Raises :class:`DMRError`."""
    progress = session.client.push(reference, bearer_token=huggingface_token(session, reference))
    try:
        show(progress, session.terminal, time.monotonic)
    except KeyboardInterrupt:
        session.terminal.note("\nInterrupted; the registry keeps the files that are complete.")
        session.terminal.note(f"→ `dmr push {safe_line(reference)}` sends the rest")
        return 130
    except ModelNotFound as error:
        raise no_such_model(session, reference) from error
    except Unauthorized as error:
        raise Unauthorized(
            f"the registry refused {reference}: {error.message}",
            hint="log in with `docker login`, or set HF_TOKEN for Hugging Face; the name must be one of yours",
        ) from error
    return 0
