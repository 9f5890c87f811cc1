"""The doors of the running service, probed with raw bytes: what is let in, and what a bad client costs."""

import asyncio
import gc
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from dmr_desktop.protocol.errors import Conflict, DMRError, ErrorInfo
from dmr_desktop.protocol.generation import Failed
from dmr_desktop.service import guard, http_protocol
from dmr_desktop.service.store_owner import StoreInUse
from tests.fakes.scripted_backend import Script, words
from tests.fakes.until import until
from tests.fixtures_service import LiveInProcess, live_in_process

HOST = b"Host: localhost\r\n"
GET = b"GET /version HTTP/1.1\r\n" + HOST
POST = b"POST /v1/chat/completions HTTP/1.1\r\n" + HOST
MIB = 1024 * 1024


class Raw:
    """One TCP connection, byte by byte."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def answer(self) -> tuple[int, bytes]:
        """Status and body of one answer with a Content-Length."""
        head = await self.reader.readuntil(b"\r\n\r\n")
        lines = head.lower().split(b"\r\n")
        length = next(int(line.split(b":")[1]) for line in lines if line.startswith(b"content-length:"))
        return int(head.split(b" ", 2)[1]), await self.reader.readexactly(length)

    async def rest(self) -> bytes:
        """What comes until the other side closes."""
        return await self.reader.read()

    def close(self) -> None:
        self.writer.close()


async def connect(live: LiveInProcess) -> Raw:
    port = live.service.tcp.status.port if live.service.tcp.status.listening else await live.open_tcp()
    return Raw(*await asyncio.open_connection("127.0.0.1", port))


async def ask(live: LiveInProcess, data: bytes) -> tuple[int, bytes]:
    raw = await connect(live)
    try:
        await raw.send(data)
        return await raw.answer()
    finally:
        raw.close()


# ---- framing ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "request_bytes",
    [
        GET + HOST + b"\r\n",
        GET.replace(HOST, b"") + b"\r\n",
        GET + b"X: a\x00b\r\n\r\n",
        GET + b"X: a\rb\r\n\r\n",
        GET + b"X: a\r\n folded\r\n\r\n",
        b"GET /version HTTP/1.1\nHost: localhost\n\n",
        b"get /version HTTP/1.1\r\n" + HOST + b"\r\n",
        b"CONNECT localhost:80 HTTP/1.1\r\n" + HOST + b"\r\n",
        b"GET http://evil.example/version HTTP/1.1\r\n" + HOST + b"\r\n",
        b"GET /\xff\xfe HTTP/1.1\r\n" + HOST + b"\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        POST + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}x",
        POST + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}",
        POST + b"Content-Length: +5\r\n\r\n12345",
        POST + b"Content-Length: -1\r\n\r\n",
        POST + b"Content-Length: 1_0\r\n\r\n1234567890",
        POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
        POST + b"Transfer-Encoding : chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        POST + b"Transfer-Encoding: xchunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        GET.replace(b"1.1", b"1.0") + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    ],
)
async def test_what_can_be_read_two_ways_is_a_400(live: LiveInProcess, request_bytes: bytes) -> None:
    raw = await connect(live)
    await raw.send(request_bytes + b"GET /version HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    answers = await raw.rest()
    raw.close()
    assert answers.startswith(b"HTTP/1.1 400 ")
    # A refused Host leaves the connection in order; after broken framing nothing more may be answered.
    is_framing = b"Host" not in answers.split(b"\r\n\r\n")[1]
    assert answers.count(b"HTTP/1.1 ") == (1 if is_framing else 2)


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"GET /" + b"a" * http_protocol.MAX_URL_BYTES + b" HTTP/1.1\r\n" + HOST + b"\r\n", 414),
        (GET + b"".join(b"X%d: 1\r\n" % i for i in range(http_protocol.MAX_HEADERS)) + b"\r\n", 431),
        (GET + b"X: " + b"a" * http_protocol.MAX_HEADER_BYTES + b"\r\n\r\n", 431),
        (GET + b"X: " + b"a" * 2 * http_protocol.MAX_HEADER_BYTES, 431),
    ],
)
async def test_headers_have_limits(live: LiveInProcess, data: bytes, status: int) -> None:
    assert (await ask(live, data))[0] == status
    assert (await ask(live, GET + b"\r\n"))[0] == 200


async def test_pipelined_requests_are_answered_in_order(live: LiveInProcess) -> None:
    raw = await connect(live)
    await raw.send(GET + b"\r\n" + b"GET / HTTP/1.1\r\n" + HOST + b"\r\n")
    assert b"version" in (await raw.answer())[1]
    assert (await raw.answer())[1] == b"Docker Model Runner is running"
    raw.close()


async def test_a_pipelined_request_may_still_be_coming_when_the_first_is_answered(live: LiveInProcess) -> None:
    body = b'{"model":"dmr.local/demo","messages":[{"role":"user","content":"x"}]}'
    raw = await connect(live)
    await raw.send(GET + b"\r\n" + POST + b"Content-Length: %d\r\n\r\n" % len(body))
    assert (await raw.answer())[0] == 200
    await raw.send(body)
    assert (await raw.answer())[0] == 200
    raw.close()


async def test_a_client_that_leaves_ends_what_it_waits_for_also_with_another_request_behind(
    live: LiveInProcess,
) -> None:
    live.script.gate = asyncio.Semaphore(0)
    body = b'{"model":"dmr.local/demo","messages":[{"role":"user","content":"x"}]}'
    raw = await connect(live)
    await raw.send(POST + b"Content-Length: %d\r\n\r\n" % len(body) + body + GET + b"\r\n")
    await live.script.begun.get()
    raw.close()
    await until(lambda: live.service.recorder.num_active == 0)


OFFER = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAAAAIAAAAA\r\n"
"""With which Java's own client (and so Spring AI and LangChain4j) begins a connection."""


