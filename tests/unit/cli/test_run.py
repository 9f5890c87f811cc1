import io
import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from dmr_desktop.cli.answer import print_answer
from dmr_desktop.cli.conversation import Conversation, converse
from dmr_desktop.cli.line_editing import line_editing
from dmr_desktop.cli.parser import parse
from dmr_desktop.cli.run import run
from dmr_desktop.client.answers import ChatChunk, TokenUsage, chat_chunk_from_json
from dmr_desktop.protocol.errors import InvalidReference, InvalidRequest, ModelNotFound, RunnerCrashed


def sse(*texts: str) -> httpx.Response:
    chunks = [json.dumps({"choices": [{"delta": {"content": text}}]}) for text in texts]
    return httpx.Response(200, content="".join(f"data: {chunk}\n\n" for chunk in [*chunks, "[DONE]"]))


class Service:
    """Knows one model once it was pulled; answers every question with ``reply``."""

    def __init__(self, reply: httpx.Response | None = None, *, has_model: bool = True) -> None:
        self.reply = reply
        self.has_model = has_model
        self.asked: list[Any] = []
        self.paths: list[str] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.paths.append(request.url.path)
        if request.url.path.endswith("/chat/completions"):
            self.asked.append(json.loads(request.content))
            return self.reply or sse("Hel", "lo")
        if request.url.path == "/models/create":
            self.has_model = True
            return httpx.Response(200, text='{"type": "success", "message": "Model pulled successfully"}\n')
        if request.url.path == "/models/ai/x" and not self.has_model:
            return httpx.Response(404, text="model not found\n")
        return httpx.Response(200, json={"id": "sha256:0"})


def typed(*lines: str) -> Callable[[str], str]:
    left = iter(lines)

    def read(prompt: str) -> str:
        try:
            return next(left)
        except StopIteration:
            raise EOFError from None

    return read


@pytest.fixture(autouse=True)
def no_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(""))


def test_a_question_is_answered_on_stdout(screen_for: Callable[..., Any]) -> None:
    service = Service()
    screen = screen_for(service)
    argv = ["run", "ai/x", "say", "hello", "--temperature", "0", "--max-tokens", "5", "--system", "be nice"]
    assert run(screen.session, parse(argv)) == 0
    assert screen.out == "Hello\n"
    assert screen.err == ""
    assert service.asked == [
        {
            "model": "ai/x",
            "messages": [{"role": "system", "content": "be nice"}, {"role": "user", "content": "say hello"}],
            "stream": True,
            "stream_options": {"include_usage": True},
            "temperature": 0.0,
            "max_tokens": 5,
        }
    ]


