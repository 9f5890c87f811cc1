"""The runner's end of its channel: blocking frames over an inherited socket.

It knows no words of the conversation. End of file means that the service is gone, and so the runner's reason to be.
"""

import socket
import threading
from collections.abc import Iterator
from typing import Any

import orjson

from dmr_desktop.protocol.frames import FrameError, FrameSplitter, frame

_READ_BYTES = 256 * 1024


class Channel:
    """One thread receives; any may send."""

    def __init__(self, sock: socket.socket) -> None:
        # A child of ours that inherited it would keep the channel open after our death.
        sock.set_inheritable(False)
        sock.setblocking(True)
        self._socket = sock
        self._sending = threading.Lock()

    def receive(self) -> Iterator[dict[str, Any]]:
        """Messages until the service closes the channel or sends what is no message."""
        splitter = FrameSplitter()
        while True:
            try:
                data = self._socket.recv(_READ_BYTES)
                payloads = splitter.feed(data)
            except (OSError, FrameError):
                return
            if not data:
                return
            for payload in payloads:
                message = orjson.loads(payload)
                if not isinstance(message, dict):
                    return
                yield message

    def send(self, message: object) -> None:
        """Blocks while the service does not read. Raises OSError when it is gone."""
        data = frame(orjson.dumps(message))
        with self._sending:
            self._socket.sendall(data)
