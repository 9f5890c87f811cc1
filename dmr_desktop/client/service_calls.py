"""Calls about the service itself: version, switches, logs, what happens in it."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from dmr_desktop.client.connection import Connection, checked, lines_of, loaded, parsed
from dmr_desktop.client.sse import server_events
from dmr_desktop.protocol import wire
from dmr_desktop.protocol.json_types import JSON
from dmr_desktop.protocol.notices import PullStatus, RequestNotice, Snapshot, TcpStatus, TelemetrySample

_NOTICES: dict[str, Callable[[JSON], Any]] = {
    "snapshot": lambda data: wire.load(Snapshot, data),
    "pull": lambda data: wire.load(PullStatus, data),
    "tcp": lambda data: wire.load(TcpStatus, data),
    "telemetry": lambda data: wire.load(TelemetrySample, data),
    "request": lambda data: wire.load(RequestNotice, data),
}


class ServiceCalls(Connection):
    def version(self) -> str:
        return str(self._own_json("/version").get("version", ""))

    def backends(self) -> dict[str, str]:
        """``/engines/status``: backend name to ``Running: ...``, ``Not Installed: ...`` and so on."""
        return {str(name): str(state) for name, state in self._own_json("/engines/status").items()}

    def tcp(self) -> TcpStatus:
        return loaded(TcpStatus, self._json("GET", "/settings").get("tcp"))

    def doors(self) -> tuple[TcpStatus, TcpStatus | None]:
        """TCP on loopback, and the door for containers, None if this service has none."""
        settings = self._json("GET", "/settings")
        containers = settings.get("containers")
        return loaded(TcpStatus, settings.get("tcp")), None if containers is None else loaded(TcpStatus, containers)

    def set_containers(self, enabled: bool, port: int | None = None) -> TcpStatus:
        """Let containers in, or not. Raises Conflict when there is no address or the port is taken."""
        body: dict[str, JSON] = {"enabled": enabled}
        if port is not None:
            body["port"] = port
        return loaded(TcpStatus, self._json("PUT", "/settings/containers", body))

    def set_tcp(self, enabled: bool, port: int | None = None, origins: Sequence[str] | None = None) -> TcpStatus:
        """Open or close the TCP door. Raises PortInUse when somebody else holds the port.

        ``origins`` are the web origins allowed besides loopback ones, ``*`` all; None leaves them as they are.
        """
        body: dict[str, JSON] = {"enabled": enabled}
        if port is not None:
            body["port"] = port
        if origins is not None:
            body["origins"] = list(origins)
        return loaded(TcpStatus, self._json("PUT", "/settings/tcp", body))

    def open_to_network(
        self, port: int, *, new_key: bool, origins: Sequence[str] | None = None
    ) -> tuple[TcpStatus, str]:
        """Open the TCP door to the local network too; the key if a new one is made, else "".

        Raises Conflict when a port is taken, there is no key and none is made, or the key is the settings' own.
        """
        body: dict[str, JSON] = {"enabled": True, "port": port, "network": True, "new_key": new_key}
        if origins is not None:
            body["origins"] = list(origins)
        answer = dict(self._json("PUT", "/settings/tcp", body))
        key = str(answer.pop("api_key", ""))
        return loaded(TcpStatus, answer), key

    def close_to_network(self) -> TcpStatus:
        """Close the local network's side of the TCP door; this machine's side stays as it is."""
        is_open = self.tcp().enabled
        return loaded(TcpStatus, self._json("PUT", "/settings/tcp", {"enabled": is_open, "network": False}))

    def stop_service(self) -> None:
        """Ask the service to end; it answers first and then goes."""
        self._send("POST", "/service/stop")

    def events(self) -> Iterator[tuple[str, Any]]:
        """``(name, value)`` of ``/events``, the first being the :class:`Snapshot`; for ever.

        Sections without a type of their own (``models``, ``runners``, ``stopping``) come as JSON.
        """
        with self._stream("GET", "/events", headers={"Accept": "text/event-stream"}) as answer:
            for event in server_events(lines_of(answer)):
                data = parsed(event.data)
                yield event.name, checked(_NOTICES[event.name], data) if event.name in _NOTICES else data

    def telemetry(self) -> tuple[TelemetrySample, ...]:
        """The last two minutes, one sample a second, oldest first."""
        return tuple(loaded(TelemetrySample, entry) for entry in self._json("GET", "/telemetry")["telemetry"])

    def logs(self, *, follow: bool = False, with_engines: bool = True) -> Iterator[str]:
        """Lines of the merged log, without their newlines."""
        query = {"follow": str(follow).lower(), "no-engines": str(not with_engines).lower()}
        with self._stream("GET", "/logs", params=query) as answer:
            yield from lines_of(answer)
