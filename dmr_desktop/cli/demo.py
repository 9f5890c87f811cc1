"""The bundled model, which a service that has just come up is still about to store."""

import time

from dmr_desktop.cli.session import Session
from dmr_desktop.protocol.errors import ModelNotFound
from dmr_desktop.protocol.models import DEMO_REFERENCE

DEMO = DEMO_REFERENCE.removesuffix(":latest")
WAIT_SECONDS = 10.0
_PAUSE_SECONDS = 0.1


def is_demo(reference: str) -> bool:
    return reference.removesuffix(":latest") == DEMO


def wait_for_demo(session: Session, seconds: float = WAIT_SECONDS) -> bool:
    """Whether the bundled model is in the store within ``seconds``."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            session.client.inspect(DEMO_REFERENCE)
        except ModelNotFound:
            if time.monotonic() >= deadline:
                return False
            time.sleep(_PAUSE_SECONDS)
        else:
            return True
