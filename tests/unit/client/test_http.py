"""The client's own connections, with a real server at the other end: what comes, what breaks, what is closed."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from dmr_desktop.client.client import Client
from dmr_desktop.client.endpoint import Endpoint, TcpEndpoint, UnixEndpoint
from dmr_desktop.client.http import Broken, CannotConnect, EndpointTransport, Request, TimedOut
from dmr_desktop.protocol.errors import InvalidRequest, PayloadTooLarge, ServiceUnreachable

Serve = Callable[[socket.socket], None]


@pytest.fixture(params=["unix", "tcp"])
def served(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[Serve], object]:
    """``with served(function) as endpoint``: the function gets each connection, one after the other."""

    @contextmanager
    def serve(function: Serve) -> Iterator[Endpoint]:
        endpoint: Endpoint
        if request.param == "unix":
            listener = socket.socket(socket.AF_UNIX)
            listener.bind(str(tmp_path / "s"))
            endpoint = UnixEndpoint(tmp_path / "s")
        else:
            listener = socket.socket()
            listener.bind(("127.0.0.1", 0))
            endpoint = TcpEndpoint(f"http://127.0.0.1:{listener.getsockname()[1]}/prefix")
        listener.listen()

        def run() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    function(connection)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        try:
            yield endpoint
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            listener.close()
            (tmp_path / "s").unlink(missing_ok=True)
            thread.join(5)
            assert not thread.is_alive()

    return serve


def head_of(connection: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        data += connection.recv(1)
    return data


def answering(*pieces: bytes) -> Serve:
    def serve(connection: socket.socket) -> None:
        head_of(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\n" + b"".join(pieces))

    return serve


def asked(endpoint: Endpoint, timeout_seconds: float | None = 5.0) -> bytes:
    answer = EndpointTransport(endpoint).ask(Request("GET", "/x", {}, None, timeout_seconds))
    with closing(answer):
        assert answer.status == 200
        return b"".join(answer.chunks())


def test_a_body_has_a_length_or_chunks_or_ends_with_the_connection(served: Callable[..., object]) -> None:
    for pieces in (
        (b"Content-Length: 5\r\n\r\n", b"hello"),
        (b"Transfer-Encoding: chunked\r\n\r\n", b"2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n"),
        (b"Connection: close\r\n\r\n", b"hello"),
    ):
        with served(answering(*pieces)) as endpoint:
            assert asked(endpoint) == b"hello"


def test_a_body_that_is_complete_is_not_waited_for(served: Callable[..., object]) -> None:
    """The server keeps the connection open."""
    done = threading.Event()

    def serve(connection: socket.socket) -> None:
        answering(b"Content-Length: 5\r\n\r\n", b"hello")(connection)
        assert done.wait(10)

    with served(serve) as endpoint:
        assert asked(endpoint, 5.0) == b"hello"
        done.set()


@pytest.mark.parametrize(
    "pieces",
    [
        (b"Content-Length: 9\r\n\r\n", b"hello"),
        (b"Transfer-Encoding: chunked\r\n\r\n", b"5\r\nhello\r\n"),
        (b"Transfer-Encoding: chunked\r\n\r\n", b"9\r\nhello"),
    ],
)
def test_an_answer_that_is_cut_is_never_taken_for_a_whole_one(
    served: Callable[..., object], pieces: tuple[bytes, ...]
) -> None:
    with served(answering(*pieces)) as endpoint, pytest.raises(Broken):
        asked(endpoint)


def test_what_is_not_http_and_what_says_nothing(served: Callable[..., object]) -> None:
    def hang_up(connection: socket.socket) -> None:
        head_of(connection)

    def babble(connection: socket.socket) -> None:
        head_of(connection)
        connection.sendall(b"SSH-2.0-OpenSSH\r\n")

    for serve in (hang_up, babble):
        with served(serve) as endpoint, pytest.raises(Broken):
            asked(endpoint)

    def be_silent(connection: socket.socket) -> None:
        head_of(connection)
        assert connection.recv(1) == b""  # until the client has gone

    with served(be_silent) as endpoint, pytest.raises(TimedOut):
        asked(endpoint, 0.05)


def test_nobody_there(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    dead = tmp_path / "dead"
    with socket.socket(socket.AF_UNIX) as gone:
        gone.bind(str(dead))
    for endpoint in (TcpEndpoint(f"http://127.0.0.1:{port}"), UnixEndpoint(dead), UnixEndpoint(tmp_path / "none")):
        with pytest.raises(CannotConnect):
            asked(endpoint)
    with pytest.raises(ServiceUnreachable) as caught:
        Client(UnixEndpoint(tmp_path / "none")).version()
    assert caught.value.evidence == ""


def test_pieces_arrive_as_they_come_and_leaving_closes(served: Callable[..., object]) -> None:
    said, closed = threading.Event(), threading.Event()

    def serve(connection: socket.socket) -> None:
        head_of(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7\r\none\r\ntw\r\n")
        assert said.wait(10)
        connection.sendall(b"2\r\no\n\r\n")
        assert connection.recv(1) == b""
        closed.set()

    with served(serve) as endpoint:
        lines = Client(endpoint).logs(follow=True)
        assert next(lines) == "one"
        said.set()
        assert next(lines) == "two"
        lines.close()
        assert closed.wait(5)


def test_a_streamed_body_goes_out_in_chunks_and_its_failure_is_the_callers(served: Callable[..., object]) -> None:
    got: list[bytes] = []

    def serve(connection: socket.socket) -> None:
        got.append(head_of(connection))
        data = b""
        while not data.endswith(b"0\r\n\r\n"):
            piece = connection.recv(100)
            if not piece:
                return
            data += piece
        got.append(data)
        line = b'{"type":"success","message":"done"}\n'
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(line), line))

    def broken() -> Iterator[bytes]:
        yield b"one"
        raise PermissionError(13, "no more")

    with served(serve) as endpoint:
        assert Client(endpoint).load(iter([b"one", b"three"])).message == "done"
        assert b"Transfer-Encoding: chunked" in got[0]
        assert got[1] == b"3\r\none\r\n5\r\nthree\r\n0\r\n\r\n"
        with pytest.raises(PermissionError):
            Client(endpoint).load(broken())


def test_a_refusal_before_the_end_of_the_body_is_read(served: Callable[..., object]) -> None:
    def serve(connection: socket.socket) -> None:
        head_of(connection)
        connection.sendall(b"HTTP/1.1 413 Too Big\r\nContent-Length: 7\r\nConnection: close\r\n\r\ntoo big")
        connection.shutdown(socket.SHUT_RDWR)

    def endless() -> Iterator[bytes]:
        for _ in range(1000):
            yield bytes(100_000)

    with served(serve) as endpoint, pytest.raises((PayloadTooLarge, ServiceUnreachable)) as caught:
        Client(endpoint).load(endless())
    if isinstance(endpoint, UnixEndpoint):
        assert isinstance(caught.value, PayloadTooLarge)  # TCP may lose it: the rest of the body resets the connection


def test_the_request_as_it_is_sent(served: Callable[..., object]) -> None:
    heads: list[bytes] = []

    def serve(connection: socket.socket) -> None:
        heads.append(head_of(connection))
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]")

    with served(serve) as endpoint:
        Client(endpoint).configurations("ai/ä b")
        prefix = b"" if isinstance(endpoint, UnixEndpoint) else b"/prefix"
        assert heads[0].startswith(b"GET " + prefix + b"/engines/_configure?model=ai%2F%C3%A4%20b HTTP/1.1\r\n")
        host = b"localhost" if isinstance(endpoint, UnixEndpoint) else endpoint.url.split("/")[2].encode()
        assert b"\r\nHost: " + host + b"\r\n" in heads[0]
        if isinstance(endpoint, TcpEndpoint):
            key = "a key of many letters"
            Client(TcpEndpoint(endpoint.url, api_key=key)).ps()
            assert b"Authorization: Bearer a key of many letters" in heads[1]
            named = endpoint.url.replace("http://", "http://me:p%20w@")
            Client(TcpEndpoint(named)).ps()
            assert b"Authorization: Basic bWU6cCB3" in heads[2]


def test_an_authority_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("no certificate")
    with pytest.raises(InvalidRequest, match="cannot be used"):
        Client(TcpEndpoint("https://127.0.0.1:1", ca_cert=str(tmp_path / "ca.pem")))
