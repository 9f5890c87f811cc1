"""An HTTP proxy in front of a real registry: it slows answers down and counts what it passes on."""

import http.client
import socket
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

_CHUNK = 16 * 1024


@dataclass
class Passed:
    """One answer: what was asked, from which byte on, and how many bytes of body went out."""

    path: str
    range: str
    sent: int = 0


@dataclass
class ThrottlingProxy:
    """``with ThrottlingProxy("127.0.0.1:5000") as proxy``. Each connection gets ``bytes_per_second``."""

    upstream: str
    bytes_per_second: float = 1e9
    passed: list[Passed] = field(default_factory=list)
    _marks: list[tuple[int, threading.Event]] = field(default_factory=list)

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self._server.server_address[1]}"

    def after_blob_bytes(self, count: int) -> threading.Event:
        """An event that is set with the next blob byte once ``count`` of them have gone out in all."""
        event = threading.Event()
        self._marks.append((count, event))
        return event

    def bytes_of(self, digest: str) -> int:
        return sum(each.sent for each in self.passed if each.path.endswith(digest))

    def starts_of(self, digest: str) -> list[int]:
        """From which byte on a blob was asked for, request by request."""
        return [int(each.range[6:-1] or 0) for each in self.passed if each.path.endswith(digest)]

    def __enter__(self) -> Self:
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self) -> None:
                # Small buffers: what counts as sent has very nearly arrived.
                self.request.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _CHUNK)
                super().setup()

            def do_GET(self) -> None:
                proxy._forward(self)

            def log_message(self, *_: Any) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_: Any) -> None:
                pass  # the other end is killed on purpose

        self._server = Server(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _forward(self, handler: BaseHTTPRequestHandler) -> None:
        connection = http.client.HTTPConnection(self.upstream)
        try:
            connection.request("GET", handler.path, headers=dict(handler.headers.items()))
            answer = connection.getresponse()
            handler.send_response_only(answer.status)
            for name, content in answer.getheaders():
                handler.send_header(name, content)
            handler.end_headers()
            passed = Passed(handler.path, handler.headers.get("Range", ""))
            self.passed.append(passed)
            while chunk := answer.read(_CHUNK):
                time.sleep(len(chunk) / self.bytes_per_second)
                handler.wfile.write(chunk)
                passed.sent += len(chunk)
                if "/blobs/" in handler.path:
                    total = sum(each.sent for each in self.passed if "/blobs/" in each.path)
                    for count, event in self._marks:
                        if total >= count:
                            event.set()
            if answer.length:
                handler.close_connection = True  # the registry went away, and nothing more comes
        finally:
            connection.close()
