"""The composition root: builds the service's parts, wires them, and is the ASGI application."""

import asyncio
import time
from collections.abc import Coroutine, Iterator, Mapping

from starlette.routing import BaseRoute
from starlette.types import ASGIApp

from dmr_desktop import __version__
from dmr_desktop.backends.base import Backend
from dmr_desktop.protocol.notices import Snapshot, TcpStatus
from dmr_desktop.protocol.runners import RunnerConfig
from dmr_desktop.service.announcer import Announcer, model_notice
from dmr_desktop.service.api_keys import ApiKeys
from dmr_desktop.service.bus import Bus
from dmr_desktop.service.catalog import Catalog
from dmr_desktop.service.configurations import Configurations
from dmr_desktop.service.container_switch import ContainerSwitch
from dmr_desktop.service.demo import DemoModel
from dmr_desktop.service.error_layer import ErrorLayer
from dmr_desktop.service.guard import Guard
from dmr_desktop.service.inference_endpoints import InferenceParts
from dmr_desktop.service.listeners import Listeners
from dmr_desktop.service.loader import Loader, LoaderLimits
from dmr_desktop.service.local_network import local_addresses
from dmr_desktop.service.logs import Logs
from dmr_desktop.service.metrics import Metrics
from dmr_desktop.service.preloads import Preloads
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
from dmr_desktop.service.routing import router_of
from dmr_desktop.service.sleep_watch import SleepWatch
from dmr_desktop.service.store_owner import StoreOwner
from dmr_desktop.service.tcp_switch import TcpSwitch
from dmr_desktop.service.telemetry import Telemetry
from dmr_desktop.service.transfers import Transfers
from dmr_desktop.service.wishes import read_service_flags, request_defaults, with_flags
from dmr_desktop.settings import Settings, asset
from dmr_desktop.store.store import ModelStore

_DRAIN_SECONDS = 3.0


