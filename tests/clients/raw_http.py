"""Requests of programs that are not at hand, sent byte for byte."""

import json
import socket
from dataclasses import dataclass
from http.client import HTTPResponse
from typing import Any

from tests.fixtures_live import LiveService

SECONDS = 60.0


@dataclass(frozen=True)
class Answer:
    """``headers`` have names in lower case. A chunked body is put together."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)

    def events(self) -> list[tuple[str, str]]:
        """Of a stream, names ("" if none) and data."""
        assert (self.status, self.headers["content-type"].partition(";")[0]) == (200, "text/event-stream"), self.body
        found = []
        for block in self.body.decode().split("\n\n"):
            fields = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
            if "data" in fields:
                found.append((fields.get("event", ""), fields["data"]))
        return found


def head(request_line: str, **headers: str) -> bytes:
    """``Content_Type="x"`` is sent as ``Content-Type: x``, in the order given."""
    lines = [f"{request_line} HTTP/1.1", *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode()


def chunked(*parts: bytes) -> bytes:
    """As ``Transfer-Encoding: chunked`` has them on the wire."""
    return b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (*parts, b""))


def exchange(service: LiveService, *pieces: bytes) -> Answer:
    """Each piece goes out by itself, as a program that writes several times sends it."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(SECONDS)
        connection.connect(str(service.socket_path))
        for piece in pieces:
            connection.sendall(piece)
        response = HTTPResponse(connection, method=pieces[0].split(b" ", 1)[0].decode())
        response.begin()
        headers = {name.lower(): value for name, value in response.headers.items()}
        return Answer(response.status, headers, response.read())