def test_piped_input_is_the_question_or_is_added_to_it(
    screen_for: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    for argv, question in (
        (["run", "ai/x"], "line 1\nline 2"),
        (["run", "ai/x", "Explain:"], "Explain:\n\nline 1\nline 2"),
    ):
        monkeypatch.setattr("sys.stdin", io.StringIO("line 1\nline 2\n"))
        service = Service()
        run(screen_for(service).session, parse(argv))
        assert service.asked[0]["messages"] == [{"role": "user", "content": question}]


def test_a_missing_model_is_pulled_first(screen_for: Callable[..., Any]) -> None:
    service = Service(has_model=False)
    screen = screen_for(service)
    assert run(screen.session, parse(["run", "ai/x", "hi"])) == 0
    assert service.paths == ["/models/ai/x", "/models", "/models/create", "/engines/v1/chat/completions"]
    assert "Unable to find model 'ai/x' locally. Pulling from the server." in screen.err
    assert screen.out.endswith("Hello\n")


def test_detach_only_loads(screen_for: Callable[..., Any]) -> None:
    service = Service(httpx.Response(200))
    assert run(screen_for(service).session, parse(["run", "-d", "ai/x"])) == 0
    assert service.asked == [{"model": "ai/x", "messages": []}]


def test_no_question_and_nobody_to_ask_for_one(screen_for: Callable[..., Any]) -> None:
    with pytest.raises(InvalidRequest, match="nothing was asked"):
        run(screen_for(Service()).session, parse(["run", "ai/x"]))


def test_reasoning_and_usage_are_for_eyes_only(screen_for: Callable[..., Any]) -> None:
    chunks = [ChatChunk(reasoning="hm"), ChatChunk(text="4\x1b[2J"), ChatChunk(usage=TokenUsage(3, 4))]
    screen = screen_for(interactive=True)
    assert print_answer(chunks, screen.session.terminal) == "4\x1b[2J"
    assert screen.out == "Thinking:\nhm\n\n--\n\n4\\x1b[2J\n"
    assert screen.err == "\nToken usage: 3 prompt + 4 completion = 7 total\n"
    piped = screen_for()
    print_answer(chunks, piped.session.terminal)
    assert (piped.out, piped.err) == ("4\\x1b[2J\n", "")


def test_speed_and_a_cut_off_answer_are_told(screen_for: Callable[..., Any]) -> None:
    last = {"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 4}}
    chunks = [
        chat_chunk_from_json({"choices": [{"delta": {"content": "Hel"}, "finish_reason": "length"}]}),
        chat_chunk_from_json({**last, "timings": {"predicted_per_second": 84.66}}),
    ]
    screen = screen_for(interactive=True)
    print_answer(chunks, screen.session.terminal)
    assert screen.err == (
        "(The answer was cut off: it reached the limit of its length.)\n"
        "\nToken usage: 3 prompt + 4 completion = 7 total, 84.7 tokens/s\n"
    )


def test_while_nothing_comes_the_terminal_says_what_is_waited_for(screen_for: Callable[..., Any]) -> None:
    screen = screen_for(Service(), live=True)
    assert run(screen.session, parse(["run", "ai/x", "hi"])) == 0
    assert screen.err == "Waiting for ai/x …\n\x1b[1A\x1b[2K"
    assert screen.out == "Hello\n"


def test_what_came_of_an_interrupted_answer_stays_in_the_chat(screen_for: Callable[..., Any]) -> None:
    asked: list[list[Any]] = []
    answers = iter([[], [ChatChunk(text="Once"), ChatChunk(text=" upon")], None])

    class Client:
        def chat(self, model: str, messages: list[Any], **options: Any) -> Iterator[ChatChunk]:
            asked.append([message["content"] for message in messages])
            chunks = next(answers)
            yield from chunks or [ChatChunk(text="ok")] * (chunks is None)
            if chunks is not None:
                raise KeyboardInterrupt

    screen = screen_for(interactive=True)
    chat = Conversation(screen.session, "ai/x", Client())  # type: ignore[arg-type]
    converse(chat, typed("not yet", "a story", "shorter"))
    assert asked == [["not yet"], ["a story"], ["a story", "Once upon", "shorter"]]


def test_a_broken_answer_ends_its_line_and_raises(screen_for: Callable[..., Any]) -> None:
    crash = '{"error": {"message": "died", "code": "runner_crashed"}}'
    body = f'data: {{"choices": [{{"delta": {{"content": "Hel"}}}}]}}\n\ndata: {crash}\n\n'
    screen = screen_for(Service(httpx.Response(200, content=body)))
    with pytest.raises(RunnerCrashed):
        run(screen.session, parse(["run", "ai/x", "hi"]))
    assert screen.out == "Hel\n"


def test_a_chat_remembers_and_obeys(screen_for: Callable[..., Any]) -> None:
    service = Service()
    screen = screen_for(service, interactive=True)
    chat = Conversation(screen.session, "ai/x", screen.session.client)
    lines = [
        "",
        "one",
        '"""',
        "two",
        "lines",
        '"""',
        "/clear",
        "three",
        "/set system be nice",
        "four",
        "/nonsense",
        "/?",
        "/bye",
        "five",
    ]
    converse(chat, typed(*lines))
    user = [[message["content"] for message in asked["messages"]] for asked in service.asked]
    assert user == [["one"], ["one", "Hello", "two\nlines"], ["three"], ["be nice", "four"]]
    assert "Unknown command /nonsense" in screen.err
    assert "The conversation is forgotten." in screen.err
    assert "The instructions are set" in screen.err
    assert "/bye" in screen.err


def test_a_failed_question_is_told_and_forgotten(screen_for: Callable[..., Any]) -> None:
    service = Service(httpx.Response(400, json={"error": {"message": "too long", "code": "context_length_exceeded"}}))
    screen = screen_for(service, interactive=True)
    chat = Conversation(screen.session, "ai/x", screen.session.client)
    converse(chat, typed("one", "two"))
    assert [len(asked["messages"]) for asked in service.asked] == [1, 1]
    assert screen.err.count("Prompt too long: too long") == 2
    assert (
        screen.err.count("`dmr configure --context-size N ai/x` (in a chat: /set parameter num_ctx N, or /clear)") == 2
    )


def test_a_part_of_a_name_is_enough(screen_for: Callable[..., Any]) -> None:
    asked: list[str] = []

    def handler(request: httpx.Request) -> httpx.Response:
        if request.url.path.startswith("/models/"):
            return httpx.Response(200, json={"id": "sha256:0", "tags": ["registry.example.com/me/x:latest"]})
        asked.append(json.loads(request.content)["model"])
        return sse("Hello")

    for name in ("x", "registry.example.com/me/x"):
        assert run(screen_for(handler).session, parse(["run", name, "hi"])) == 0
    assert asked == ["registry.example.com/me/x"] * 2


def test_a_name_that_is_nearly_right_gets_the_right_ones(screen_for: Callable[..., Any]) -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/models":
            return httpx.Response(200, json=[{"id": "sha256:0", "tags": ["dmr.local/demo:latest"]}])
        return httpx.Response(404, text="model not found\n")

    screen = screen_for(handler)
    with pytest.raises(ModelNotFound):
        run(screen.session, parse(["run", "demoo", "hi"]))
    assert "(These are here: dmr.local/demo.)" in screen.err


def test_bytes_that_are_no_text_are_asked_all_the_same(
    screen_for: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"caf\xe9\n"), encoding="utf-8"))
    service = Service()
    run(screen_for(service).session, parse(["run", "ai/x", "w\udcf6rld"]))
    assert service.asked[0]["messages"][0]["content"] == "w\ufffdrld\n\ncaf\ufffd"
    with pytest.raises(InvalidReference, match="is not a model name"):
        run(screen_for(service).session, parse(["run", "ai/\udcf6", "hi"]))
    with pytest.raises(InvalidRequest, match="not UTF-8"):
        run(screen_for(service).session, parse(["run", "ai/x", "hi", "--system", "\udcf6"]))


