"""``/engines`` but for inference: status, ps, df, unload, configure, in Docker Model Runner's words."""

import asyncio

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from dmr_desktop.backends.base import DEFAULT_BACKEND
from dmr_desktop.protocol.errors import BackendNotFound, DMRError, InvalidRequest, ModelNotFound
from dmr_desktop.protocol.runners import Mode, RunnerKey
from dmr_desktop.service.answers import json_answer, json_bytes
from dmr_desktop.service.catalog import Catalog
from dmr_desktop.service.configurations import Configurations
from dmr_desktop.service.disk_use import engine_bytes
from dmr_desktop.service.engine_states import (
    KNOWN_BACKENDS,
    backend_states,
    check_backend,
    configuration_lines,
    ps_lines,
)
from dmr_desktop.service.loader import Loader
from dmr_desktop.service.preloads import Preloads
from dmr_desktop.service.requests import read_fields, refused_as
from dmr_desktop.service.wishes import read_wish

_REFUSED = "invalid request"


class EngineRoutes:
    def __init__(self, catalog: Catalog, loader: Loader, configurations: Configurations, preloads: Preloads) -> None:
        self._catalog = catalog
        self._loader = loader
        self._configurations = configurations
        self._preloads = preloads

    def routes(self) -> list[BaseRoute]:
        return [
            Route("/engines/status", self.status, methods=["GET"]),
            Route("/engines/ps", self.ps, methods=["GET"]),
            Route("/engines/df", self.df, methods=["GET"]),
            Route("/engines/unload", self.unload, methods=["POST"]),
            Route("/engines/_unload", self.unload_one, methods=["POST"]),
            Route("/engines/{backend}/_unload", self.unload_one, methods=["POST"]),
            Route("/engines/install-backend", self.install, methods=["POST"]),
            Route("/engines/uninstall-backend", self.uninstall, methods=["POST"]),
            Route("/engines/_configure", self.configurations, methods=["GET"]),
            Route("/engines/_configure", self.configure, methods=["POST"]),
            Route("/engines/{backend}/_configure", self.configure, methods=["POST"]),
        ]

    async def status(self, _: Request) -> Response:
        # The only answer that Docker Model Runner writes without a newline.
        return Response(json_bytes(backend_states())[:-1], media_type="application/json")

    async def ps(self, _: Request) -> Response:
        return json_answer(ps_lines(self._loader.statuses(), self._configurations.keep_alive_seconds))

    async def df(self, _: Request) -> Response:
        models, engine = await self._catalog.disk_usage(), await asyncio.to_thread(engine_bytes)
        return json_answer({"models_disk_usage": models, "default_backend_disk_usage": engine})

    async def unload(self, request: Request) -> Response:
        body = await read_fields(request, _REFUSED)
        with refused_as(_REFUSED):
            is_all, backend = body.flag("all"), body.text("backend") or ""
            names = [name for name in body.items("models") or [] if isinstance(name, str)]
        if is_all:
            self._configurations.forget()
            return json_answer({"unloaded_runners": await self._loader.unload()})
        count = 0
        for name in names:
            model_id = await self._model_id(name)
            if model_id is not None:
                count += await self._loader.unload(model_id, backend=backend or None)
                # An empty backend matches every runner but no configuration: Docker's CLI counts on that.
                self._configurations.forget({RunnerKey(backend, model_id, mode) for mode in Mode})
        return json_answer({"unloaded_runners": count})

    async def unload_one(self, request: Request) -> Response:
        """How docker-agent says it, beside ``_configure``: ``{"model": NAME}``. What was configured stays."""
        check_backend(request.path_params.get("backend", DEFAULT_BACKEND))
        body = await read_fields(request, _REFUSED)
        with refused_as(_REFUSED):
            name = body.text("model")
        model_id = await self._model_id(name or "")
        return json_answer({"unloaded_runners": await self._loader.unload(model_id) if model_id is not None else 0})

    async def install(self, request: Request) -> Response:
        """There is one engine, and it is part of this program."""
        backend = await self._read_backend(request)
        if backend != DEFAULT_BACKEND:
            raise DMRError(f"backend installation failed: {backend} is not supported, only {DEFAULT_BACKEND} is")
        return Response()

    async def uninstall(self, request: Request) -> Response:
        backend = await self._read_backend(request)
        if backend == DEFAULT_BACKEND:
            raise DMRError(f"backend uninstall failed: {backend} is part of this program")
        return Response()  # it is not installed

    async def _read_backend(self, request: Request) -> str:
        body = await read_fields(request, _REFUSED)
        with refused_as(_REFUSED):
            backend = body.text("backend")
            body.text("version")
        if not backend:
            raise InvalidRequest("invalid request: backend is required")
        if backend not in KNOWN_BACKENDS:
            raise BackendNotFound("backend not found", hint=f"the engines are {', '.join(KNOWN_BACKENDS)}")
        return backend

    async def _model_id(self, reference: str) -> str | None:
        try:
            return (await self._catalog.get(reference)).id
        except (ModelNotFound, InvalidRequest):
            return None

    async def configure(self, request: Request) -> Response:
        """The engine is chosen by the model's format, so a configuration for another known backend is for ours."""
        check_backend(request.path_params.get("backend", DEFAULT_BACKEND))
        body = await read_fields(request, _REFUSED)
        with refused_as(_REFUSED):
            wish = read_wish(body, DEFAULT_BACKEND)
        try:
            files = await self._catalog.files(wish.model)
        except (ModelNotFound, InvalidRequest):
            return Response(status_code=202)  # accepted, as in Docker Model Runner, and without an effect
        key = RunnerKey(DEFAULT_BACKEND, files.model.id, wish.mode)
        await self._preloads.drop(key)
        self._loader.configure(key, self._configurations.of_wish(wish))
        self._preloads.begin(files, wish.mode, wish.model)
        return Response(status_code=202)

    async def configurations(self, request: Request) -> Response:
        models = {model.id: model for model in await self._catalog.models()}
        reference = request.query_params.get("model")
        if reference is not None:
            model_id = await self._model_id(reference)
            models = {model_id: models[model_id]} if model_id in models else {}
        return json_answer(configuration_lines(self._configurations.wishes(), models))
