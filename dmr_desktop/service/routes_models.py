"""``/models``: list, inspect, pull, tag, package, delete, in Docker Model Runner's words and statuses."""

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from dmr_desktop.protocol.errors import (
    AccessDenied,
    DMRError,
    InvalidReference,
    InvalidRequest,
    ModelNotFound,
)
from dmr_desktop.protocol.json_types import JSON
from dmr_desktop.service.answers import hint_header, json_answer, text_answer
from dmr_desktop.service.catalog import Catalog
from dmr_desktop.service.connection import run_while_connected
from dmr_desktop.service.loader import Loader
from dmr_desktop.service.progress_answer import ProgressAnswer
from dmr_desktop.service.removal import remove_model
from dmr_desktop.service.requests import query_flag, read_fields
from dmr_desktop.service.routes_archives import MAX_CONTEXT_SIZE
from dmr_desktop.service.transfers import Transfers


class ModelRoutes:
    def __init__(self, catalog: Catalog, pulls: Transfers, loader: Loader) -> None:
        self._catalog = catalog
        self._pulls = pulls
        self._loader = loader

    def routes(self) -> list[BaseRoute]:
        return [
            Route("/models", self.list, methods=["GET"]),
            Route("/models", _to_slash, methods=["POST", "DELETE"]),
            Route("/models/create", self.pull, methods=["POST"]),
            Route("/models/{name:path}/tag", self.tag, methods=["POST"]),
            Route("/models/{name:path}/{action}", _unknown_action, methods=["POST"]),
            Route("/models/{name:path}/fit", self.fit, methods=["GET"]),
            Route("/models/{name:path}", self.inspect, methods=["GET"]),
            Route("/models/{name:path}", self.remove, methods=["DELETE"]),
        ]

    async def list(self, _: Request) -> Response:
        return json_answer([model.to_json() for model in await self._catalog.models()])

    async def inspect(self, request: Request) -> Response:
        name = request.path_params["name"]
        if query_flag(request, "remote"):
            return await self._inspect_remote(request, name)
        try:
            model = await self._catalog.get(name, partial=True) if name else None
        except ModelNotFound:
            model = None
        return text_answer(404, "model not found") if model is None else json_answer(model.to_json())

    async def fit(self, request: Request) -> Response:
        """Our own: the memory the model would take with ``?context_size=N``, and whether this machine has it.

        ``context_size``, ``weights_bytes``, ``kv_bytes``, ``compute_bytes``, ``total_bytes``, ``available_bytes``,
        ``fits`` and ``max_context_that_fits``. Refused as inference with the model would be.

        ``remote=true``: of a model that is to be pulled; besides, its ``size_bytes`` and ``config``, and no more than
        these where its registry does not tell what it needs.
        """
        name, text = request.path_params["name"], request.query_params.get("context_size", "0")
        tokens = int(text) if text.isascii() and text.isdecimal() and len(text) < 11 else -1
        if not 0 <= tokens <= MAX_CONTEXT_SIZE:
            raise InvalidRequest("context_size must be a number of tokens", param="context_size")
        if query_flag(request, "remote"):
            return await self._ask_remote(request, name, lambda: self._remote_fit(name, tokens or None))
        try:
            files = await self._catalog.files(name)
        except (ModelNotFound, InvalidReference):
            # A model of that name may be meant.
            request.path_params["name"] = f"{name}/fit"
            return await self.inspect(request)
        return json_answer(await self._loader.fit(files, tokens or None))

    async def _inspect_remote(self, request: Request, name: str) -> Response:
        async def ask() -> dict[str, JSON]:
            return (await self._catalog.inspect_remote(name)).to_json()

        return await self._ask_remote(request, name, ask)

    async def _remote_fit(self, name: str, context_size: int | None) -> dict[str, JSON]:
        found = await self._catalog.survey(name)
        told: dict[str, JSON] = {"size_bytes": found.model.size_bytes, "config": found.model.config.to_json()}
        if found.shape is None:
            return told
        return told | self._loader.fit_shape(found.shape, found.model, context_size)

    async def _ask_remote(self, request: Request, name: str, ask: Callable[[], Awaitable[dict[str, JSON]]]) -> Response:
        """What the registry says. Programs only: a web page must not make this service connect anywhere by a GET."""
        is_page = "origin" in request.headers or any(key.startswith("sec-fetch-") for key in request.headers)
        if is_page and request.scope["state"].get("door") != "unix":
            raise AccessDenied("models in a registry cannot be inspected from a web page")
        found: list[dict[str, JSON]] = []

        async def keep() -> None:
            found.append(await ask())

        try:
            await run_while_connected(request.receive, keep())
        except InvalidReference:
            return text_answer(400, "Invalid model reference")
        except ModelNotFound as error:
            reason = f'failed to pull model "{name}": MANIFEST_UNKNOWN - {error.message}'
            return text_answer(404, f"error while getting remote model: {reason}")
        except DMRError as error:
            return text_answer(500, f"error while getting remote model: {error.message}", hint_header(error))
        return json_answer(found[0]) if found else Response(status_code=408)  # nobody reads this one

    # ---- pull -------------------------------------------------------------------------------

    async def pull(self, request: Request) -> Response:
        body = await read_fields(request, "invalid request body")
        try:
            reference, token = body.text("from") or "", body.text("bearer-token")
            await self._catalog.normalise(reference)
        except InvalidReference:
            return text_answer(400, "Invalid model reference")
        except InvalidRequest:
            return text_answer(400, "invalid request body")
        lines = self._pulls.watch(reference, token or None)
        return ProgressAnswer(lines, request, "pull")

    # ---- names ------------------------------------------------------------------------------

    async def tag(self, request: Request) -> Response:
        repository, tag = request.query_params.get("repo"), request.query_params.get("tag")
        if not repository or not tag:
            return text_answer(400, "missing repo or tag query parameter")
        target = f"{repository}:{tag}"
        try:
            entry = await self._catalog.identify(request.path_params["name"], partial=True)
            await self._catalog.tag(entry.id, target)
        except ModelNotFound:
            return text_answer(404, "model not found")
        return json_answer({"message": f'Model tagged successfully with "{target}"', "target": target}, 201)

    async def remove(self, request: Request) -> Response:
        """Unlike Docker Model Runner, a model in use is not pulled from under its requests."""
        name, force = request.path_params["name"], query_flag(request, "force")
        try:
            steps = await remove_model(self._catalog, self._loader, name, force=force)
        except ModelNotFound:
            return text_answer(404, "error while deleting model: model not found")
        return json_answer(list(steps))


async def _to_slash(request: Request) -> Response:
    return RedirectResponse(f"{request.url.path}/", 301)


async def _unknown_action(request: Request) -> Response:
    return text_answer(404, f'unknown action "{request.path_params["action"]}"')