def test_parameters_go_into_every_request(screen_for: Callable[..., Any]) -> None:
    service = Service()
    screen = screen_for(service, interactive=True)
    lines = ["temperature 0.5", "num_predict 7", "top_k few", "mood good", "seed"]
    chat = Conversation(screen.session, "ai/x", screen.session.client)
    converse(chat, typed(*(f"/set parameter {line}" for line in lines), "/set", "hi"))
    assert {name: service.asked[0].get(name) for name in ("temperature", "max_tokens", "top_k")} == {
        "temperature": 0.5,
        "max_tokens": 7,
        "top_k": None,
    }
    assert "temperature is 0.5 from now on.\nnum_predict is 7 from now on.\n" in screen.err
    assert "top_k is a whole number, not 'few'" in screen.err
    assert "there is no parameter 'mood'" in screen.err
    assert screen.err.count("Usage: /set system TEXT") == 2


def test_quotes_may_stand_beside_the_text(screen_for: Callable[..., Any]) -> None:
    service = Service()
    session = screen_for(service, interactive=True).session
    lines = ['"""one', 'two"""', '"""three"""', '"""', "  four", "", '"""']
    converse(Conversation(session, "ai/x", session.client), typed(*lines))
    assert [asked["messages"][-1]["content"] for asked in service.asked] == ["one\ntwo", "three", "  four"]


def test_what_was_asked_can_be_gone_back_to(screen_for: Callable[..., Any]) -> None:
    readline = pytest.importorskip("readline")
    session = screen_for().session
    with line_editing(session):
        readline.add_history("a question")
    file = session.settings.state_dir / "chat-history"
    assert file.stat().st_mode & 0o777 == 0o600
    readline.clear_history()
    with line_editing(session):
        assert readline.get_history_item(readline.get_current_history_length()) == "a question"
    readline.clear_history()
    file.unlink()
    session.environ = {"DOCKER_MODEL_NOHISTORY": "1"}
    with line_editing(session):
        readline.add_history("a secret")
    assert not file.exists()
    readline.clear_history()


def test_num_ctx_is_configured(screen_for: Callable[..., Any]) -> None:
    bodies: list[Any] = []

    def handler(request: httpx.Request) -> httpx.Response:
        bodies.append(json.loads(request.content))
        return httpx.Response(202)

    session = screen_for(handler).session
    lines = ("/set parameter num_ctx 4096", "/set parameter num_ctx 100", "/set parameter num_ctx many")
    converse(Conversation(session, "ai/x", session.client), typed(*lines))
    assert bodies == [{"model": "ai/x", "context-size": 4096}]
