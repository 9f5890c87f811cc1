"""So much of a docker engine as ``docker compose up --no-start`` needs; it remembers the containers asked for.

Nothing is run. ``created`` maps a container's name to the body of its request.
"""

import json
import re
import threading
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingMixIn, UnixStreamServer
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

_IMAGE = {"Id": "sha256:" + "1" * 64, "Config": {}, "Os": "linux", "Architecture": "amd64"}
_CONTAINER = {
    "Id": "c1",
    "Config": {"Labels": {}},
    "State": {"Status": "created"},
    "NetworkSettings": {"Networks": {}},
    "HostConfig": {},
}


class FakeEngine:
    def __init__(self, socket_path: Path) -> None:
        self.socket_path = socket_path
        self.created: dict[str, dict[str, Any]] = {}
        self._server = _Server(str(socket_path), _Handler)
        self._server.engine = self

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, method: str, path: str, body: bytes) -> tuple[int, Any]:
        url = urlsplit(re.sub(r"^/v1\.\d+", "", path))
        if method == "POST" and url.path == "/containers/create":
            self.created[parse_qs(url.query)["name"][0]] = json.loads(body)
            return 201, {"Id": "c1", "Warnings": []}
        if method == "POST" and url.path == "/networks/create":
            return 201, {"Id": "n1"}
        answers: dict[str, Any] = {
            "/_ping": "OK",
            "/version": {"Version": "28.0.0", "ApiVersion": "1.48", "MinAPIVersion": "1.24", "Os": "linux"},
            "/info": {"OSType": "linux", "Architecture": "x86_64", "OperatingSystem": "Debian"},
            "/containers/json": [],
            "/containers/c1/json": _CONTAINER,
            "/networks": [],
            "/images/alpine/json": _IMAGE,
            "/images/json": [],
            "/volumes": {"Volumes": []},
        }
        return (200, answers[url.path]) if url.path in answers else (404, {"message": f"no such thing: {url.path}"})


class _Server(ThreadingMixIn, UnixStreamServer):
    daemon_threads = True
    engine: FakeEngine


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def address_string(self) -> str:
        return "unix"

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""

    def do_GET(self) -> None:
        self._reply()

    def do_HEAD(self) -> None:
        self._reply()

    def do_POST(self) -> None:
        self._reply()

    def do_DELETE(self) -> None:
        self._reply()

    def _reply(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        status, answer = self.server.engine.answer(self.command, self.path, body)
        data = (answer if isinstance(answer, str) else json.dumps(answer)).encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain" if isinstance(answer, str) else "application/json")
        self.send_header("Api-Version", "1.48")
        self.send_header("Ostype", "linux")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)
