"""The composition root: builds the service's parts, wires them, and is the ASGI application."""

import asyncio
import logging
import time
from collections.abc import Coroutine, Mapping

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route, Router
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dmr_desktop import __version__
from dmr_desktop.backends.base import Backend
from dmr_desktop.protocol import wire
from dmr_desktop.protocol.errors import DMRError
from dmr_desktop.protocol.json_types import JSON
from dmr_desktop.protocol.models import Model
from dmr_desktop.protocol.notices import PullStatus, RequestNotice, Snapshot, TcpStatus
from dmr_desktop.protocol.runners import RunnerConfig
from dmr_desktop.service.answers import HTTPProblem, error_answer, text_answer
from dmr_desktop.service.bus import Bus
from dmr_desktop.service.catalog import Catalog
from dmr_desktop.service.configurations import Configurations, read_service_flags, request_defaults, with_flags
from dmr_desktop.service.container_switch import ContainerSwitch
from dmr_desktop.service.demo import DemoModel
from dmr_desktop.service.guard import Guard
from dmr_desktop.service.inference_endpoints import InferenceParts
from dmr_desktop.service.listeners import Listeners
from dmr_desktop.service.loader import Loader, LoaderLimits
from dmr_desktop.service.logs import Logs
from dmr_desktop.service.metrics import Metrics
from dmr_desktop.service.pulls import Pulls
from dmr_desktop.service.pushes import Pushes
from dmr_desktop.service.recorder import Recorder
from dmr_desktop.service.request_log import RequestLog
from dmr_desktop.service.response_store import ResponseStore
from dmr_desktop.service.routes_anthropic import AnthropicRoutes
from dmr_desktop.service.routes_archives import ArchiveRoutes
from dmr_desktop.service.routes_engines import EngineRoutes
from dmr_desktop.service.routes_inference import InferenceRoutes
from dmr_desktop.service.routes_models import ModelRoutes
from dmr_desktop.service.routes_ollama import OllamaRoutes
from dmr_desktop.service.routes_ollama_models import OllamaModelRoutes
from dmr_desktop.service.routes_push import PushRoutes
from dmr_desktop.service.routes_requests import RequestRoutes
from dmr_desktop.service.routes_rerank import rerank_routes
from dmr_desktop.service.routes_responses import ResponseRoutes
from dmr_desktop.service.routes_service import ServiceRoutes
from dmr_desktop.service.routes_tokenize import tokenize_routes
from dmr_desktop.service.routes_upkeep import UpkeepRoutes
from dmr_desktop.service.tcp_switch import TcpSwitch
from dmr_desktop.service.telemetry import Telemetry
from dmr_desktop.settings import Settings, asset
from dmr_desktop.store.store import ModelStore

log = logging.getLogger(__name__)

_NOTICE_SECONDS = 0.05
"""Runners change several times a request; their notice goes out at most this often."""

_DRAIN_SECONDS = 3.0


