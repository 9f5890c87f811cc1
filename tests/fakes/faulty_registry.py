"""An OCI registry on loopback that misbehaves on request.

It serves what it is given over ``/v2/``, keeps a record of every request, and hands a request to the first fault that
wants it. A fault is a function of the exchange; it answers itself and returns True, or returns False.
"""

import base64
import hashlib
import json
import re
import socket
import ssl
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qs

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"


def digest(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


def descriptor(media_type: str, data: bytes) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": digest(data), "size": len(data)}


@dataclass
class Exchange:
    """One request and the means to answer it, well or badly. ``asked`` is its body, ``sent`` bytes of ours."""

    handler: BaseHTTPRequestHandler
    registry: "FaultyRegistry"
    path: str
    headers: dict[str, str]
    asked: bytes = b""
    sent: int = 0

    @property
    def method(self) -> str:
        return self.handler.command

    @property
    def is_blob(self) -> bool:
        return "/blobs/" in self.path

    @property
    def blob(self) -> bytes:
        """The right body, be it a blob or a manifest."""
        name = self.path.rpartition("/")[2]
        return self.registry.blobs.get(name) or self.registry.manifests.get(name, b"")

    @property
    def range_start(self) -> int:
        match = re.fullmatch(r"bytes=(\d+)-", self.headers.get("range", ""))
        return int(match[1]) if match else 0

    def start(self, status: int, headers: dict[str, str]) -> None:
        self.handler.send_response_only(status)
        for name, content in headers.items():
            self.handler.send_header(name, content)
        self.handler.end_headers()

    def write(self, data: bytes) -> None:
        if self.method == "HEAD":
            return
        view = memoryview(data)
        while view:
            self.handler.wfile.write(view[:65536])
            self.sent += len(view[:65536])
            view = view[65536:]

    def answer(self, status: int, body: bytes = b"", headers: dict[str, str] | None = None) -> None:
        self.start(status, {"Content-Length": str(len(body)), **(headers or {})})
        self.write(body)

    def reset(self) -> None:
        """Close with RST, not FIN."""
        connection = self.handler.connection
        self.handler.wfile.flush()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.handler.close_connection = True

    def close(self) -> None:
        self.handler.close_connection = True


Fault = Callable[[Exchange], bool]


@dataclass
class FaultyRegistry:
    """``with FaultyRegistry() as registry``: ``registry.host`` is its ``127.0.0.1:port``."""

    blobs: dict[str, bytes] = field(default_factory=dict)
    manifests: dict[str, bytes] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    exchanges: list[Exchange] = field(default_factory=list)
    sessions: dict[str, bytearray] = field(default_factory=dict)
    """Uploads under way."""
    cut_upload_at: int = 1 << 62
    """The first upload that gets here loses its line, once."""
    fallback: Callable[[Exchange], None] | None = None
    """Answers what no fault wants, in place of a registry."""
    stopping: threading.Event = field(default_factory=threading.Event)

    def add(self, tag: str, manifest: bytes, *blobs: bytes) -> None:
        self.manifests[tag] = self.manifests[digest(manifest)] = manifest
        self.blobs |= {digest(blob): blob for blob in blobs}

    def add_model(self, tag: str, *layers: bytes, media_type: str = "application/vnd.docker.ai.gguf.v3") -> bytes:
        """A minimal model of raw layers; returns its manifest."""
        config = json.dumps(
            {
                "config": {"format": "gguf", "size": "1MiB"},
                "rootfs": {"type": "rootfs", "diff_ids": [digest(layer) for layer in layers]},
            }
        ).encode()
        manifest = json.dumps(
            {
                "schemaVersion": 2,
                "mediaType": OCI_MANIFEST,
                "config": descriptor("application/vnd.docker.ai.model.config.v0.1+json", config),
                "layers": [descriptor(media_type, layer) for layer in layers],
            }
        ).encode()
        self.add(tag, manifest, config, *layers)
        return manifest

    def blob_bytes_sent(self, blob: bytes) -> int:
        return sum(exchange.sent for exchange in self.exchanges if exchange.path.endswith(digest(blob)))

    def requests_for(self, text: str) -> list[Exchange]:
        return [exchange for exchange in self.exchanges if text in exchange.path]

    def serve(self, exchange: Exchange) -> None:
        """The right answer."""
        name = exchange.path.rpartition("/")[2]
        if "/blobs/uploads/" in exchange.path:
            self._serve_upload(exchange)
        elif "/manifests/" in exchange.path and exchange.method == "PUT":
            self.manifests[name] = self.manifests[digest(exchange.asked)] = exchange.asked
            exchange.answer(201, headers={"Docker-Content-Digest": digest(exchange.asked)})
        elif "/manifests/" in exchange.path and name in self.manifests:
            body = self.manifests[name]
            headers = {"Content-Type": OCI_MANIFEST, "Docker-Content-Digest": digest(body)}
            exchange.answer(200, body, headers)
        elif exchange.is_blob and name in self.blobs:
            body, start = self.blobs[name], exchange.range_start
            if start >= len(body) > 0 and start:
                exchange.answer(416)
            elif start:
                content_range = {"Content-Range": f"bytes {start}-{len(body) - 1}/{len(body)}"}
                exchange.answer(206, body[start:], content_range)
            else:
                exchange.answer(200, body)
        else:
            exchange.answer(404, b'{"errors":[{"code":"MANIFEST_UNKNOWN"}]}')

    # ---- running -----------------------------------------------------------------------------

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self._server.server_address[1]}"

    def wrap(self, context: ssl.SSLContext) -> None:
        """Speak TLS on connections from now on."""
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)

    def __enter__(self) -> Self:
        registry = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                registry._handle(self)

            def do_HEAD(self) -> None:
                registry._handle(self)

            def do_POST(self) -> None:
                registry._handle(self, self.rfile.read(int(self.headers.get("Content-Length", 0))))

            def do_PUT(self) -> None:
                self.do_POST()

            def do_PATCH(self) -> None:
                registry._handle_patch(self)

            def log_message(self, *_: Any) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = False
            request_queue_size = 32

            def handle_error(self, *_: Any) -> None:
                pass  # clients that hang up are part of the game

        self._server = Server(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        self._server.shutdown()
        for exchange in self.exchanges:
            try:
                exchange.handler.connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        self._server.server_close()
        self._thread.join()

    def _handle(self, handler: BaseHTTPRequestHandler, asked: bytes = b"") -> None:
        headers = {name.lower(): content for name, content in handler.headers.items()}
        exchange = Exchange(handler, self, handler.path, headers, asked)
        self.exchanges.append(exchange)
        if not any(fault(exchange) for fault in list(self.faults)):
            (self.fallback or self.serve)(exchange)

    def _handle_patch(self, handler: BaseHTTPRequestHandler) -> None:
        """As it arrives: what has come before a line is cut counts, as the specification has it."""
        headers = {name.lower(): content for name, content in handler.headers.items()}
        exchange = Exchange(handler, self, handler.path, headers)
        self.exchanges.append(exchange)
        session = self.sessions.get(handler.path.partition("?")[0].rpartition("/")[2])
        length = int(headers.get("content-length", 0))
        if session is not None and not any(fault(exchange) for fault in list(self.faults)):
            start = int(headers.get("content-range", "0-").partition("-")[0])
            if start != len(session):
                exchange.answer(416)
                return
            while length > 0 and len(session) < self.cut_upload_at:
                chunk = handler.rfile.read(min(length, 65536))
                if not chunk:
                    break
                session += chunk
                length -= len(chunk)
            if length:
                self.cut_upload_at = 1 << 62
                exchange.reset()
                return
            exchange.answer(202, headers={"Location": exchange.path, "Range": f"0-{len(session) - 1}"})

    def _serve_upload(self, exchange: Exchange) -> None:
        """The sending side of the specification: sessions, mounts, digests checked, manifests last."""
        path, _, query = exchange.path.partition("?")
        asked = {name: values[0] for name, values in parse_qs(query).items()}
        name = path.rpartition("/")[2]
        if exchange.method == "POST" and asked.get("mount") in self.blobs:
            exchange.answer(201)
        elif exchange.method == "POST":
            name = f"s{len(self.sessions)}"
            self.sessions[name] = bytearray()
            exchange.answer(202, headers={"Location": f"{path}{name}?state=x"})
        elif name not in self.sessions:
            exchange.answer(404, b'{"errors":[{"code":"BLOB_UPLOAD_UNKNOWN"}]}')
        elif exchange.method == "GET":
            received = max(0, len(self.sessions[name]) - 1)
            exchange.answer(204, headers={"Location": exchange.path, "Range": f"0-{received}"})
        elif digest(bytes(self.sessions[name])) != asked.get("digest"):
            exchange.answer(400, b'{"errors":[{"code":"DIGEST_INVALID"}]}')
        else:
            self.blobs[asked["digest"]] = bytes(self.sessions.pop(name))
            exchange.answer(201)


# ---- faults ----------------------------------------------------------------------------------


def on_blobs(fault: Callable[[Exchange], None], times: int = 1 << 30, *, only: bytes | None = None) -> Fault:
    """``fault`` answers the next ``times`` requests for blobs (for the blob ``only``)."""
    left = [times]
    lock = threading.Lock()

    def apply(exchange: Exchange) -> bool:
        if not exchange.is_blob or (only is not None and exchange.blob != only):
            return False
        with lock:
            left[0] -= 1
            if left[0] < 0:
                return False
        fault(exchange)
        return True

    return apply


def on_manifests(fault: Callable[[Exchange], None], times: int = 1 << 30) -> Fault:
    left = [times]

    def apply(exchange: Exchange) -> bool:
        if "/manifests/" not in exchange.path or left[0] <= 0:
            return False
        left[0] -= 1
        fault(exchange)
        return True

    return apply


def _begin(exchange: Exchange, length: int | None = None) -> bytes:
    """Send a right header for the asked range; returns the bytes that should follow."""
    start, body = exchange.range_start, exchange.blob
    headers = {"Content-Length": str(len(body) - start if length is None else length)}
    if start:
        headers["Content-Range"] = f"bytes {start}-{len(body) - 1}/{len(body)}"
    exchange.start(206 if start else 200, headers)
    return body[start:]


def cut_after(count: int) -> Callable[[Exchange], None]:
    """``count`` bytes of the right answer, then the connection ends."""

    def fault(exchange: Exchange) -> None:
        exchange.write(_begin(exchange)[:count])
        exchange.close()

    return fault


def reset_after(count: int) -> Callable[[Exchange], None]:
    def fault(exchange: Exchange) -> None:
        exchange.write(_begin(exchange)[:count])
        exchange.reset()

    return fault


def stall_after(count: int) -> Callable[[Exchange], None]:
    """``count`` bytes, then silence until the registry stops."""

    def fault(exchange: Exchange) -> None:
        exchange.write(_begin(exchange)[:count])
        exchange.registry.stopping.wait(30)
        exchange.close()

    return fault


def flip_byte(at: int) -> Callable[[Exchange], None]:
    def fault(exchange: Exchange) -> None:
        body = bytearray(_begin(exchange))
        body[at % len(body)] ^= 1
        exchange.write(bytes(body))

    return fault


def lie_about_length(extra: int) -> Callable[[Exchange], None]:
    """A body ``extra`` bytes longer (or, negative, shorter) than the blob, with a header that agrees."""

    def fault(exchange: Exchange) -> None:
        body = exchange.blob[exchange.range_start :]
        wrong = body + b"x" * extra if extra > 0 else body[:extra]
        _begin(exchange, len(wrong))
        exchange.write(wrong)

    return fault


def ignore_range(exchange: Exchange) -> None:
    exchange.answer(200, exchange.blob)


def wrong_offset(exchange: Exchange) -> None:
    """206, but from another place than asked."""
    body = exchange.blob
    exchange.answer(206, body[1:], {"Content-Range": f"bytes 1-{len(body) - 1}/{len(body)}"})


def status(code: int, headers: dict[str, str] | None = None, body: bytes = b"") -> Callable[[Exchange], None]:
    return lambda exchange: exchange.answer(code, body, headers)


def redirect_to(url: str, code: int = 307) -> Callable[[Exchange], None]:
    return status(code, {"Location": url})


def demand_token(realm: str, token: str, *, user: str = "", password: str = "") -> Fault:
    """Everything under /v2/ wants ``Bearer token``, which ``/token`` gives (to ``user``, if set)."""
    basic = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()

    def apply(exchange: Exchange) -> bool:
        if exchange.path.startswith("/token"):
            if user and exchange.headers.get("authorization") != basic:
                exchange.answer(401)
            else:
                exchange.answer(200, json.dumps({"token": token}).encode())
            return True
        if exchange.headers.get("authorization") == f"Bearer {token}":
            return False
        challenge = f'Bearer realm="{realm}",service="test",scope="repository:x:pull"'
        exchange.answer(401, b"{}", {"WWW-Authenticate": challenge})
        return True

    return apply


def store_files(root: Path, model_id: str) -> tuple[bytes, list[bytes]]:
    """A model of one of our stores as a registry wants it: the raw manifest and its blobs."""
    manifest = (root / "manifests" / "sha256" / model_id.removeprefix("sha256:")).read_bytes()
    document = json.loads(manifest)
    names = [item["digest"].removeprefix("sha256:") for item in (*document["layers"], document["config"])]
    return manifest, [(root / "blobs" / "sha256" / name).read_bytes() for name in names]