class Service:
    """All parts, from the start of the event loop to its end. Raises StoreError if the store cannot be used."""

    def __init__(self, settings: Settings, backends: Mapping[str, Backend], logs: Logs) -> None:
        self.settings = settings
        self.stopping = asyncio.Event()
        self._logs = logs
        self._started_at = time.time()
        self._tasks: set[asyncio.Task[None]] = set()
        store = ModelStore(
            settings.models_path,
            default_registry=settings.default_registry,
            insecure_registries=settings.insecure_registries,
            registry_mirrors=settings.registry_mirrors,
            ca_file=settings.ca_file,
        )
        self._owner = StoreOwner(settings.models_path, settings.socket_path)
        self.bus = Bus()
        self._announcer = Announcer(
            self.bus, models=lambda: self.catalog.models(), runners=lambda: self.loader.statuses()
        )
        self.demo = DemoModel(store, asset("demo/demo.gguf"), settings.state_dir / "demo-stored")
        self.catalog = Catalog(store, self._announcer.models_changed)
        self.metrics = Metrics()
        flags = read_service_flags(settings.llama_args)
        base = with_flags(RunnerConfig(num_sequences=settings.num_sequences, threads=settings.threads), flags)
        configurations = Configurations(base, request_defaults(flags, flags.reasoning_budget))
        self.loader = Loader(
            backends,
            configurations,
            LoaderLimits(idle_timeout_seconds=settings.idle_timeout_seconds, max_queue=settings.max_queue),
            log=logs.for_runner,
            on_change=self._runners_changed,
            tell=self.metrics.loader_event,
        )
        self.pulls = Transfers(
            "pull",
            self.demo.pull,
            normalise=store.normalise,
            announce=self._announcer.pull,
            on_done=self.catalog.changed,
        )
        self.pushes = Transfers("push", store.push, normalise=store.normalise)
        self.recorder = Recorder(self._announcer.request, self.metrics.request_ended)
        self.telemetry = Telemetry(
            self.recorder,
            self.loader.statuses,
            lambda: self.bus.wants("telemetry"),
            self._announcer.state,
        )
        self.containers = ContainerSwitch(
            settings.state_dir / "containers.json",
            settings.container_addresses,
            settings.tcp_port,
            lambda status: self._announcer.state("containers", status),
        )
        self._keys = ApiKeys(settings.state_dir / "api-key.json", settings.api_key)
        self.tcp = TcpSwitch(
            settings.state_dir / "tcp.json", settings.tcp_port, self._tcp_changed, self._keys, self._network_addresses
        )
        self._preloads = Preloads(self.loader)
        self.requests = RequestLog(keeps_bodies=settings.keep_request_bodies, config_of=configurations.shown)
        self._guard = Guard(
            ErrorLayer(router_of(self._routes(logs, configurations))),
            hosts=settings.hosts,
            origins=(*settings.origins, *self.tcp.status.origins),
            container_hosts=settings.container_addresses,
            api_key=self._keys.key,
        )
        self.app: ASGIApp = self._guard
        self.listeners = Listeners(self.app, settings.extra_ports)

    def _routes(self, logs: Logs, configurations: Configurations) -> Iterator[BaseRoute]:
        catalog, loader = self.catalog, self.loader
        inference = InferenceParts(catalog, loader, configurations, self.recorder, self.requests)
        own = ServiceRoutes(
            self.settings,
            self.bus,
            self.telemetry,
            self.tcp,
            logs,
            self.stopping,
            self.snapshot,
            self._metrics_text,
            self.containers,
            self._keys,
            self._network_addresses,
        )
        yield from own.routes()
        yield from ArchiveRoutes(catalog).routes()
        yield from UpkeepRoutes(catalog, loader, self.pulls, self.pushes).routes()
        yield from PushRoutes(catalog, self.pushes).routes()
        yield from ModelRoutes(catalog, self.pulls, loader).routes()
        yield from EngineRoutes(catalog, loader, configurations, self._preloads).routes()
        yield from RequestRoutes(catalog, self.requests).routes()
        yield from InferenceRoutes(inference).routes()
        yield from rerank_routes(inference)
        yield from tokenize_routes(inference)
        yield from OllamaRoutes(inference).routes()
        idle_seconds = self.settings.idle_timeout_seconds
        yield from OllamaModelRoutes(catalog, self.pulls, self.pushes, loader, idle_seconds).routes()
        yield from AnthropicRoutes(inference).routes()
        yield from ResponseRoutes(inference, ResponseStore()).routes()

    # ---- life -------------------------------------------------------------------------------

    async def start(self, *, opens_tcp: bool = True) -> None:
        """``opens_tcp``: as the user left the switch. Raises Conflict if store, socket or an address cannot be had."""
        self._owner.take()
        await self.listeners.open_unix(self.settings.socket_path)
        await self.listeners.open_network(self.settings.bind_addresses, self.settings.tcp_port)
        await self.tcp.start(self.listeners, opens=opens_tcp)
        await self.containers.start(self.listeners)
        self._spawn(self.telemetry.run())
        self._spawn(SleepWatch(self._woke).run())
        self._spawn(self._store_demo())

    async def close(self) -> None:
        """In order: nothing new comes in, running requests are told, runners stop, the connections end."""
        self.bus.publish("stopping", dict)
        self.bus.close()
        self._logs.end_following()
        self.requests.end_following()
        self.containers.close()
        self.tcp.close()
        self.listeners.stop_accepting()
        await asyncio.gather(self.loader.shutdown(), self.pulls.close(), self.pushes.close(), self._preloads.close())
        await self.listeners.drain(_DRAIN_SECONDS)
        await self._announcer.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._owner.release()

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _woke(self) -> None:
        """A sleep may have cost the cards' drivers their state, and with it the models that are loaded there."""
        had_gpus = self.telemetry.has_gpus
        await self.telemetry.look_anew()
        if had_gpus:
            await self.loader.reload_dead()

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
            models=tuple(model_notice(model) for model in await self.catalog.models()),
            runners=tuple(self.loader.statuses()),
            pulls=self.pulls.statuses(),
            telemetry=self.telemetry.samples,
            history=self.telemetry.history,
            containers=self.containers.status,
            requests=self.recorder.recent,
            gpus=self.telemetry.gpus,
        )

    async def _metrics_text(self) -> str:
        return await self.metrics.text(self.loader)

    def _network_addresses(self) -> tuple[str, ...]:
        """Where the local network may come in; what the settings bind anyhow is left to them."""
        settings = self.settings
        bound = {*settings.bind_addresses, *settings.container_addresses}
        return tuple(one for one in settings.network_addresses or local_addresses() if one not in bound)

    def _tcp_changed(self, status: TcpStatus) -> None:
        self._guard.allow_origins((*self.settings.origins, *status.origins))
        self._announcer.state("tcp", status)

    def _runners_changed(self) -> None:
        self.requests.keep_loaded(self.loader.model_ids)
        self._announcer.runners_changed()
