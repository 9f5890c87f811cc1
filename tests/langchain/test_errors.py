"""What goes wrong says what to do next, and is caught by the SDK's and by LangChain's own types."""

import asyncio
from pathlib import Path
from typing import Any

import openai
import pytest
from langchain_core import exceptions as langchain
from pydantic import BaseModel

from dmr_langchain import (
    ChatDMR,
    DMRAuthenticationError,
    DMRBadRequestError,
    DMRBusyError,
    DMRConnectionError,
    DMRContextOverflowError,
    DMREmbeddings,
    DMRLengthError,
    DMRModelLoadingError,
    DMRModelNotFoundError,
    DMRPermissionDeniedError,
    DMRServerError,
    DMRTimeoutError,
)
from tests.fakes.openai_server import Reply, chat_answer, chat_chunk, fake_openai


class Joke(BaseModel):
    setup: str
    punchline: str


def refusal(status: int, message: str, code: str | None = None) -> Reply:
    return Reply(status, {"error": {"message": message, "type": "x", "param": None, "code": code}})


CASES: list[tuple[Reply, type[Exception], type[Exception], type[Exception], str]] = [
    (
        refusal(401, "an API key is needed", "unauthorized"),
        DMRAuthenticationError,
        openai.AuthenticationError,
        langchain.ModelAuthenticationError,
        "an API key is needed. Give the service's API key with api_key=",
    ),
    (
        refusal(403, "POST /x is not open to containers", "access_denied"),
        DMRPermissionDeniedError,
        openai.PermissionDeniedError,
        langchain.ModelPermissionDeniedError,
        "containers. `dmr status`",
    ),
    (
        refusal(404, "error while getting model: model not found", "model_not_found"),
        DMRModelNotFoundError,
        openai.NotFoundError,
        langchain.ModelNotFoundError,
        "`dmr pull some/model`",
    ),
    (
        refusal(400, "this model's maximum context length is 2048 tokens, 4000 were asked for"),
        DMRContextOverflowError,
        openai.BadRequestError,
        langchain.ContextOverflowError,
        "4000",
    ),
    (
        refusal(400, "the request (4000 tokens) exceeds the available context size (2048 tokens)"),
        DMRContextOverflowError,
        openai.BadRequestError,
        langchain.ContextOverflowError,
        "2048",
    ),
    (
        refusal(400, "the prompt is too long", "context_length_exceeded"),
        DMRContextOverflowError,
        openai.BadRequestError,
        langchain.ContextOverflowError,
        "context_size=",
    ),
    (
        refusal(400, "temperature must be between 0 and 2"),
        DMRBadRequestError,
        openai.BadRequestError,
        langchain.ModelInvalidRequestError,
        "temperature must be",
    ),
    (
        refusal(429, "64 requests are waiting"),
        DMRBusyError,
        openai.RateLimitError,
        langchain.ModelRateLimitError,
        "max_concurrency",
    ),
    (
        refusal(500, "unable to load runner: not a GGUF"),
        DMRModelLoadingError,
        openai.InternalServerError,
        langchain.ModelAPIError,
        "dmr logs",
    ),
    (
        refusal(507, "needs 9000 MiB, 4000 MiB are free"),
        DMRModelLoadingError,
        openai.InternalServerError,
        langchain.ModelAPIError,
        "9000 MiB",
    ),
]


@pytest.mark.parametrize(("reply", "ours", "sdk", "core", "words"), CASES)
def test_refusals_get_a_type_and_a_next_step(
    reply: Reply, ours: type[Exception], sdk: type[Exception], core: type[Exception], words: str
) -> None:
    with fake_openai(reply) as fake:
        model = ChatDMR(model="some/model", base_url=fake.url, max_retries=0)
        with pytest.raises(ours) as caught:
            model.invoke("hi")
        assert isinstance(caught.value, sdk)
        assert isinstance(caught.value, core)
        assert words in str(caught.value)
        with pytest.raises(ours):
            list(model.stream("hi"))
        with pytest.raises(ours):
            DMREmbeddings(model="some/model", base_url=fake.url, max_retries=0).embed_query("hi")


async def test_async_calls_raise_the_same() -> None:
    with fake_openai(refusal(404, "model not found")) as fake:
        model = ChatDMR(model="some/model", base_url=fake.url)
        with pytest.raises(DMRModelNotFoundError):
            await model.ainvoke("hi")
        with pytest.raises(DMRModelNotFoundError):
            _ = [chunk async for chunk in model.astream("hi")]
        with pytest.raises(DMRModelNotFoundError):
            await DMREmbeddings(model="some/model", base_url=fake.url).aembed_query("hi")