@pytest.mark.parametrize("pause", [False, True])
async def test_an_offer_to_speak_http2_does_not_cost_the_body(live: LiveInProcess, pause: bool) -> None:
    body = b'{"model":"dmr.local/demo","messages":[{"role":"user","content":"x"}]}'
    header = POST + OFFER + b"Content-Length: %d\r\n\r\n" % len(body)
    raw = await connect(live)
    for _ in range(2):
        await raw.send(header)
        if pause:
            await asyncio.sleep(0.05)
        await raw.send(body)
        status, answer = await raw.answer()
        assert (status, b"chat.completion" in answer) == (200, True)
    await raw.send(GET + OFFER + b"\r\n" + GET + b"\r\n")
    assert [(await raw.answer())[0] for _ in range(2)] == [200, 200]
    raw.close()


async def test_nor_does_an_offer_lift_the_limits(live: LiveInProcess) -> None:
    for data, status in [
        (POST + OFFER + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (b"CONNECT localhost:80 HTTP/1.1\r\n" + HOST + OFFER + b"\r\n", 400),
        (GET + OFFER + b"X: " + b"a" * http_protocol.MAX_HEADER_BYTES + b"\r\n\r\n", 431),
        (POST + OFFER + b"Content-Length: %d\r\n\r\n" % (11 * MIB), 413),
    ]:
        assert (await ask(live, data))[0] == status


async def test_what_makes_no_sense_does_not_spoil_the_answer_before_it(live: LiveInProcess) -> None:
    live.script.gate = asyncio.Semaphore(0)
    body = b'{"model":"dmr.local/demo","messages":[{"role":"user","content":"x"}],"stream":true}'
    raw = await connect(live)
    await raw.send(POST + b"Content-Length: %d\r\n\r\n" % len(body) + body)
    await live.script.begun.get()
    await raw.send(b"\x00nonsense\r\n\r\n")
    assert b"400 Bad Request" not in await raw.rest()
    raw.close()


async def test_answered_requests_leave_no_work_for_the_garbage_collector(live: LiveInProcess) -> None:
    def alive() -> int:
        return sum(isinstance(each, RequestResponseCycle) for each in gc.get_objects())

    gc.collect()
    gc.disable()
    try:
        before = alive()
        for _ in range(20):
            await live.http.get("/models")
        assert alive() - before < 5
    finally:
        gc.enable()


@pytest.mark.parametrize("num_chars", [10, 100_000])
@pytest.mark.parametrize("change", [{"temperature": "x"}, {"model": "none"}, {"stream": True}, {}])
async def test_nor_do_refused_ones(live: LiveInProcess, num_chars: int, change: dict[str, object]) -> None:
    """The body of a refused request, which may be large, goes with its answer."""

    def alive() -> int:
        return sum(isinstance(each, DMRError) for each in gc.get_objects())

    live.script.answer = lambda request: [(Failed(ErrorInfo("store_error", "no")),)]
    chat = {"model": "dmr.local/demo", "messages": [{"role": "user", "content": "x" * num_chars}], **change}
    gc.collect()
    gc.disable()
    try:
        before = alive()
        for _ in range(10):
            assert (await live.http.post("/v1/chat/completions", json=chat)).status_code >= 400
        assert alive() - before < 5
    finally:
        gc.enable()


# ---- bodies ----------------------------------------------------------------------------------


async def test_a_declared_body_of_11_mib_is_refused_unread(live: LiveInProcess) -> None:
    status, body = await ask(live, POST + b"Content-Length: %d\r\n\r\n" % (11 * MIB))
    assert status == 413
    assert b'"code":"request_too_large"' in body


async def test_a_client_that_sends_11_mib_first_still_reads_the_refusal(live: LiveInProcess) -> None:
    response = await live.http.post("/v1/chat/completions", content=b"x" * 11 * MIB)
    assert response.status_code == 413


async def test_and_so_does_one_that_wants_the_connection_closed(live: LiveInProcess) -> None:
    raw = await connect(live)
    await raw.send(POST + b"Connection: close\r\nContent-Length: %d\r\n\r\n" % (11 * MIB))
    for _ in range(11):
        await raw.send(b"x" * MIB)
    assert (await raw.rest()).startswith(b"HTTP/1.1 413 ")
    raw.close()


async def test_a_chunked_body_is_counted(live: LiveInProcess) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(11):
            yield b"x" * MIB

    response = await live.http.post("/models/create", content=pieces())
    assert (response.status_code, response.text) == (413, "request too large: at most 10485760 bytes\n")


@pytest.mark.parametrize("line", [b"X: " + b"a" * 1000 + b"\r\n", b"a" * 1000])
async def test_what_follows_a_chunked_body_has_limits_too(live: LiveInProcess, line: bytes) -> None:
    raw = await connect(live)
    await raw.send(POST + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nX: ")
    for _ in range(100):
        await raw.send(line)
        await asyncio.sleep(0)
    assert (await raw.answer())[0] == 431
    raw.close()


async def test_a_little_of_it_is_passed_over(live: LiveInProcess) -> None:
    body = b'{"model":"dmr.local/demo","messages":[{"role":"user","content":"x"}]}'
    pieces = b"".join(b"1\r\n%c\r\n" % byte for byte in body)
    raw = await connect(live)
    await raw.send(POST + b"Transfer-Encoding: chunked\r\n\r\n" + pieces + b"0\r\nHost: evil.example\r\n\r\n")
    assert (await raw.answer())[0] == 200
    raw.close()


async def test_a_body_just_within_the_limit_is_read(live: LiveInProcess) -> None:
    response = await live.http.post("/v1/chat/completions", content=b" " * guard.MAX_BODY_BYTES)
    assert response.status_code == 400


@pytest.mark.parametrize("body", [b"", b"{nope", b"null", b"[]", b'"x"', b"1", b'{"a":1,"a":2}', b"\xff", b"[NaN]"])
async def test_bad_json_is_a_400_in_the_form_of_its_route(live: LiveInProcess, body: bytes) -> None:
    chat = await live.http.post("/v1/chat/completions", content=body)
    assert chat.status_code == 400
    assert chat.json()["error"]["type"] == "invalid_request_error"
    create = await live.http.post("/models/create", content=body)
    assert (create.status_code, create.text) == (400, "invalid request body\n")
    configure = await live.http.post("/engines/_configure", content=body)
    assert (configure.status_code, configure.text) == (400, "invalid request\n")


async def test_an_encoded_body_is_refused(live: LiveInProcess) -> None:
    response = await live.http.post("/v1/chat/completions", content=b"{}", headers={"Content-Encoding": "gzip"})
    assert response.status_code == 415


# ---- time ------------------------------------------------------------------------------------


async def test_half_a_request_line_is_not_kept_open(live: LiveInProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_protocol, "HEADER_SECONDS", 0.05)
    for beginning in (b"", b"GE", GET, b"\r\n"):
        raw = await connect(live)
        await raw.send(beginning)
        assert (await raw.rest()).startswith(b"HTTP/1.1 408 ")
        raw.close()


async def test_nor_is_the_half_of_a_second_request(live: LiveInProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_protocol, "HEADER_SECONDS", 0.05)
    raw = await connect(live)
    await raw.send(GET + b"\r\n")
    assert (await raw.answer())[0] == 200
    await raw.send(b"\r\nGET /ver")
    assert (await raw.rest()).startswith(b"HTTP/1.1 408 ")
    raw.close()


async def test_a_body_that_does_not_come_is_a_408(live: LiveInProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "BODY_IDLE_SECONDS", 0.05)
    status, body = await ask(live, POST + b"Content-Length: 100\r\n\r\n{")
    assert (status, b"did not arrive in time" in body) == (408, True)


async def test_connections_are_limited(live: LiveInProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_protocol, "MAX_CONNECTIONS", 2)
    first, second, third = [await connect(live) for _ in range(3)]
    assert (await third.answer())[0] == 429
    await first.send(GET + b"\r\n")
    assert (await first.answer())[0] == 200
    for raw in (first, second, third):
        raw.close()


async def test_a_crowd_at_one_door_keeps_nobody_out_of_another(
    live: LiveInProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_protocol, "MAX_CONNECTIONS", 2)
    crowd = [await connect(live) for _ in range(4)]
    assert (await crowd[3].answer())[0] == 429
    assert (await live.http.get("/version")).status_code == 200
    for raw in crowd:
        raw.close()


# ---- doors -----------------------------------------------------------------------------------


async def test_the_socket_is_private(live: LiveInProcess) -> None:
    path = live.settings.socket_path
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


async def test_tcp_answers_on_both_families_and_goes_off_again(live: LiveInProcess) -> None:
    port = await live.open_tcp()
    async with httpx.AsyncClient() as http:
        for host in ("127.0.0.1", "localhost", "[::1]"):
            assert (await http.get(f"http://{host}:{port}/version")).status_code == 200
        response = await live.http.put("/settings/tcp", json={"enabled": False})
        assert response.json()["listening"] is False
        with pytest.raises(httpx.ConnectError):
            await http.get(f"http://127.0.0.1:{port}/version")
    assert (await live.http.get("/settings")).json()["tcp"]["enabled"] is False


async def test_the_doors_switch_while_a_stream_runs(live: LiveInProcess) -> None:
    live.script.gate = asyncio.Semaphore(0)
    live.script.answer = lambda request: words(*"abcdef")
    body = {"model": "dmr.local/demo", "messages": [{"role": "user", "content": "x"}], "stream": True}
    port = await live.open_tcp()

    async def chat(http: httpx.AsyncClient, base: str) -> str:
        async with http.stream("POST", f"{base}/v1/chat/completions", json=body) as response:
            return "".join([text async for text in response.aiter_text()])

    async with httpx.AsyncClient(timeout=20) as tcp:
        streams = [
            asyncio.create_task(chat(live.http, "http://localhost")),
            asyncio.create_task(chat(tcp, f"http://127.0.0.1:{port}")),
        ]
        await live.script.begun.get()
        await live.script.begun.get()
        for enabled in (False, True, False):
            response = await live.http.put("/settings/tcp", json={"enabled": enabled, "port": port})
            assert response.json()["listening"] is enabled
        for _ in range(16):
            live.script.gate.release()
        texts = await asyncio.gather(*streams)
    assert all(text.count('"content":"') == 7 and text.endswith("data: [DONE]\n\n") for text in texts)


async def test_a_port_in_use_is_named(live: LiveInProcess) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        response = await live.http.put("/settings/tcp", json={"enabled": True, "port": port})
    assert response.status_code == 409
    assert f"port {port} is in use" in response.text
    status = (await live.http.get("/settings")).json()["tcp"]
    assert (status["enabled"], status["listening"], str(port) in status["error"]) == (False, False, True)


async def test_a_failed_switch_keeps_the_open_door(live: LiveInProcess) -> None:
    port = await live.open_tcp()
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        assert (await live.http.put("/settings/tcp", json={"enabled": True, "port": taken})).status_code == 409
    assert (await ask(live, GET + b"\r\n"))[0] == 200
    assert live.service.tcp.status.port == port


@pytest.mark.parametrize("body", [{}, {"enabled": "yes"}, {"enabled": True, "port": 0}, {"enabled": True, "port": "1"}])
async def test_a_bad_switch_request_is_a_400(live: LiveInProcess, body: dict[str, object]) -> None:
    assert (await live.http.put("/settings/tcp", json=body)).status_code == 400


async def test_the_switch_is_remembered(home: Path) -> None:
    async with live_in_process(home, Script()) as live:
        port = await live.open_tcp()
    async with live_in_process(home, Script()) as live:
        status = live.service.tcp.status
        assert (status.enabled, status.listening, status.port) == (True, True, port)
    with socket.create_server(("127.0.0.1", port)):
        async with live_in_process(home, Script()) as live:
            status = live.service.tcp.status
            assert (status.enabled, status.listening) == (True, False)
            assert f"port {port}" in status.error
            assert (await live.http.get("/version")).status_code == 200


async def test_a_garbled_memory_of_the_switch_means_off(home: Path) -> None:
    (home / "state" / "tcp.json").write_text('{"enabled": "perhaps"')
    async with live_in_process(home, Script()) as live:
        assert not live.service.tcp.status.enabled


async def test_a_dead_socket_is_replaced_and_a_living_one_is_not(home: Path) -> None:
    path = home / "run" / "dmr.sock"
    path.parent.mkdir()
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    async with live_in_process(home, Script()):
        with pytest.raises(StoreInUse, match="another service"):
            async with live_in_process(home, Script()):
                pass
        assert path.exists()
    assert not path.exists()
    with socket.socket(socket.AF_UNIX) as living:
        living.bind(str(path))
        living.listen()
        with pytest.raises(Conflict, match="another program listens"):
            async with live_in_process(home, Script()):
                pass
        assert path.exists()


async def test_what_is_no_socket_is_left_alone(home: Path) -> None:
    path = home / "run" / "dmr.sock"
    path.parent.mkdir()
    path.write_text("precious")
    with pytest.raises(Conflict, match="in the way"):
        async with live_in_process(home, Script()):
            pass
    assert path.read_text() == "precious"


async def test_tcp_cannot_package_files(live: LiveInProcess) -> None:
    port = await live.open_tcp()
    async with httpx.AsyncClient() as http:
        body = {"gguf": "/etc/passwd", "target": "x"}
        assert (await http.post(f"http://localhost:{port}/models/package", json=body)).status_code == 403
