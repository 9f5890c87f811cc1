"""Inference requests as ASGI endpoints: the checks that all pass, then the work of each kind."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Generic, TypeAlias, TypeVar

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from dmr_desktop.backends.base import DEFAULT_BACKEND, Runner
from dmr_desktop.dialects import openai_embeddings
from dmr_desktop.dialects.exchange import Defaults, Exchange
from dmr_desktop.dialects.fields import Fields
from dmr_desktop.dialects.openai_embeddings import EmbeddingExchange
from dmr_desktop.dialects.openai_sampling import read_model
from dmr_desktop.protocol.errors import DMRError, ModelNotFound
from dmr_desktop.protocol.generation import Usage
from dmr_desktop.protocol.models import ModelFiles
from dmr_desktop.protocol.runners import Mode
from dmr_desktop.protocol.short_names import nearest
from dmr_desktop.service.answers import HTTPProblem
from dmr_desktop.service.bodies import apart_if_large, parsed, read_body
from dmr_desktop.service.catalog import Catalog
from dmr_desktop.service.configurations import Configurations
from dmr_desktop.service.connection import run_while_connected
from dmr_desktop.service.engine_states import check_backend
from dmr_desktop.service.generate import Answer, Call, leased
from dmr_desktop.service.loader import Loader
from dmr_desktop.service.recommended import recommended_sampling
from dmr_desktop.service.recorder import Recorder, Subject
from dmr_desktop.service.request_log import RequestLog

E = TypeVar("E")
Read: TypeAlias = Callable[[object, Defaults], E]
"""A dialect's reading of a body, any JSON value, with what holds where it sets nothing. Raises InvalidRequest."""

_CLIENT_CHARS = 200


@dataclass(frozen=True, slots=True)
class InferenceParts:
    """What every inference request needs of the service."""

    catalog: Catalog
    loader: Loader
    configurations: Configurations
    recorder: Recorder
    requests: RequestLog


def not_found(reference: str) -> ModelNotFound:
    return ModelNotFound(
        f"error while getting model: get model '\"{reference}\"': model not found",
        hint=f"`dmr pull {reference}` gets it, `dmr ls` lists what is here",
        param="model",
    )


def without_defaults(read: Callable[[object], E]) -> Read[E]:
    """The reading of a body in which everything is set or has one value."""
    return lambda data, _: read(data)


class InferenceEndpoint(ABC, Generic[E]):
    """The checks that every inference request passes, in Docker Model Runner's order; plain ASGI.

    ``read`` makes of a body what ``_answer`` gets, in a thread if the body is large. ``recall``, if given, makes the
    ``read`` for a body: on the event loop, to which belongs what the service remembers. ``model_of`` finds the model's
    name in a body, ``unknown`` words that there is no such model.
    """

    mode: Mode
    model_of: Callable[[Fields], str] = staticmethod(read_model)
    unknown: Callable[[str], ModelNotFound] = staticmethod(not_found)

    def __init__(
        self, parts: InferenceParts, read: Read[E], *, recall: Callable[[object], Read[E]] | None = None
    ) -> None:
        self._parts = parts
        self._recall = recall or (lambda data: read)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] != "POST":
            raise HTTPProblem(405, "Method Not Allowed", headers={"Allow": "POST"})
        check_backend(scope["path_params"].get("backend", DEFAULT_BACKEND))
        raw = await read_body(receive)
        if raw is None:
            return
        data = await parsed(raw)
        model = self.model_of(Fields(data))
        request_id = scope["state"].get("request_id")
        client = Headers(scope=scope).get("user-agent", "")[:_CLIENT_CHARS]
        try:
            files = await self._parts.catalog.files(model)
        except ModelNotFound:
            raise await self._not_here(model, scope["path"], request_id, client) from None
        if Headers(scope=scope).get("x-preload-only", "").lower() == "true":
            await run_while_connected(receive, self._preload(files, model, scope, receive, send))
            return
        subject = Subject(next(iter(files.model.tags), files.model.id), self.mode)
        kept = await apart_if_large(len(raw), lambda: self._parts.requests.kept(raw))
        with (
            self._parts.recorder.record(model, scope["path"], subject, request_id, client) as record,
            self._parts.requests.log(record, files.model.id, scope, kept, send) as logged_send,
        ):
            try:
                asked = await self._asked(data, len(raw), files)
                await self._answer(asked, Call(files, record, scope, receive, logged_send))
            except DMRError as error:
                record.fail(error.info)
                raise

    async def _not_here(self, model: str, path: str, request_id: str | None, client: str) -> ModelNotFound:
        """With the names that come near: most often only the first part of a name is missing. It is recorded."""
        error = self.unknown(model)
        near = nearest(model, (tag for each in await self._parts.catalog.models() for tag in each.tags))
        if near:
            error.hint = f"Did you mean {' or '.join(near)}? Otherwise {error.hint}"
        self._parts.recorder.refuse(model, path, error.info, request_id, client)
        return error

    async def _asked(self, data: object, num_bytes: int, files: ModelFiles) -> E:
        configured = self._parts.configurations.defaults(files.model.id, self.mode)
        defaults = {**recommended_sampling(files.model.config), **configured}
        read = self._recall(data)
        return await apart_if_large(num_bytes, lambda: read(data, defaults))

    async def _preload(self, files: ModelFiles, model: str, scope: Scope, receive: Receive, send: Send) -> None:
        async with leased(self._parts.loader, files, self.mode, model):
            pass
        await Response()(scope, receive, send)

    @abstractmethod
    async def _answer(self, asked: E, call: Call) -> None:
        """Send the answer. Raises DMRError only while nothing has been sent."""

    def _lease(
        self, call: Call, keep_alive_seconds: float | None = None, mode: Mode | None = None
    ) -> AbstractAsyncContextManager[Runner]:
        """A runner for the call, in this endpoint's mode unless another is given."""
        return leased(self._parts.loader, call.files, mode or self.mode, call.record.model, keep_alive_seconds)


class GenerationEndpoint(InferenceEndpoint[Exchange]):
    mode = Mode.COMPLETION

    async def _answer(self, exchange: Exchange, call: Call) -> None:
        await Answer(self._parts.loader, call, exchange).run()


class WholeEndpoint(InferenceEndpoint[E], ABC):
    """Answers with one JSON body, which is worked on only as long as the client is there."""

    async def _answer(self, asked: E, call: Call) -> None:
        await run_while_connected(call.receive, self._send_body(asked, call))

    async def _send_body(self, asked: E, call: Call) -> None:
        body = await self._body(asked, call)
        await Response(body, media_type="application/json")(call.scope, call.receive, call.send)

    @abstractmethod
    async def _body(self, asked: E, call: Call) -> bytes:
        """The JSON; tells ``call.record`` what it cost."""


class EmbeddingEndpoint(WholeEndpoint[EmbeddingExchange]):
    mode = Mode.EMBEDDING

    async def _body(self, exchange: EmbeddingExchange, call: Call) -> bytes:
        async with self._lease(call, exchange.keep_alive_seconds) as runner:
            result = await runner.embed(exchange.request)
        body = openai_embeddings.render(exchange, result)
        call.record.done(Usage(result.prompt_tokens, 0))
        return body