def test_the_model_named_in_a_call_is_the_one_in_the_advice() -> None:
    with (
        fake_openai(refusal(404, "model not found")) as fake,
        pytest.raises(DMRModelNotFoundError, match="dmr pull other"),
    ):
        ChatDMR(model="some/model", base_url=fake.url).invoke("hi", model="other")


def test_a_wrong_path_in_the_address_is_not_taken_for_a_missing_model() -> None:
    nowhere = Reply(404, "404 page not found\n", content_type="text/plain")
    with fake_openai(nowhere) as fake, pytest.raises(DMRConnectionError, match=r"/nope/v1 is not.*without a path"):
        ChatDMR(model="m", base_url=fake.url.replace("/engines/v1", "/nope/v1")).invoke("hi")


def test_nobody_there_says_where_it_looked_and_how_to_start(tmp_path: Path) -> None:
    for address in ({"socket_path": str(tmp_path / "none.sock")}, {"base_url": "http://127.0.0.1:9"}):
        model = ChatDMR(model="m", max_retries=0, **address)  # type: ignore[arg-type]
        with pytest.raises(DMRConnectionError) as caught:
            model.invoke("hi")
        assert isinstance(caught.value, openai.APIConnectionError)
        assert isinstance(caught.value, langchain.ModelConnectionError)
        assert "dmr quickstart" in str(caught.value)
        assert next(iter(address.values())) in str(caught.value)


def test_an_error_in_mid_stream_is_raised_after_what_came_before() -> None:
    failure: Any = {"error": {"message": "the model's process died: killed by SIGSEGV", "code": "runner_crashed"}}
    with fake_openai(Reply(events=[chat_chunk({"content": "Hel"}), failure])) as fake:
        stream = ChatDMR(model="m", base_url=fake.url).stream("hi")
        assert next(stream).content == "Hel"
        with pytest.raises(DMRServerError, match="SIGSEGV"):
            next(stream)


BROKEN = Reply(events=[chat_chunk({"content": "Hel"})], breaks_off=True)


async def test_a_service_that_dies_in_mid_stream_is_told_and_so_is_what_to_do() -> None:
    with fake_openai(BROKEN) as fake:
        model = ChatDMR(model="m", base_url=fake.url)
        stream = model.stream("hi")
        assert next(stream).content == "Hel"
        with pytest.raises(DMRConnectionError, match=r"broke off in the middle.*`dmr status`.*ask again"):
            next(stream)
        with pytest.raises(DMRConnectionError, match="broke off"):
            _ = [chunk async for chunk in model.astream("hi")]


def test_so_it_is_with_a_client_of_ones_own() -> None:
    with (
        fake_openai(BROKEN) as fake,
        openai.DefaultHttpxClient() as client,
        pytest.raises(DMRConnectionError, match="broke off"),
    ):
        list(ChatDMR(model="m", base_url=fake.url, http_client=client).stream("hi"))


def test_a_timeout_says_how_to_get_more_time(tmp_path: Path) -> None:
    # A listener whose queue nobody serves: connecting works, an answer never comes.
    import socket

    path = tmp_path / "mute.sock"
    with socket.socket(socket.AF_UNIX) as mute:
        mute.bind(str(path))
        mute.listen()
        model = ChatDMR(model="m", socket_path=str(path), timeout=0.05, max_retries=0)
        with pytest.raises(DMRTimeoutError, match="timeout=") as caught:
            model.invoke("hi")
    assert isinstance(caught.value, openai.APITimeoutError)
    assert isinstance(caught.value, langchain.ModelTimeoutError)


def test_a_structured_answer_that_was_cut_says_so() -> None:
    cut = chat_answer('{"setup": "Wh')
    cut["choices"][0]["finish_reason"] = "length"
    events = [chat_chunk({"content": '{"setup": "Wh'}), chat_chunk({}, "length"), "[DONE]"]
    with fake_openai(Reply(body=cut), Reply(body=cut), Reply(events=events)) as fake:
        model = ChatDMR(model="some/model", base_url=fake.url, max_tokens=3).with_structured_output(Joke)
        with pytest.raises(DMRLengthError, match="Raise max_tokens=") as caught:
            model.invoke("hi")
        assert isinstance(caught.value, openai.LengthFinishReasonError)
        assert caught.value.completion.choices[0].message.content == '{"setup": "Wh'
        with pytest.raises(DMRLengthError):
            asyncio.run(model.ainvoke("hi"))
        with pytest.raises(DMRLengthError):
            list(model.stream("hi"))
