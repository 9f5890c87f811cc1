"""A small real HTTP server on a Unix socket that stands in for the service towards the desktop.

Tests script it: ``snapshot`` is what a new ``/events`` connection gets first, ``emit`` sends an event to
all of them, ``answer`` sets the reply of a route, ``crash`` cuts every connection as a kill would. It
records requests in ``requests``. Threads are its own; tests only call its methods.
"""

import json
import queue
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingMixIn, UnixStreamServer
from typing import Any

from dmr_desktop.protocol.notices import Snapshot, TcpStatus
from dmr_desktop.protocol.wire import dump

Answer = tuple[int, bytes]


@dataclass(frozen=True, slots=True)
class SeenRequest:
    method: str
    path: str
    body: Any
    headers: dict[str, str]


@dataclass(slots=True)
class PullScript:
    """The answer to ``POST /models/create``: lines until None. ``left`` is set when the client went away."""

    lines: "queue.SimpleQueue[bytes | None]" = field(default_factory=queue.SimpleQueue)
    left: threading.Event = field(default_factory=threading.Event)

    def say(self, **line: object) -> None:
        self.lines.put(json.dumps(line).encode() + b"\n")

    def end(self) -> None:
        self.lines.put(None)


class _Server(ThreadingMixIn, UnixStreamServer):
    daemon_threads = True
    request_queue_size = 64
    service: "FakeService"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Cut connections are what ``crash`` is for; anything else fails the test through ``problems``."""
        import sys

        error = sys.exc_info()[1]
        if not isinstance(error, OSError | ValueError):
            self.service.problems.append(repr(error))


class FakeService:
    """Start with ``start()``, end with ``stop()``. ``socket_path`` is free again after ``stop`` or ``crash``."""

    def __init__(self, socket_path: Path, snapshot: Snapshot | None = None) -> None:
        self.socket_path = socket_path
        self.snapshot = snapshot or empty_snapshot(socket_path)
        self.requests: list[SeenRequest] = []
        self.event_paths: list[str] = []
        self.problems: list[str] = []
        self.pulls: list[PullScript] = []
        self.events_status = 200
        self._answers: dict[tuple[str, str], Callable[[SeenRequest], Answer]] = {}
        self._streams: set[queue.SimpleQueue[bytes | None]] = set()
        self._sockets: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> "FakeService":
        self.socket_path.unlink(missing_ok=True)
        self._server = _Server(str(self.socket_path), _Handler)
        self._server.service = self
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        return self

    def stop(self) -> None:
        """Says goodbye as the service does, then ends."""
        if self._server is not None:
            self.emit("stopping", {})
            self.crash()

    def crash(self) -> None:
        """Cuts every connection and removes the socket, without a word."""
        server, self._server = self._server, None
        if server is None:
            return
        server.shutdown()
        server.server_close()
        self.socket_path.unlink(missing_ok=True)
        with self._lock:
            for stream in self._streams:
                stream.put(None)
            for connection in self._sockets:
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
        for script in self.pulls:
            script.end()
        if self._thread is not None:
            self._thread.join(5)

    def emit(self, name: str, data: object) -> None:
        """One event to everybody who listens."""
        self.send(f"event: {name}\ndata: {json.dumps(dump(data))}\n\n".encode())

    def send(self, frames: bytes) -> None:
        """Events as they go over the wire, to everybody who listens."""
        with self._lock:
            for stream in self._streams:
                stream.put(frames)

    def end_streams(self) -> None:
        """Closes the connection of everybody who listens, after all that was sent."""
        with self._lock:
            for stream in self._streams:
                stream.put(None)

    def answer(self, method: str, path: str, status: int, body: object = b"") -> None:
        """Sets a route's reply; text and bytes go as they are, anything else as JSON."""
        data = (
            body if isinstance(body, bytes) else body.encode() if isinstance(body, str) else json.dumps(body).encode()
        )
        self._answers[(method, path)] = lambda request: (status, data)

    def on(self, method: str, path: str, act: Callable[[SeenRequest], Answer]) -> None:
        """Sets a route's behaviour."""
        self._answers[(method, path)] = act

    def seen(self, method: str, path: str) -> list[SeenRequest]:
        return [request for request in self.requests if (request.method, request.path) == (method, path)]

    @property
    def num_listeners(self) -> int:
        with self._lock:
            return len(self._streams)


def empty_snapshot(socket_path: Path) -> Snapshot:
    tcp = TcpStatus(enabled=False, listening=False, port=12434)
    return Snapshot(version="0.1.0", socket_path=str(socket_path), models_path="/models", started_at=0.0, tcp=tcp)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def setup(self) -> None:
        super().setup()
        with self.server.service._lock:
            self.server.service._sockets.add(self.connection)

    def finish(self) -> None:
        with self.server.service._lock:
            self.server.service._sockets.discard(self.connection)
        super().finish()

    def address_string(self) -> str:
        return "unix"

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""

    def do_GET(self) -> None:
        if self.path.partition("?")[0] == "/events":
            self.server.service.event_paths.append(self.path)
            self._events()
        else:
            self._reply()

    def do_POST(self) -> None:
        if self.path == "/models/create" and ("POST", self.path) not in self.server.service._answers:
            self._pull()
        else:
            self._reply()

    def do_PUT(self) -> None:
        self._reply()

    def do_DELETE(self) -> None:
        self._reply()

    def _request(self) -> SeenRequest:
        size = int(self.headers.get("Content-Length") or 0)
        raw = self.rfile.read(size)
        request = SeenRequest(self.command, self.path, json.loads(raw) if raw else None, dict(self.headers.items()))
        self.server.service.requests.append(request)
        return request

    def _reply(self) -> None:
        request = self._request()
        act = self.server.service._answers.get((self.command, self.path))
        status, body = act(request) if act else (200, b"{}")
        self.send_response(status)
        self.send_header("Content-Type", "application/json" if body[:1] in (b"{", b"[") else "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _chunk(self, data: bytes) -> None:
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        self.wfile.flush()

    def _start_stream(self, kind: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

    def _events(self) -> None:
        service = self.server.service
        if service.events_status != 200:
            self._request()
            self.send_response(service.events_status)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        stream: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._start_stream("text/event-stream")
        self._chunk(f"event: snapshot\ndata: {json.dumps(dump(service.snapshot))}\n\n".encode())
        with service._lock:
            service._streams.add(stream)
        try:
            while (frame := stream.get()) is not None:
                self._chunk(frame)
            self._chunk(b"")
        finally:
            self.close_connection = True
            with service._lock:
                service._streams.discard(stream)

    def _pull(self) -> None:
        self._request()
        script = PullScript()
        self.server.service.pulls.append(script)
        self._start_stream("application/json")
        threading.Thread(target=self._watch, args=(script,), daemon=True).start()
        while (line := script.lines.get()) is not None:
            self._chunk(line)
        if not script.left.is_set():
            self._chunk(b"")
        self.close_connection = True

    def _watch(self, script: PullScript) -> None:
        """The client sends nothing more, so a readable connection means that it left."""
        try:
            self.connection.recv(1)
        except OSError:
            pass
        script.left.set()
        script.end()
