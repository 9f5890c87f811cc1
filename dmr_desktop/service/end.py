"""What requests are told that come, or are under way, when the service ends."""

from dmr_desktop.protocol.errors import ShuttingDown


def shutting_down() -> ShuttingDown:
    return ShuttingDown(
        "the service is shutting down", hint="`dmr serve --detach` starts it again; then repeat the request"
    )
