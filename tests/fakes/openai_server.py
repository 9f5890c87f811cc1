"""A scripted OpenAI-compatible server on loopback or a Unix socket; keeps what it was sent."""

import json
import socketserver
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

GATHER_SECONDS = 20.0


@dataclass
class Received:
    path: str
    headers: dict[str, str]
    body: Any
    method: str = "POST"


@dataclass
class Reply:
    """``events`` makes it a stream of these data lines, else ``body`` is sent as it is or as JSON.

    ``delay_seconds`` pass before the first byte, and the first answers of all wait for one another until
    ``gather`` requests were there at once. One that ``breaks_off`` announces more than it sends.
    """

    status: int = 200
    body: Any = None
    events: list[Any] | None = None
    content_type: str = "application/json"
    delay_seconds: float = 0.0
    gather: int = 0
    breaks_off: bool = False
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class FakeOpenAI:
    """Answers with ``replies`` in order, the last one over and over."""

    replies: list[Reply]
    url: str = ""
    received: list[Received] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def enter(self) -> None:
        with self.lock:
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)

    def leave(self) -> None:
        with self.lock:
            self.at_once -= 1

    def wait_for(self, count: int) -> None:
        deadline = time.monotonic() + GATHER_SECONDS
        while self.most_at_once < count and time.monotonic() < deadline:
            time.sleep(0.01)

    def next_reply(self) -> Reply:
        return self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]


def chat_answer(text: str | None = "Hello", **message: Any) -> dict[str, Any]:
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "dmr.local/demo:latest",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": text, **message},
                "finish_reason": "tool_calls" if message.get("tool_calls") else "stop",
            }
        ],
        "usage": {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7},
    }


def chat_chunk(delta: dict[str, Any] | None, finish: str | None = None, **more: Any) -> dict[str, Any]:
    choices = [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": finish}]
    head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": choices}
    return head | more


@contextmanager
def fake_openai(*replies: Reply, socket_path: Path | None = None) -> Iterator[FakeOpenAI]:
    fake = FakeOpenAI(list(replies))

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def address_string(self) -> str:
            return "client"

        def log_message(self, format: str, *args: Any) -> None:
            pass

        def do_GET(self) -> None:
            self.do_POST()

        def do_DELETE(self) -> None:
            self.do_POST()

        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            body = json.loads(self.rfile.read(length) or b"null")
            headers = {k.lower(): v for k, v in self.headers.items()}
            fake.received.append(Received(self.path, headers, body, self.command))
            reply = fake.next_reply()
            fake.enter()
            fake.wait_for(reply.gather)
            time.sleep(reply.delay_seconds)
            fake.leave()
            if reply.events is not None:
                lines = [item if isinstance(item, str) else json.dumps(item) for item in reply.events]
                data = "".join(f"data: {line}\n\n" for line in lines).encode()
                content_type = "text/event-stream"
            else:
                data = reply.body.encode() if isinstance(reply.body, str) else json.dumps(reply.body).encode()
                content_type = reply.content_type
            with suppress(ConnectionError):  # a client may have given up
                self.send_response(reply.status)
                self.send_header("Content-Type", content_type)
                self.send_header("Content-Length", str(len(data) + reply.breaks_off))
                for name, value in reply.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(data)
                self.close_connection = self.close_connection or reply.breaks_off

    server: socketserver.BaseServer
    if socket_path is None:
        server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        fake.url = f"http://127.0.0.1:{server.server_address[1]}/engines/v1"
    else:
        server = socketserver.ThreadingUnixStreamServer(str(socket_path), Handler)
        fake.url = f"unix://{socket_path}"
    # Handler threads live as long as the client keeps its connection; nobody waits for them.
    server.daemon_threads = True
    server.block_on_close = False
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield fake
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