class Service:
    """All parts, from the start of the event loop to its end. Raises StoreError if the store cannot be used."""

    def __init__(self, settings: Settings, backends: Mapping[str, Backend], logs: Logs) -> None:
        self.settings = settings
        self.stopping = asyncio.Event()
        self._logs = logs
        self._started_at = time.time()
        self._tasks: set[asyncio.Task[None]] = set()
        self._runners_notice: asyncio.TimerHandle | None = None
        store = ModelStore(
            settings.models_path,
            default_registry=settings.default_registry,
            insecure_registries=settings.insecure_registries,
            registry_mirrors=settings.registry_mirrors,
            ca_file=settings.ca_file,
        )
        self.bus = Bus()
        self.demo = DemoModel(store, asset("demo/demo.gguf"), settings.state_dir / "demo-stored")
        self.catalog = Catalog(store, self._models_changed)
        self.metrics = Metrics()
        flags = read_service_flags(settings.llama_args)
        base = with_flags(RunnerConfig(num_sequences=settings.num_sequences, threads=settings.threads), flags)
        self.loader = Loader(
            backends,
            LoaderLimits(
                idle_timeout_seconds=settings.idle_timeout_seconds,
                max_queue=settings.max_queue,
                num_sequences=settings.num_sequences,
                threads=settings.threads,
                base=base,
            ),
            log=logs.for_runner,
            on_change=self._runners_changed,
            tell=self.metrics.loader_event,
        )
        self.pulls = Pulls(self.demo, self._announce_pull, self.catalog.changed)
        self.pushes = Pushes(store)
        self.recorder = Recorder(self._announce_request, self.metrics.request_ended)
        self.telemetry = Telemetry(
            self.recorder,
            self.loader.statuses,
            lambda: self.bus.wants("telemetry"),
            lambda section, sample: self.bus.publish(section, lambda: wire.dump(sample)),
        )
        self.containers = ContainerSwitch(
            settings.state_dir / "containers.json",
            settings.container_addresses,
            settings.tcp_port,
            lambda status: self.bus.publish("containers", lambda: wire.dump(status)),
        )
        self.tcp = TcpSwitch(
            settings.state_dir / "tcp.json",
            settings.tcp_port,
            self._tcp_changed,
        )
        configurations = Configurations(self.loader, base, request_defaults(flags, flags.reasoning_budget))
        self._engines = EngineRoutes(self.catalog, self.loader, configurations)
        self.requests = RequestLog(keeps_bodies=settings.keep_request_bodies, config_of=configurations.shown)
        self._loaded: frozenset[str] = frozenset()
        inference = InferenceParts(self.catalog, self.loader, configurations, self.recorder, self.requests)
        own = ServiceRoutes(
            settings,
            self.bus,
            self.telemetry,
            self.tcp,
            logs,
            self.stopping,
            self.snapshot,
            self._metrics_text,
            self.containers,
        )
        router = Router(
            [
                *own.routes(),
                *ArchiveRoutes(self.catalog).routes(),
                *UpkeepRoutes(self.catalog, self.loader).routes(),
                *PushRoutes(self.catalog, self.pushes).routes(),
                *ModelRoutes(self.catalog, self.pulls, self.loader).routes(),
                *self._engines.routes(),
                *RequestRoutes(self.catalog, self.requests).routes(),
                *InferenceRoutes(inference).routes(),
                *rerank_routes(inference),
                *tokenize_routes(inference),
                *OllamaRoutes(inference).routes(),
                *OllamaModelRoutes(
                    self.catalog, self.pulls, self.pushes, self.loader, settings.idle_timeout_seconds
                ).routes(),
                *AnthropicRoutes(inference).routes(),
                *ResponseRoutes(inference, ResponseStore()).routes(),
                Route("/engines", _to_slash),
                Route("/v1", _to_slash),
                # Under these two a wrong method is as unknown as a wrong path.
                Route("/models", _NotFound("not found")),
                Route("/models/{rest:path}", _NotFound("not found")),
                Route("/engines/{rest:path}", _NotFound("not found")),
            ],
            redirect_slashes=False,
            default=_NotFound("404 page not found"),
        )
        self._guard = Guard(
            ErrorLayer(router),
            hosts=settings.hosts,
            origins=(*settings.origins, *self.tcp.status.origins),
            container_hosts=settings.container_addresses,
            api_key=settings.api_key,
        )
        self.app: ASGIApp = self._guard
        self.listeners = Listeners(self.app, settings.extra_ports)

    # ---- life -------------------------------------------------------------------------------

    async def start(self, *, opens_tcp: bool = True) -> None:
        """``opens_tcp``: as the user left the switch. Raises Conflict if the socket or an address cannot be had."""
        await self.listeners.open_unix(self.settings.socket_path)
        await self.listeners.open_network(self.settings.bind_addresses, self.settings.tcp_port)
        await self.tcp.start(self.listeners, opens=opens_tcp)
        await self.containers.start(self.listeners)
        self._spawn(self.telemetry.run())
        self._spawn(self._store_demo())

    async def close(self) -> None:
        """In order: nothing new comes in, running requests are told, runners stop, the connections end."""
        self.bus.publish("stopping", dict)
        self.bus.close()
        self._logs.end_following()
        self.requests.end_following()
        self.containers.close()
        self.listeners.stop_accepting()
        await asyncio.gather(self.loader.shutdown(), self.pulls.close(), self.pushes.close(), self._engines.close())
        await self.listeners.drain(_DRAIN_SECONDS)
        if self._runners_notice is not None:
            self._runners_notice.cancel()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _store_demo(self) -> None:
        if await asyncio.to_thread(self.demo.store_once):
            self.catalog.changed()

    # ---- what is announced ------------------------------------------------------------------

    async def snapshot(self) -> Snapshot:
        return Snapshot(
            version=__version__,
            socket_path=str(self.settings.socket_path),
            models_path=str(self.settings.models_path),
            started_at=self._started_at,
            tcp=self.tcp.status,
            models=tuple(_model_notice(model) for model in await self.catalog.models()),
            runners=tuple(self.loader.statuses()),
            pulls=self.pulls.statuses(),
            telemetry=self.telemetry.samples,
            history=self.telemetry.history,
            containers=self.containers.status,
            requests=self.recorder.recent,
        )

    async def _metrics_text(self) -> str:
        return await self.metrics.text(self.loader)

    def _tcp_changed(self, status: TcpStatus) -> None:
        self._guard.allow_origins((*self.settings.origins, *status.origins))
        self.bus.publish("tcp", lambda: wire.dump(status))

    def _models_changed(self) -> None:
        if self.bus.has_listeners:
            self._spawn(self._announce_models())

    async def _announce_models(self) -> None:
        models = await self.catalog.models()
        self.bus.publish("models", lambda: {"models": [_model_notice(model) for model in models]})

    def _runners_changed(self) -> None:
        loaded = self.loader.model_ids
        if loaded != self._loaded:
            self.requests.forget(self._loaded - loaded)
            self._loaded = loaded
        if self._runners_notice is None and self.bus.has_listeners:
            self._runners_notice = asyncio.get_running_loop().call_later(_NOTICE_SECONDS, self._announce_runners)

    def _announce_runners(self) -> None:
        self._runners_notice = None
        self.bus.publish("runners", lambda: {"runners": wire.dump(self.loader.statuses())})

    def _announce_pull(self, status: PullStatus) -> None:
        self.bus.publish("pull", lambda: wire.dump(status), item=status.reference)

    def _announce_request(self, notice: RequestNotice) -> None:
        self.bus.publish("request", lambda: wire.dump(notice), item=notice.id)


