"""The service's own routes: what it is, what happens in it, its switches and its end."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from functools import partial

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from dmr_desktop import __version__
from dmr_desktop.dialects.fields import Fields
from dmr_desktop.dialects.frames import EVENT_STREAM
from dmr_desktop.protocol import wire
from dmr_desktop.protocol.errors import Conflict, InvalidRequest
from dmr_desktop.protocol.json_types import JSON
from dmr_desktop.protocol.notices import Snapshot
from dmr_desktop.service.answers import PLAIN, json_answer, text_answer
from dmr_desktop.service.api_keys import ApiKeys, new_key
from dmr_desktop.service.bus import Bus, event_frame
from dmr_desktop.service.container_switch import ContainerSwitch
from dmr_desktop.service.guard import MAX_ORIGINS, checked_origins
from dmr_desktop.service.logs import Logs
from dmr_desktop.service.prometheus_text import CONTENT_TYPE as METRICS_TYPE
from dmr_desktop.service.requests import parse_go_bool, read_fields
from dmr_desktop.service.streamed import WARM_SECONDS, StreamedAnswer, StreamResponse
from dmr_desktop.service.tcp_switch import TcpSwitch
from dmr_desktop.service.telemetry import Telemetry
from dmr_desktop.settings import Settings

_WARM = b":\n\n"
_MEASURED = frozenset({"telemetry", "history"})


class ServiceRoutes:
    """``snapshot`` makes what ``/events`` begins with, ``metrics_text`` what ``/metrics`` answers.

    Setting ``stopping`` ends the service.
    """

    def __init__(
        self,
        settings: Settings,
        bus: Bus,
        telemetry: Telemetry,
        tcp: TcpSwitch,
        logs: Logs,
        stopping: asyncio.Event,
        snapshot: Callable[[], Awaitable[Snapshot]],
        metrics_text: Callable[[], Awaitable[str]],
        containers: ContainerSwitch,
        keys: ApiKeys,
        network_addresses: Callable[[], tuple[str, ...]],
    ) -> None:
        self._settings = settings
        self._bus = bus
        self._telemetry = telemetry
        self._tcp = tcp
        self._logs = logs
        self._stopping = stopping
        self._snapshot = snapshot
        self._metrics_text = metrics_text
        self._containers = containers
        self._keys = keys
        self._network_addresses = network_addresses

    def routes(self) -> list[BaseRoute]:
        return [
            Route("/", _Fixed(b"Docker Model Runner is running", PLAIN)),
            Route("/version", _Fixed(f'{{"version":"{__version__}"}}\n'.encode(), "application/json")),
            Route("/health", _Fixed(b'{"status":"ok"}\n', "application/json")),
            Route("/events", self.events, methods=["GET"]),
            Route("/logs", self.logs, methods=["GET"]),
            *([] if self._settings.disable_metrics else [Route("/metrics", self.metrics, methods=["GET"])]),
            Route("/telemetry", self.telemetry, methods=["GET"]),
            Route("/settings", self.settings, methods=["GET"]),
            Route("/settings/tcp", self.set_tcp, methods=["PUT"]),
            Route("/settings/containers", self.set_containers, methods=["PUT"]),
            Route("/service/stop", self.stop, methods=["POST"]),
        ]

    # ---- what happens -----------------------------------------------------------------------

    async def events(self, request: Request) -> Response:
        """With ``?telemetry=false`` nothing is sent that was only measured: for who shows nothing of it."""
        is_measured = request.query_params.get("telemetry", "true").lower() not in ("false", "0")
        return StreamResponse(partial(self._write_events, is_measured=is_measured), EVENT_STREAM)

    async def _write_events(self, out: StreamedAnswer, *, is_measured: bool) -> None:
        with self._bus.subscribe(frozenset() if is_measured else _MEASURED) as subscription:
            snapshot = await self._snapshot()
            if is_measured:
                self._telemetry.wake()
            else:
                snapshot = replace(snapshot, telemetry=(), history=())
            await out.write(event_frame("snapshot", wire.dump(snapshot)))
            while (frames := await subscription.fetch(WARM_SECONDS)) is not None:
                await out.write(frames or _WARM)

    async def telemetry(self, _: Request) -> Response:
        return json_answer({"telemetry": wire.dump(await self._telemetry.latest())})

    async def metrics(self, _: Request) -> Response:
        return Response(await self._metrics_text(), media_type=METRICS_TYPE)

    async def logs(self, request: Request) -> Response:
        flags = {}
        for name in ("follow", "no-engines"):
            text = request.query_params.get(name) or "false"
            try:
                flags[name] = parse_go_bool(text)
            except ValueError:
                return text_answer(400, f'invalid {name} parameter: "{text}" is not a valid boolean')
        with_engines = not flags["no-engines"]
        if flags["follow"]:
            return StreamResponse(partial(self._write_log, with_engines=with_engines), PLAIN)
        try:
            lines = await asyncio.to_thread(self._logs.lines, with_engines=with_engines)
        except FileNotFoundError:
            return text_answer(404, "service log not found")
        return Response(_joined(lines), media_type=PLAIN)

    async def _write_log(self, out: StreamedAnswer, *, with_engines: bool) -> None:
        with self._logs.follow(with_engines=with_engines) as follower:
            await out.write(_joined(await asyncio.to_thread(self._logs.lines, with_engines=with_engines)))
            while lines := await follower.fetch():
                await out.write(_joined(lines))

    # ---- switches ---------------------------------------------------------------------------

    async def settings(self, _: Request) -> Response:
        settings = self._settings
        return json_answer(
            {
                "version": __version__,
                "tcp": wire.dump(self._tcp.status),
                "containers": wire.dump(self._containers.status),
                "network": {"addresses": settings.bind_addresses, "port": settings.tcp_port},
                "network_addresses": await asyncio.to_thread(self._network_addresses),
                "socket_path": str(settings.socket_path),
                "models_path": str(settings.models_path),
                "log_dir": str(settings.log_dir),
                "origins": settings.origins,
                "idle_timeout_seconds": settings.idle_timeout_seconds,
            }
        )

    async def set_tcp(self, request: Request) -> Response:
        """With ``"network"`` for the local network's side, and ``"new_key": true`` for a key that is told here only."""
        body, is_on, port = await _read_switch(request)
        origins = body.items("origins", at_most=MAX_ORIGINS)
        allowed = None if origins is None else checked_origins(origins)
        network = body.flag("network") if "network" in body else None
        if network and not is_on:
            raise InvalidRequest("invalid request: 'network' needs 'enabled'")
        key = new_key() if body.flag("new_key") else None
        return await _switched(self._set_tcp(is_on, port, allowed, network, key))

    async def _set_tcp(
        self, is_on: bool, port: int | None, origins: tuple[str, ...] | None, network: bool | None, key: str | None
    ) -> JSON:
        if key is not None:
            self._keys.check_replaceable()
        status = await self._tcp.set(is_on, port, origins=origins, network=network, key=key)
        members = wire.dump(status)
        assert isinstance(members, dict)
        return members if key is None else members | {"api_key": key}

    async def set_containers(self, request: Request) -> Response:
        _, is_on, port = await _read_switch(request)
        return await _switched(self._set_containers(is_on, port))

    async def _set_containers(self, is_on: bool, port: int | None) -> JSON:
        return wire.dump(await self._containers.set(is_on, port))

    async def stop(self, _: Request) -> Response:
        self._stopping.set()
        return Response(status_code=202)


async def _read_switch(request: Request) -> tuple[Fields, bool, int | None]:
    """The body, whether the door is to be open, and on which port if it says so."""
    body = await read_fields(request, "invalid request")
    if not isinstance(body.get("enabled"), bool):
        raise InvalidRequest("invalid request: 'enabled' must be true or false")
    return body, body.flag("enabled"), body.integer("port", 1, 65535)


async def _switched(setting: Awaitable[JSON]) -> Response:
    """The switch's new status, or why it stays as it was."""
    try:
        return json_answer(await setting)
    except Conflict as error:
        return text_answer(409, f"{error.message}: {error.hint}" if error.hint else error.message)


def _joined(lines: Sequence[str]) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()


class _Fixed:
    """The same answer to any method."""

    def __init__(self, body: bytes, media_type: str) -> None:
        self._body = body
        self._media_type = media_type

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await Response(self._body, media_type=self._media_type)(scope, receive, send)
