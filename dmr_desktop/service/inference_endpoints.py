"""Inference requests as ASGI endpoints: the checks that all pass, then the work of each kind."""

from collections.abc import Callable
from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from dmr_desktop.dialects import openai_embeddings
from dmr_desktop.dialects.exchange import Defaults, Parse
from dmr_desktop.dialects.fields import Fields
from dmr_desktop.dialects.openai_embeddings import EmbeddingExchange
from dmr_desktop.dialects.openai_sampling import read_model
from dmr_desktop.protocol.errors import BackendNotFound, DMRError, ModelNotFound
from dmr_desktop.protocol.generation import Usage
from dmr_desktop.protocol.models import ModelFiles
from dmr_desktop.protocol.runners import Mode
from dmr_desktop.service.answers import HTTPProblem
from dmr_desktop.service.catalog import Catalog
from dmr_desktop.service.configurations import Configurations
from dmr_desktop.service.connection import read_body, run_while_connected
from dmr_desktop.service.engine_states import KNOWN_BACKENDS
from dmr_desktop.service.generate import Answer, leased
from dmr_desktop.service.loader import Loader
from dmr_desktop.service.recommended import recommended_sampling
from dmr_desktop.service.recorder import Record, Recorder, Subject
from dmr_desktop.service.request_log import RequestLog
from dmr_desktop.service.strict_json import parse_json

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
        hint="GET /v1/models lists what is here; pull the model first",
        param="model",
    )


class InferenceEndpoint:
    """The checks that every inference request passes, in Docker Model Runner's order; plain ASGI.

    ``model_of`` reads the model's name in a body, ``unknown`` words that there is no such model.
    """

    mode: Mode
    model_of: Callable[[Fields], str] = staticmethod(read_model)
    unknown: Callable[[str], ModelNotFound] = staticmethod(not_found)

    def __init__(self, parts: InferenceParts) -> None:
        self._parts = parts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] != "POST":
            raise HTTPProblem(405, "Method Not Allowed", headers={"Allow": "POST"})
        if scope["path_params"].get("backend", KNOWN_BACKENDS[0]) not in KNOWN_BACKENDS:
            raise BackendNotFound("backend not found")
        raw = await read_body(receive)
        if raw is None:
            return
        data = parse_json(raw)
        model = self.model_of(Fields(data))
        try:
            files = await self._parts.catalog.files(model)
        except ModelNotFound:
            raise self.unknown(model) from None
        if Headers(scope=scope).get("x-preload-only", "").lower() == "true":
            await run_while_connected(receive, self._preload(files, model, scope, receive, send))
            return
        subject = Subject(next(iter(files.model.tags), files.model.id), self.mode)
        client = Headers(scope=scope).get("user-agent", "")[:_CLIENT_CHARS]
        with (
            self._parts.recorder.record(
                model, scope["path"], subject, scope["state"].get("request_id"), client
            ) as record,
            self._parts.requests.log(record, files.model.id, scope, raw, send) as logged_send,
        ):
            try:
                await self._answer(data, files, record, scope, receive, logged_send)
            except DMRError as error:
                record.fail(error.info)
                raise

    async def _preload(self, files: ModelFiles, model: str, scope: Scope, receive: Receive, send: Send) -> None:
        async with leased(self._parts.loader, files, self.mode, model):
            pass
        await Response()(scope, receive, send)

    async def _answer(
        self, data: object, files: ModelFiles, record: Record, scope: Scope, receive: Receive, send: Send
    ) -> None:
        raise NotImplementedError

    def _defaults(self, files: ModelFiles) -> Defaults:
        """What holds where a request sets nothing."""
        configured = self._parts.configurations.defaults(files.model.id, self.mode)
        return {**recommended_sampling(files.model.config), **configured}


class GenerationEndpoint(InferenceEndpoint):
    mode = Mode.COMPLETION

    def __init__(self, parts: InferenceParts, parse: Parse) -> None:
        super().__init__(parts)
        self._parse = parse

    async def _answer(
        self, data: object, files: ModelFiles, record: Record, scope: Scope, receive: Receive, send: Send
    ) -> None:
        exchange = self._parse(data, self._defaults(files))
        await Answer(self._parts.loader, files, exchange, record).run(scope, receive, send)


class EmbeddingEndpoint(InferenceEndpoint):
    mode = Mode.EMBEDDING

    async def _answer(
        self, data: object, files: ModelFiles, record: Record, scope: Scope, receive: Receive, send: Send
    ) -> None:
        exchange = openai_embeddings.parse(data)
        await run_while_connected(receive, self._embed(exchange, files, record, scope, receive, send))

    async def _embed(
        self,
        exchange: EmbeddingExchange,
        files: ModelFiles,
        record: Record,
        scope: Scope,
        receive: Receive,
        send: Send,
    ) -> None:
        async with leased(
            self._parts.loader, files, Mode.EMBEDDING, exchange.model, exchange.keep_alive_seconds
        ) as runner:
            result = await runner.embed(exchange.request)
        body = openai_embeddings.render(exchange, result)
        record.done(Usage(result.prompt_tokens, 0))
        await Response(body, media_type="application/json")(scope, receive, send)
