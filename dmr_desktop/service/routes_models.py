"""``/models``: list, inspect, pull, tag, package, delete, in Docker Model Runner's words and statuses."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path

import orjson
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from dmr_desktop.protocol.errors import (
    AccessDenied,
    Conflict,
    DMRError,
    InvalidReference,
    InvalidRequest,
    ModelNotFound,
    Unauthorized,
    UnsupportedModel,
)
from dmr_desktop.protocol.models import Progress
from dmr_desktop.service.answers import HTTPProblem, json_answer, text_answer
from dmr_desktop.service.catalog import Catalog
from dmr_desktop.service.connection import run_while_connected
from dmr_desktop.service.loader import Loader
from dmr_desktop.service.pulls import Pulls
from dmr_desktop.service.requests import query_flag, read_fields
from dmr_desktop.service.streamed import StreamedAnswer

MAX_CONTEXT_SIZE = 2**31 - 1
_GO_HTML = str.maketrans({'"': "&#34;", "'": "&#39;", "&": "&amp;", "<": "&lt;", ">": "&gt;"})


class ModelRoutes:
    def __init__(self, catalog: Catalog, pulls: Pulls, loader: Loader) -> None:
        self._catalog = catalog
        self._pulls = pulls
        self._loader = loader

    def routes(self) -> list[BaseRoute]:
        return [
            Route("/models", self.list, methods=["GET"]),
            Route("/models", _to_slash, methods=["POST", "DELETE"]),
            Route("/models/create", self.pull, methods=["POST"]),
            Route("/models/package", self.package, methods=["POST"]),
            Route("/models/{name:path}/tag", self.tag, methods=["POST"]),
            Route("/models/{name:path}/{action}", _unknown_action, methods=["POST"]),
            Route("/models/{name:path}", self.inspect, methods=["GET"]),
            Route("/models/{name:path}", self.remove, methods=["DELETE"]),
        ]

    async def list(self, _: Request) -> Response:
        return json_answer([model.to_json() for model in await self._catalog.models()])

    async def inspect(self, request: Request) -> Response:
        if query_flag(request, "remote"):
            # A page must not make this service connect anywhere by a mere GET.
            raise HTTPProblem(501, "remote inspection is not supported")
        name = request.path_params["name"]
        try:
            model = await self._catalog.get(name, partial=True) if name else None
        except ModelNotFound:
            model = None
        return text_answer(404, "model not found") if model is None else json_answer(model.to_json())

    # ---- pull -------------------------------------------------------------------------------

    async def pull(self, request: Request) -> Response:
        body = await read_fields(request, "invalid request body")
        reference, token = body.text("from") or "", body.text("bearer-token")
        try:
            await self._catalog.normalise(reference)
        except InvalidReference:
            return text_answer(400, "Invalid model reference")
        lines = self._pulls.watch(reference, token or None)
        return _ProgressAnswer(lines, is_json=request.headers.get("accept") == "application/json")

    # ---- names ------------------------------------------------------------------------------

    async def tag(self, request: Request) -> Response:
        repository, tag = request.query_params.get("repo"), request.query_params.get("tag")
        if not repository or not tag:
            return text_answer(400, "missing repo or tag query parameter")
        target = f"{repository}:{tag}"
        try:
            model = await self._catalog.get(request.path_params["name"], partial=True)
            await self._catalog.tag(model.id, target)
        except ModelNotFound:
            return text_answer(404, "model not found")
        return json_answer({"message": f'Model tagged successfully with "{target}"', "target": target}, 201)

    async def package(self, request: Request) -> Response:
        """Our own: make a model of a GGUF file on this machine. By the Unix socket only, as it names a path."""
        if request.scope["state"].get("door") != "unix":
            raise AccessDenied("files can be packaged over the Unix socket only")
        body = await read_fields(request, "invalid request body")
        path = Path(body.required_text("gguf"))
        if not path.is_absolute():
            raise InvalidRequest("invalid request body: 'gguf' must be an absolute path")
        target = body.required_text("target")
        context_size = body.integer("context_size", 1, MAX_CONTEXT_SIZE)
        model = await self._catalog.package(path, target, context_size)
        return json_answer(model.to_json(), 201)

    async def remove(self, request: Request) -> Response:
        """Unlike Docker Model Runner, a model in use is not pulled from under its requests."""
        name, force = request.path_params["name"], query_flag(request, "force")
        try:
            model = await self._catalog.get(name)
            if len(model.tags) <= 1 or force:
                await self._release(model.id, name, force)
            steps = await self._catalog.remove(name, force=force)
        except ModelNotFound:
            return text_answer(404, "error while deleting model: model not found")
        return json_answer(list(steps))

    async def _release(self, model_id: str, name: str, force: bool) -> None:
        users = self._loader.users(model_id)
        if users and not force:
            raise Conflict(
                f'error while deleting model: unable to delete "{name}" (must be forced): '
                f"{users} requests use it: resource conflict",
                hint="wait for them, or delete with force",
            )
        await self._loader.unload(model_id, force=force)


async def _to_slash(request: Request) -> Response:
    return RedirectResponse(f"{request.url.path}/", 301)


async def _unknown_action(request: Request) -> Response:
    return text_answer(404, f'unknown action "{request.path_params["action"]}"')


class _ProgressAnswer(Response):
    """A pull's lines. A refusal before the first line is an HTTP status, after it a last line and its plain text."""

    def __init__(self, lines: AsyncGenerator[Progress, None], *, is_json: bool) -> None:
        super().__init__()
        self._lines = lines
        self._is_json = is_json

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        media_type = "application/json" if self._is_json else "text/plain"
        out = StreamedAnswer(send, media_type, {"connection": "keep-alive"})
        await run_while_connected(receive, self._write(scope, receive, send, out))

    async def _write(self, scope: Scope, receive: Receive, send: Send, out: StreamedAnswer) -> None:
        try:
            async with aclosing(self._lines) as lines:
                async for line in lines:
                    await out.write(self._encode(line))
        except DMRError as error:
            status, text = _refusal(error)
            if not out.is_open:
                await text_answer(status, text)(scope, receive, send)
                return
            await out.write(self._encode(Progress("error", f"Error: {error.message}")))
            await out.write(f"{text}\n".encode())
        await out.close()

    def _encode(self, line: Progress) -> bytes:
        text = orjson.dumps(line.to_json())
        if not self._is_json:
            text = text.decode().translate(_GO_HTML).encode()
        return text + b"\n"


def _refusal(error: DMRError) -> tuple[int, str]:
    """Docker Model Runner's status and sentence for a failed pull."""
    match error:
        case InvalidReference():
            return 400, "Invalid model reference"
        case Unauthorized():
            return 401, "Unauthorized"
        case ModelNotFound():
            return 404, "Model not found"
        case UnsupportedModel():
            return 422, f"error while pulling model: {error.message}"
    return error.status, error.message
