"""Ollama's management routes: version, lists, show, pull, push, copy, create, delete."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import UTC, datetime

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from dmr_desktop.dialects import ollama_models, ollama_progress
from dmr_desktop.dialects.fields import Fields
from dmr_desktop.dialects.ollama_errors import error_line
from dmr_desktop.dialects.ollama_fields import NDJSON, read_model
from dmr_desktop.protocol.errors import Conflict, DMRError, InvalidRequest, ModelNotFound
from dmr_desktop.protocol.models import Model, Progress, ProgressMode
from dmr_desktop.service.answers import json_answer
from dmr_desktop.service.catalog import Catalog
from dmr_desktop.service.connection import run_while_connected
from dmr_desktop.service.loader import Loader
from dmr_desktop.service.model_facts import ModelFactsReader
from dmr_desktop.service.recommended import recommended_sampling
from dmr_desktop.service.removal import ModelInUse, remove_model
from dmr_desktop.service.requests import read_fields
from dmr_desktop.service.routes_ollama import not_found
from dmr_desktop.service.streamed import StreamedAnswer
from dmr_desktop.service.transfers import Transfers

API_LEVEL = "0.14.0"
"""The version of Ollama whose API this is. Clients choose by it what they may ask for."""

_PATIENCE_SECONDS = 1.0
_REFUSED = "invalid request"
_NOT_CREATED = ("files", "adapters", "modelfile", "path", "quantize", "template", "system", "parameters", "messages")
_NO_BLOBS = "model files cannot be uploaded here: store a file of this machine with `dmr package --gguf FILE NAME`"


class OllamaModelRoutes:
    def __init__(
        self, catalog: Catalog, pulls: Transfers, pushes: Transfers, loader: Loader, idle_seconds: float
    ) -> None:
        self._catalog = catalog
        self._pulls = pulls
        self._pushes = pushes
        self._loader = loader
        self._idle_seconds = idle_seconds
        self._facts = ModelFactsReader(catalog)

    def routes(self) -> list[BaseRoute]:
        return [
            Route("/api/version", self.version, methods=["GET"]),
            Route("/api/tags", self.tags, methods=["GET"]),
            Route("/api/ps", self.ps, methods=["GET"]),
            Route("/api/show", self.show, methods=["POST"]),
            Route("/api/pull", self.pull, methods=["POST"]),
            Route("/api/push", self.push, methods=["POST"]),
            Route("/api/copy", self.copy, methods=["POST"]),
            Route("/api/create", self.create, methods=["POST"]),
            Route("/api/delete", self.delete, methods=["DELETE"]),
            Route("/api/blobs/{digest}", self.has_blob, methods=["HEAD"]),
            Route("/api/blobs/{digest}", self.add_blob, methods=["POST"]),
        ]

    # ---- lists ------------------------------------------------------------------------------

    async def version(self, _: Request) -> Response:
        return json_answer({"version": API_LEVEL})

    async def tags(self, _: Request) -> Response:
        return json_answer(ollama_models.tag_list(await self._catalog.models()))

    async def ps(self, _: Request) -> Response:
        models = {model.id: model for model in await self._catalog.models()}
        now = datetime.now(UTC)
        return json_answer(ollama_models.ps_list(self._loader.statuses(), models, now, self._idle_seconds))

    async def show(self, request: Request) -> Response:
        name = read_model(await read_fields(request, _REFUSED))
        model = await self._model(name)
        parameters = {**recommended_sampling(model.config)}
        if model.config.context_size is not None:
            parameters["num_ctx"] = model.config.context_size
        return json_answer(ollama_models.show(model, name, await self._facts.of(model), parameters))

    async def _model(self, name: str) -> Model:
        try:
            return await self._catalog.get(name)
        except ModelNotFound:
            raise not_found(name) from None

    # ---- what takes time --------------------------------------------------------------------

    async def pull(self, request: Request) -> Response:
        """``insecure`` has no effect: which registries may be spoken to in plain HTTP is a setting."""
        body = await read_fields(request, _REFUSED)
        name, streams = read_model(body), body.flag("stream", default=True)
        await self._catalog.normalise(name)
        return _ProgressAnswer(self._pulls.watch(name), "pull", streams=streams)

    async def push(self, request: Request) -> Response:
        """To the registry that the name names; ``insecure`` as above."""
        body = await read_fields(request, _REFUSED)
        name, streams = read_model(body), body.flag("stream", default=True)
        await self._model(name)
        return _ProgressAnswer(self._pushes.watch(name), "push", streams=streams)

    # ---- names ------------------------------------------------------------------------------

    async def copy(self, request: Request) -> Response:
        body = await read_fields(request, _REFUSED)
        await self._name(body.required_text("source"), body.required_text("destination"))
        return json_answer({})

    async def create(self, request: Request) -> Response:
        """Another name for a stored model. Whatever would make it another model is refused by name."""
        body = await read_fields(request, _REFUSED)
        name, streams = read_model(body), body.flag("stream", default=True)
        _check_creatable(body)
        model = await self._name(body.required_text("from"), name)
        lines = [{"status": f"using existing layer {model.id}"}, {"status": "writing manifest"}]
        if not streams:
            return json_answer(ollama_progress.SUCCESS)
        return Response(b"".join(map(ollama_progress.line, [*lines, ollama_progress.SUCCESS])), media_type=NDJSON)

    async def _name(self, source: str, target: str) -> Model:
        model = await self._model(source)
        await self._catalog.tag(model.id, target)
        return model

    async def delete(self, request: Request) -> Response:
        """A tag, and the model with its last one, which must not be in use then."""
        name = read_model(await read_fields(request, _REFUSED))
        try:
            await remove_model(self._catalog, self._loader, name, force=False)
        except ModelNotFound:
            raise not_found(name) from None
        except ModelInUse as error:
            hint = "delete it when they have ended"
            raise Conflict(f"model '{name}' is in use by {error.users} requests", hint=hint) from None
        return json_answer({})

    # ---- blobs ------------------------------------------------------------------------------

    async def has_blob(self, _: Request) -> Response:
        """Never: clients upload files to make models of them, which is refused, and ask here first."""
        return Response(status_code=404)

    async def add_blob(self, _: Request) -> Response:
        raise InvalidRequest(_NO_BLOBS)


def _check_creatable(body: Fields) -> None:
    for name in _NOT_CREATED:
        if body.get(name):
            hint = f" ({_NO_BLOBS})" if name in ("files", "path") else ""
            body.refuse(name, f"'{name}' is not supported: a model can be created only 'from' one that is here{hint}")
    if not body.text("from"):
        body.refuse("from", "'from' is needed: the name of a model that is here")


class _ProgressAnswer(Response):
    """Lines as they come, or one object at the end.

    A refusal before the first line has an HTTP status of its own; later it is a line.
    """

    def __init__(self, lines: AsyncGenerator[Progress, None], mode: ProgressMode, *, streams: bool) -> None:
        super().__init__()
        self._lines = lines
        self._opening = ollama_progress.line(ollama_progress.opening(mode))
        self._streams = streams

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not self._streams:
            await run_while_connected(receive, self._collect(scope, receive, send))
            return
        out = StreamedAnswer(send, NDJSON)
        await run_while_connected(
            receive, self._write(out), waiting=lambda: self._open(out), patience_seconds=_PATIENCE_SECONDS
        )

    async def _collect(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with aclosing(self._lines) as lines:
            async for _ in lines:
                pass
        await json_answer(ollama_progress.SUCCESS)(scope, receive, send)

    async def _open(self, out: StreamedAnswer) -> None:
        if not out.is_open:
            await out.write(self._opening)

    async def _write(self, out: StreamedAnswer) -> None:
        try:
            async with aclosing(self._lines) as lines:
                async for progress in lines:
                    await self._open(out)
                    if progress.type == "progress":
                        await out.write(ollama_progress.line(ollama_progress.progress_object(progress)))
        except DMRError as error:
            if not out.is_open:
                raise
            await out.write(error_line(error.info))
        else:
            await out.write(ollama_progress.line(ollama_progress.SUCCESS))
        await out.close()
