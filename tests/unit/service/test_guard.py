"""Who may ask, before any route is looked at."""

from collections.abc import Iterable

import pytest
from starlette.types import Message, Receive, Scope, Send

from dmr_desktop.service.guard import MAX_BODY_BYTES, Guard, OriginRule, is_loopback

Pairs = Iterable[tuple[str, str]]


class Application:
    """Records what gets through; reads the body and answers 200."""

    def __init__(self) -> None:
        self.paths: list[str] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.paths.append(scope["path"])
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"through"})


async def ask(
    headers: Pairs,
    *,
    method: str = "GET",
    path: str = "/models",
    door: str = "tcp",
    hosts: tuple[str, ...] = (),
    origins: tuple[str, ...] = (),
) -> tuple[int, dict[str, str], bool]:
    """Status, headers, and whether the application was reached."""
    app = Application()
    sent: list[Message] = []
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers],
        "state": {"door": door},
    }

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    await Guard(app, hosts=hosts, origins=origins)(scope, receive, send)
    found = {name.decode().lower(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], found, bool(app.paths)


LOCAL = ("Host", "localhost:12434")


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:1", "127.0.0.1:12434", "127.9.8.7", "[::1]:12434", "[::1]", "localhost."]
)
async def test_loopback_hosts_pass(host: str) -> None:
    assert (await ask([("Host", host)]))[0] == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ([], 400),
        ([LOCAL, LOCAL], 400),
        ([("Host", "")], 400),
        ([("Host", "localhost@evil.example")], 400),
        ([("Host", "evil.example#localhost")], 400),
        ([("Host", "evil.example\\localhost")], 400),
        ([("Host", "localhost:99:1")], 400),
        ([("Host", "evil.example")], 403),
        ([("Host", "localhost.evil.example")], 403),
        ([("Host", "0.0.0.0:12434")], 403),
        ([("Host", "127.1")], 403),
        ([("Host", "2130706433")], 403),
        ([("Host", "192.168.1.2")], 403),
        ([("Host", "[::2]")], 403),
        ([("Host", "model-runner.docker.internal")], 403),
    ],
)
async def test_other_hosts_do_not(headers: Pairs, status: int) -> None:
    for path in ("/models", "/v1/models", "/no/such/path"):
        assert (await ask(headers, path=path))[::2] == (status, False)


async def test_a_configured_host_passes_and_the_refusal_says_how() -> None:
    assert (await ask([("Host", "Box.lan:1")], hosts=("box.lan",)))[0] == 200


async def test_the_unix_socket_allows_any_host_but_not_two() -> None:
    assert (await ask([("Host", "evil.example")], door="unix"))[0] == 200
    assert (await ask([], door="unix"))[0] == 200
    assert (await ask([LOCAL, LOCAL], door="unix"))[0] == 400


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "OPTIONS", "PUT", "HEAD"])
@pytest.mark.parametrize("origin", ["null", "http://evil.example", "http://localhost.evil.example", "file://", ""])
@pytest.mark.parametrize("door", ["tcp", "unix"])
async def test_foreign_origins_are_refused_everywhere(method: str, origin: str, door: str) -> None:
    status, headers, reached = await ask([LOCAL, ("Origin", origin)], method=method, path="/nowhere", door=door)
    assert (status, reached) == (403, False)
    assert not any(name.startswith("access-control") for name in headers)


async def test_two_origins_are_refused() -> None:
    both = [("Origin", "http://localhost"), ("Origin", "http://localhost")]
    assert (await ask([LOCAL, *both]))[0] == 403


@pytest.mark.parametrize("site", ["cross-site", "same-site", "CROSS-SITE", "strange"])
async def test_what_a_page_loads_without_an_origin_is_refused(site: str) -> None:
    assert (await ask([LOCAL, ("Sec-Fetch-Site", site)]))[::2] == (403, False)


@pytest.mark.parametrize("site", ["none", "same-origin"])
async def test_what_a_user_types_passes(site: str) -> None:
    assert (await ask([LOCAL, ("Sec-Fetch-Site", site)]))[0] == 200


async def test_an_allowed_origin_may_read_the_answer() -> None:
    status, headers, _ = await ask([LOCAL, ("Origin", "http://localhost:3000"), ("Sec-Fetch-Site", "same-site")])
    assert status == 200
    assert headers["access-control-allow-origin"] == "http://localhost:3000"
    assert headers["vary"] == "Origin"


async def test_a_preflight_of_an_allowed_origin() -> None:
    status, headers, reached = await ask([LOCAL, ("Origin", "http://127.0.0.1:5173")], method="OPTIONS")
    assert (status, reached) == (204, False)
    assert headers["access-control-allow-origin"] == "http://127.0.0.1:5173"
    assert headers["access-control-allow-methods"] == "GET, POST, DELETE"
    assert headers["access-control-allow-headers"].startswith("*")
    assert "access-control-allow-private-network" not in headers


@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "PURGE", "get"])
async def test_methods_that_nobody_needs(method: str) -> None:
    assert (await ask([LOCAL], method=method))[::2] == (405, False)


@pytest.mark.parametrize(
    ("header", "status"),
    [
        (("Content-Encoding", "gzip"), 415),
        (("Content-Length", str(MAX_BODY_BYTES + 1)), 413),
        (("Content-Length", "9" * 30), 413),
        (("Content-Length", "+5"), 400),
        (("Content-Length", str(MAX_BODY_BYTES)), 200),
        (("Content-Encoding", "identity"), 200),
    ],
)
async def test_bodies_are_judged_by_their_headers(header: tuple[str, str], status: int) -> None:
    assert (await ask([LOCAL, header], method="POST"))[0] == status


@pytest.mark.parametrize(
    ("origins", "origin", "allowed"),
    [
        ((), "http://localhost:3000", True),
        ((), "https://[::1]:8", True),
        ((), "http://0.0.0.0:80", True),
        ((), "ftp://localhost", False),
        ((), "http://localhost:3000/x", False),
        ((), "http://localhost@evil.example", False),
        (("https://app.example",), "https://app.example", True),
        (("https://app.example/",), "https://APP.example", True),
        (("https://app.example",), "https://app.example:444", False),
        (("https://app.example:*",), "https://app.example:444", True),
        (("https://app.example:*",), "https://app.example", True),
        (("https://app.example:*",), "http://app.example:444", False),
        (("*",), "null", True),
    ],
)
def test_origin_rules(origins: tuple[str, ...], origin: str, allowed: bool) -> None:
    assert OriginRule(origins).allows(origin) is allowed


@pytest.mark.parametrize("name", ["", "127.0.0.1.evil.example", "0x7f000001", "local host", "[::ffff:1.2.3.4]"])
def test_what_is_not_loopback(name: str) -> None:
    assert not is_loopback(name)
