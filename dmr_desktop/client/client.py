"""The one door from this program's other processes to the service: typed calls over HTTP.

Owns the connection and turns every failure into a protocol error. Knows neither how the service does
its work nor how answers are shown. The only importer of httpx in this room.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import quote

import httpx

from dmr_desktop import __version__
from dmr_desktop.client.answers import (
    ChatChunk,
    DiskUsage,
    LoadedModel,
    Removal,
    chat_chunk_from_json,
    disk_usage_from_json,
    loaded_model_from_json,
    model_from_json,
    progress_from_json,
    removals_from_json,
)
from dmr_desktop.client.endpoint import Endpoint, TcpEndpoint, UnixEndpoint
from dmr_desktop.client.failures import error_from_response
from dmr_desktop.client.sse import server_events
from dmr_desktop.protocol import wire
from dmr_desktop.protocol.errors import DMRError, InvalidReference, RegistryError, ServiceUnreachable
from dmr_desktop.protocol.json_types import JSON
from dmr_desktop.protocol.models import Model, Progress
from dmr_desktop.protocol.notices import PullStatus, RequestNotice, Snapshot, TcpStatus, TelemetrySample

T = TypeVar("T")

START_HINT = "start it with `dmr serve --detach` or open the tray app (`dmr desktop`)"

_NOTICES: dict[str, Callable[[JSON], Any]] = {
    "snapshot": lambda data: wire.load(Snapshot, data),
    "pull": lambda data: wire.load(PullStatus, data),
    "tcp": lambda data: wire.load(TcpStatus, data),
    "telemetry": lambda data: wire.load(TelemetrySample, data),
    "request": lambda data: wire.load(RequestNotice, data),
}


class Client:
    """Calls raise :class:`DMRError`; :class:`ServiceUnreachable` when nobody listens or the connection breaks.

    Streams are generators: closing one (or leaving its loop) closes its connection, by which the service
    cancels the work. ``timeout_seconds`` bounds each wait for an answer of a call that is not a stream.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        timeout_seconds: float = 30.0,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self.endpoint = endpoint
        self._socket: Path | None = None
        match endpoint:
            case UnixEndpoint(path):
                base = "http://localhost"
                if transport is None:
                    self._socket, transport = path, httpx.HTTPTransport(uds=str(path))
            case TcpEndpoint(url):
                base = url
        self._http = httpx.Client(
            base_url=base,
            transport=transport,
            timeout=httpx.Timeout(timeout_seconds, connect=5.0),
            headers={"User-Agent": f"dmr-desktop/{__version__}", "Accept": "application/json"},
            trust_env=False,  # a proxy must never stand between us and this machine
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    # ---- the service ------------------------------------------------------------------------

    def version(self) -> str:
        return str(self._json("GET", "/version").get("version", ""))

    def backends(self) -> dict[str, str]:
        """``/engines/status``: backend name to ``Running: ...``, ``Not Installed: ...`` and so on."""
        return {str(name): str(state) for name, state in self._json("GET", "/engines/status").items()}

    def tcp(self) -> TcpStatus:
        return _load(TcpStatus, self._json("GET", "/settings").get("tcp"))

    def set_tcp(self, enabled: bool, port: int | None = None) -> TcpStatus:
        """Open or close the TCP door. Raises PortInUse when somebody else holds the port."""
        body: dict[str, JSON] = {"enabled": enabled}
        if port is not None:
            body["port"] = port
        return _load(TcpStatus, self._json("PUT", "/settings/tcp", body))

    def stop_service(self) -> None:
        """Ask the service to end; it answers first and then goes."""
        self._send("POST", "/service/stop")

    def events(self) -> Iterator[tuple[str, Any]]:
        """``(name, value)`` of ``/events``, the first being the :class:`Snapshot`; for ever.

        Sections without a type of their own (``models``, ``runners``, ``stopping``) come as JSON.
        """
        with self._stream("GET", "/events", headers={"Accept": "text/event-stream"}) as response:
            for event in server_events(_lines(response)):
                data = _parse(event.data)
                yield event.name, _checked(_NOTICES[event.name], data) if event.name in _NOTICES else data

    def telemetry(self) -> tuple[TelemetrySample, ...]:
        """The last two minutes, one sample a second, oldest first."""
        return tuple(_load(TelemetrySample, entry) for entry in self._json("GET", "/telemetry")["telemetry"])

    def logs(self, *, follow: bool = False, with_engines: bool = True) -> Iterator[str]:
        """Lines of the merged log, without their newlines."""
        query = {"follow": str(follow).lower(), "no-engines": str(not with_engines).lower()}
        with self._stream("GET", "/logs", params=query) as response:
            yield from _lines(response)

    # ---- models -----------------------------------------------------------------------------

    def models(self) -> list[Model]:
        return [model_from_json(entry) for entry in self._json("GET", "/models")]

    def openai_models(self) -> JSON:
        """The OpenAI model list, as it is."""
        found: JSON = self._json("GET", "/engines/v1/models")
        return found

    def inspect(self, reference: str) -> Model:
        """Raises ModelNotFound."""
        return model_from_json(self._json("GET", f"/models/{_path(reference)}"))

    def pull(self, reference: str, *, bearer_token: str = "") -> Iterator[Progress]:
        """The lines of a pull, ``success`` last. Raises :class:`DMRError`; what came is kept for resuming."""
        body: dict[str, JSON] = {"from": reference}
        if bearer_token:
            body["bearer-token"] = bearer_token
        return self._progress("/models/create", body)

    def remove(self, reference: str, *, force: bool = False) -> tuple[Removal, ...]:
        query = {"force": str(force).lower()}
        return removals_from_json(self._json("DELETE", f"/models/{_path(reference)}", params=query))

    def tag(self, source: str, target: str) -> None:
        name, _, tag = target.rpartition(":")
        if not name or "/" in tag:
            name, tag = target, "latest"
        self._send("POST", f"/models/{_path(source)}/tag", params={"repo": name, "tag": tag})

    def package(self, gguf: str, target: str, *, context_size: int | None = None) -> JSON:
        """Make a model of a GGUF file that the service can read (an absolute path). Unix socket only."""
        body: dict[str, JSON] = {"gguf": gguf, "target": target}
        if context_size is not None:
            body["context_size"] = context_size
        # The file is copied and hashed before the answer comes: gigabytes take a while.
        found: JSON = self._json("POST", "/models/package", body, timeout_seconds=None)
        return found

    # ---- runners ----------------------------------------------------------------------------

    def ps(self) -> list[LoadedModel]:
        return [loaded_model_from_json(entry) for entry in self._json("GET", "/engines/ps")]

    def unload(self, models: Sequence[str] = (), *, all_models: bool = False, backend: str = "") -> int:
        """How many runners were unloaded; those in use stay."""
        body: dict[str, JSON] = {"all": all_models, "backend": backend, "models": list(models)}
        return int(self._json("POST", "/engines/unload", body).get("unloaded_runners", 0))

    def disk_usage(self) -> DiskUsage:
        return disk_usage_from_json(self._json("GET", "/engines/df"))

    def configure(self, model: str, *, context_size: int | None = None, keep_alive: str | None = None) -> None:
        """``keep_alive`` is a Go duration, ``0`` or a negative number for ever."""
        body: dict[str, JSON] = {"model": model}
        if context_size is not None:
            body["context-size"] = context_size
        if keep_alive is not None:
            body["keep_alive"] = keep_alive
        self._send("POST", "/engines/_configure", body)

    def preload(self, model: str) -> None:
        """Load the model for chat and return once it is ready."""
        body: dict[str, JSON] = {"model": model, "messages": []}
        headers = {"X-Preload-Only": "true"}
        self._send("POST", "/engines/v1/chat/completions", body, headers=headers, timeout_seconds=None)

    def chat(self, model: str, messages: Sequence[JSON], **options: JSON) -> Iterator[ChatChunk]:
        """A streamed answer; ``options`` are further members of the OpenAI request body.

        Raises :class:`DMRError`, also in mid-stream when the model's process dies.
        """
        body: dict[str, JSON] = {
            "model": model,
            "messages": list(messages),
            "stream": True,
            "stream_options": {"include_usage": True},
            **options,
        }
        headers = {"Accept": "text/event-stream"}
        with self._stream("POST", "/engines/v1/chat/completions", body, headers=headers) as response:
            for event in server_events(_lines(response)):
                if event.data == "[DONE]":
                    return
                data = _parse(event.data)
                if isinstance(data, dict) and "error" in data:
                    raise error_from_response(500, event.data.encode())
                yield chat_chunk_from_json(data)
        raise ServiceUnreachable("the answer broke off: the service closed the connection", hint=START_HINT)

    # ---- the wire ---------------------------------------------------------------------------

    def _progress(self, path: str, body: JSON) -> Iterator[Progress]:
        try:
            with self._stream("POST", path, body) as response:
                for line in _lines(response):
                    if not line.strip():
                        continue
                    progress = progress_from_json(_parse(line))
                    if progress.type == "error":
                        raise RegistryError(progress.message.removeprefix("Error: "))
                    yield progress
                    if progress.type == "success":
                        return
        except DMRError as error:
            if type(error) is DMRError:  # a status without a type of its own: something about the registry
                raise RegistryError(error.message, hint=error.hint, evidence=error.evidence) from error
            raise
        raise ServiceUnreachable("the transfer broke off: the service closed the connection", hint=START_HINT)

    def _json(
        self,
        method: str,
        path: str,
        body: JSON = None,
        *,
        params: dict[str, str] | None = None,
        timeout_seconds: float | None = -1,
    ) -> Any:
        return _parse(self._send(method, path, body, params=params, timeout_seconds=timeout_seconds).text)

    def _send(
        self,
        method: str,
        path: str,
        body: JSON = None,
        *,
        params: dict[str, str] | None = None,
        headers: dict[str, str] | None = None,
        timeout_seconds: float | None = -1,
    ) -> httpx.Response:
        """``timeout_seconds`` -1: the client's own; None: no limit."""
        timeout = httpx.USE_CLIENT_DEFAULT if timeout_seconds == -1 else httpx.Timeout(timeout_seconds, connect=5.0)
        with self._foreign_errors():
            response = self._http.request(method, path, json=body, params=params, headers=headers, timeout=timeout)
        if not response.is_success:
            raise error_from_response(response.status_code, response.content)
        return response

    @contextmanager
    def _stream(
        self,
        method: str,
        path: str,
        body: JSON = None,
        *,
        params: dict[str, str] | None = None,
        headers: dict[str, str] | None = None,
    ) -> Iterator[httpx.Response]:
        timeout = httpx.Timeout(None, connect=5.0)
        with (
            self._foreign_errors(),
            self._http.stream(method, path, json=body, params=params, headers=headers, timeout=timeout) as response,
        ):
            if not response.is_success:
                raise error_from_response(response.status_code, response.read())
            yield response

    @contextmanager
    def _foreign_errors(self) -> Iterator[None]:
        # Seen beforehand: httpcore leaks a socket object at each refused Unix connection.
        if self._socket is not None and not self._socket.exists():
            raise ServiceUnreachable(f"no service answers at {self.endpoint}", hint=START_HINT)
        try:
            yield
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise ServiceUnreachable(
                f"no service answers at {self.endpoint}", hint=START_HINT, evidence=str(error)
            ) from error
        except httpx.TimeoutException as error:
            raise DMRError(
                f"the service at {self.endpoint} did not answer in time",
                hint="`dmr logs` tells what it is doing",
                evidence=repr(error),
            ) from error
        except httpx.TransportError as error:
            raise ServiceUnreachable(
                f"the connection to the service at {self.endpoint} was lost",
                hint="`dmr logs` tells why; " + START_HINT,
                evidence=repr(error),
            ) from error


def _lines(response: httpx.Response) -> Iterator[str]:
    """Lines ended by LF (CR LF too). httpx's own splitter also cuts at U+2028, which JSON text may hold."""
    rest = ""
    for text in response.iter_text():
        *lines, rest = (rest + text).split("\n")
        yield from (line.removesuffix("\r") for line in lines)
    if rest:
        yield rest


def _parse(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise DMRError(
            "the service answered with something that is not JSON",
            hint="is another program listening at this address? `dmr status` shows which one is asked",
            evidence=text[:200],
        ) from error


def _checked(load: Callable[[JSON], T], data: Any) -> T:
    try:
        return load(data)
    except wire.WireError as error:
        raise DMRError(
            f"the service speaks another version of this program's language ({error})",
            hint="restart it: `dmr stop`, then `dmr serve --detach`",
        ) from error


def _load(cls: type[T], data: Any) -> T:
    return _checked(lambda value: wire.load(cls, value), data)


def _path(reference: str) -> str:
    """The reference as path segments. One that would climb out of ``/models/`` is refused here."""
    if any(segment in ("", ".", "..") for segment in reference.split("/")):
        raise InvalidReference(
            f"{reference!r} is not a model name",
            hint="names look like ai/smollm2, hf.co/org/repo:Q4_K_M or dmr.local/demo",
        )
    return quote(reference, safe="/:@")
