import contextlib
import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from dmr_desktop.cli.parser import parse
from dmr_desktop.cli.pull import pull, show
from dmr_desktop.protocol.errors import (
    DMRError,
    InvalidReference,
    InvalidRequest,
    ModelNotFound,
    RegistryError,
    ServiceUnreachable,
    Unauthorized,
)
from dmr_desktop.protocol.models import Progress

LAYER = "sha256:" + "ab" * 32


def progress(current: int) -> Progress:
    return Progress("progress", "", 10_000_000, LAYER, 10_000_000, current)


DONE = Progress("success", "Model pulled successfully")


def stream(*entries: Progress) -> httpx.Response:
    return httpx.Response(200, content="".join(json.dumps(entry.to_json()) + "\n" for entry in entries))


def clock() -> Callable[[], float]:
    moments = iter(range(1000))
    return lambda: float(next(moments))


def test_in_a_pipe_plain_lines_and_the_last_word_on_stdout(screen_for: Callable[..., Any]) -> None:
    screen = screen_for()
    show(iter([progress(1_000_000), progress(10_000_000), DONE]), screen.session.terminal, clock())
    assert screen.out.splitlines() == [
        "Downloaded 1.00MB of 10.00MB",
        "Downloaded 10.00MB of 10.00MB",
        "Downloaded 10.00MB of 10.00MB",
        "Model pulled successfully",
    ]
    assert screen.err == ""


def test_a_cached_model_prints_one_line(screen_for: Callable[..., Any]) -> None:
    screen = screen_for()
    cached = Progress("success", "Using cached model: 256.35 MiB")
    show(iter([cached]), screen.session.terminal, clock())
    assert screen.out == "Using cached model: 256.35 MiB\n"


def test_on_a_terminal_bars_are_redrawn_in_place(screen_for: Callable[..., Any]) -> None:
    screen = screen_for(live=True)
    warning = Progress("warning", "the registry is slow\x1b")
    show(iter([progress(0), warning, progress(5_000_000), DONE]), screen.session.terminal, clock())
    assert screen.out == "Model pulled successfully\n"
    assert "\x1b[1A\x1b[2K" in screen.err
    assert "the registry is slow\\x1b\n" in screen.err
    last = screen.err.rsplit("\x1b[2K", 1)[1]
    assert "5.00MB of 10.00MB" in last


def test_the_first_thing_on_a_terminal_is_what_is_asked_for(screen_for: Callable[..., Any]) -> None:
    asking = "Asking for ai/x …\n"
    for last in (Progress("success", "Using cached model: 1 MiB"), Progress("error", "Error: gone")):
        screen = screen_for(lambda request, last=last: stream(last), live=True)
        with contextlib.suppress(DMRError):
            pull(screen.session, parse(["pull", "ai/x"]))
        assert screen.err == asking + "\x1b[1A\x1b[2K"


def test_the_address_of_a_page_is_pulled_by_its_name(screen_for: Callable[..., Any]) -> None:
    bodies: list[Any] = []

    def handler(request: httpx.Request) -> httpx.Response:
        bodies.append(json.loads(request.content))
        return stream(DONE)

    pull(screen_for(handler).session, parse(["pull", "https://huggingface.co/o/m/tree/main"]))
    assert bodies == [{"from": "hf.co/o/m"}]


def test_ctrl_c_says_what_is_kept_and_how_to_go_on(screen_for: Callable[..., Any]) -> None:
    def interrupted(*_: object, **__: object) -> Iterator[Progress]:
        yield progress(3_000_000)
        raise KeyboardInterrupt

    screen = screen_for(lambda request: stream())
    screen.session._client.pull = interrupted
    assert pull(screen.session, parse(["pull", "ai/x"])) == 130
    assert "3.00MB of it are kept" in screen.err
    assert "→ `dmr pull ai/x` goes on from there" in screen.err


@pytest.mark.parametrize(
    ("response", "kind", "hint"),
    [
        (httpx.Response(404, text="Model not found\n"), ModelNotFound, "check the name"),
        (httpx.Response(401, text="Unauthorized\n"), Unauthorized, "docker login"),
        (httpx.Response(500, text="no route to host\n"), DMRError, "tries again"),
        (stream(progress(1), Progress("error", "Error: digest mismatch")), RegistryError, "goes on where it stopped"),
        (stream(progress(1)), ServiceUnreachable, "dmr serve"),
    ],
)
def test_failures_have_a_next_step(
    screen_for: Callable[..., Any], response: httpx.Response, kind: type[DMRError], hint: str
) -> None:
    screen = screen_for(lambda request: response)
    with pytest.raises(kind) as caught:
        pull(screen.session, parse(["pull", "ai/x"]))
    assert hint in caught.value.hint


@pytest.mark.parametrize(("model", "sent"), [("hf.co/o/m", "tok"), ("huggingface.co/o/m", "tok"), ("ai/x", None)])
def test_the_hugging_face_token_goes_with_hugging_face_models_only(
    screen_for: Callable[..., Any], model: str, sent: str | None
) -> None:
    bodies: list[dict[str, str]] = []

    def handler(request: httpx.Request) -> httpx.Response:
        bodies.append(json.loads(request.content))
        return stream(DONE)

    screen = screen_for(handler)
    screen.session.environ = {"HF_TOKEN": "tok"}
    assert pull(screen.session, parse(["pull", model])) == 0
    assert bodies[0].get("bearer-token") == sent


def test_what_would_fail_again_is_not_said_to_go_on(screen_for: Callable[..., Any]) -> None:
    screen = screen_for(lambda request: httpx.Response(400, text="there is no Q9_9 of it\n"))
    with pytest.raises(InvalidRequest) as caught:
        pull(screen.session, parse(["pull", "hf.co/x/y:Q9_9"]))
    assert "goes on" not in caught.value.hint


def test_what_is_no_name_is_told_with_names_that_are(screen_for: Callable[..., Any]) -> None:
    screen = screen_for(lambda request: httpx.Response(400, text="Invalid model reference\n"))
    with pytest.raises(InvalidReference) as caught:
        pull(screen.session, parse(["pull", "Bad Name"]))
    assert caught.value.message == "'Bad Name' is not a model name"
    assert "ai/smollm2" in caught.value.hint
