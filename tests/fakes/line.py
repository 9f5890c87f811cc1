"""A line between a client and a server on loopback: it forwards bytes, counts those going up, and breaks on request."""

import contextlib
import socket
import threading
import time
from typing import Self

_CHUNK = 64 * 1024


class Line:
    """``with Line("127.0.0.1:5000") as line``: connections to ``line.host`` end at the server.

    All connections are cut each time that a count of ``cut_after_bytes_up`` has gone up in all.
    """

    def __init__(self, upstream: str, bytes_per_second: float = 1e9) -> None:
        host, _, port = upstream.rpartition(":")
        self._upstream = (host, int(port))
        self._bytes_per_second = bytes_per_second
        self._lock = threading.Lock()
        self._sockets: set[socket.socket] = set()
        self._cuts: list[int] = []
        self.bytes_up = 0
        self.num_cuts = 0

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self._listener.getsockname()[1]}"

    def cut_after_bytes_up(self, *counts: int) -> None:
        self._cuts = sorted(counts)

    def __enter__(self) -> Self:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()
        self._cut()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                try:
                    server = socket.create_connection(self._upstream)
                except OSError:
                    client.close()
                    continue
                with self._lock:
                    self._sockets |= {client, server}
                for source, target, goes_up in ((client, server, True), (server, client, False)):
                    threading.Thread(target=self._carry, args=(source, target, goes_up), daemon=True).start()

    def _carry(self, source: socket.socket, target: socket.socket, goes_up: bool) -> None:
        try:
            while chunk := source.recv(_CHUNK):
                if goes_up:
                    time.sleep(len(chunk) / self._bytes_per_second)
                target.sendall(chunk)
                if goes_up and self._counts_to_a_cut(len(chunk)):
                    self._cut()
        except OSError:
            pass
        _close(source, target)

    def _counts_to_a_cut(self, count: int) -> bool:
        with self._lock:
            self.bytes_up += count
            if not self._cuts or self.bytes_up < self._cuts[0]:
                return False
            del self._cuts[0]
            self.num_cuts += 1
            return True

    def _cut(self) -> None:
        with self._lock:
            ends, self._sockets = self._sockets, set()
        _close(*ends)


def _close(*ends: socket.socket) -> None:
    """Closed, not only shut down: else the kernel goes on taking bytes from the other side."""
    for end in ends:
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
        end.close()