def _model_notice(model: Model) -> dict[str, JSON]:
    return {**model.to_json(), "size_bytes": model.size_bytes}


class ErrorLayer:
    """Turns what a route raises, and a wrong method, into the refusal that its path calls for."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        has_begun = False
        scope["app"] = self  # Starlette's routes then raise a wrong method instead of answering it in their own form

        async def watched_send(message: Message) -> None:
            nonlocal has_begun
            has_begun = True
            await send(message)

        try:
            await self._app(scope, receive, watched_send)
        except HTTPException as error:
            problem = HTTPProblem(error.status_code, error.detail, headers=error.headers)
            await error_answer(scope, problem)(scope, receive, send)
        except (DMRError, HTTPProblem) as error:
            if has_begun:
                raise
            await error_answer(scope, error)(scope, receive, send)
        except Exception:
            if has_begun:
                raise
            log.exception("%s %s failed", scope["method"], scope["path"])
            bug = DMRError("the service failed to answer", hint="its log tells more")
            await error_answer(scope, bug)(scope, receive, send)


async def _to_slash(request: Request) -> Response:
    return RedirectResponse(f"{request.url.path}/", 301)


class _NotFound:
    """404 to any method."""

    def __init__(self, text: str) -> None:
        self._text = text

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await text_answer(404, self._text)(scope, receive, send)
