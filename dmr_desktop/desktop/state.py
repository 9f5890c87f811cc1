"""What the desktop shows, as one immutable value; and how it follows the service's events.

Pure: no Qt, no sockets, no clock. The state is only ever what the service said (see
``protocol.notices``) plus the link to it; a click never changes it, the event that follows does.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from dmr_desktop.desktop.names import canonical, familiar
from dmr_desktop.protocol.json_types import JSON
from dmr_desktop.protocol.notices import GpuNotice, PullStatus, RequestNotice, Snapshot, TcpStatus, TelemetrySample
from dmr_desktop.protocol.runners import RunnerState, RunnerStatus
from dmr_desktop.protocol.wire import WireError, load

HISTORY_SAMPLES = 120
"""Two minutes at one sample a second, or half an hour at four a minute."""
MAX_REQUESTS = 200


class Link(StrEnum):
    """How the desktop stands to the service."""

    CONNECTING = "connecting"
    STARTING = "starting"
    CONNECTED = "connected"
    LOST = "lost"
    STOPPED = "stopped"
    FAILED = "failed"


class Shape(StrEnum):
    """What the tray icon says; each has its own silhouette."""

    STOPPED = "stopped"
    STARTING = "starting"
    READY = "ready"
    BUSY = "busy"
    PULLING = "pulling"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """One stored model. ``name`` is its first tag as people write it, or its short id."""

    id: str
    name: str
    tags: tuple[str, ...]
    size_bytes: int
    parameters: str = ""
    quantization: str = ""
    architecture: str = ""
    context_size: int | None = None

    @property
    def is_encoder(self) -> bool:
        """Encoder models have no chat; their family names all hold "bert"."""
        return "bert" in self.architecture

    @property
    def reference(self) -> str:
        """What to call the model in a request. A tag that would climb out of a URL's path is not used."""
        return self.tags[0] if self.tags and ".." not in self.tags[0] else self.id


@dataclass(frozen=True, slots=True)
class DesktopState:
    """``fault`` says why ``link`` is FAILED or LOST. ``pulls`` are those that run; ``requests`` the newest first.

    ``telemetry`` is of each of the last seconds, ``history`` of each quarter of a minute. ``missing_gpus`` are names of
    cards that do not answer any more.

    All is empty unless connected.
    """

    link: Link = Link.CONNECTING
    fault: str = ""
    version: str = ""
    socket_path: str = ""
    models_path: str = ""
    tcp: TcpStatus | None = None
    containers: TcpStatus | None = None
    models: tuple[ModelEntry, ...] = ()
    runners: tuple[RunnerStatus, ...] = ()
    pulls: tuple[PullStatus, ...] = ()
    telemetry: tuple[TelemetrySample, ...] = ()
    history: tuple[TelemetrySample, ...] = ()
    requests: tuple[RequestNotice, ...] = ()
    missing_gpus: tuple[str, ...] = ()

    @property
    def is_connected(self) -> bool:
        return self.link is Link.CONNECTED

    @property
    def loaded(self) -> tuple[RunnerStatus, ...]:
        """Runners that hold memory or are about to."""
        return tuple(r for r in self.runners if r.state not in (RunnerState.STOPPED, RunnerState.FAILED))

    @property
    def active_requests(self) -> int:
        """Requests being answered; those that wait for their model to load do not count."""
        return sum(runner.active_requests for runner in self.runners if runner.state is not RunnerState.STARTING)

    @property
    def base_url(self) -> str | None:
        """The OpenAI base URL over TCP, None while nothing listens there."""
        if self.tcp is None or not self.tcp.listening:
            return None
        return f"http://localhost:{self.tcp.port}/engines/v1"

    @property
    def network_url(self) -> str | None:
        """The OpenAI base URL for other machines of the local network, None while they are not let in."""
        if self.tcp is None or not self.tcp.network.addresses:
            return None
        address = self.tcp.network.addresses[0]
        return f"http://{f'[{address}]' if ':' in address else address}:{self.tcp.port}/engines/v1"

    def runner_of(self, model: ModelEntry) -> RunnerStatus | None:
        """The runner to show for a model: a live one before a failed one."""
        found = [runner for runner in self.runners if runner.model_id == model.id]
        found.sort(key=lambda runner: runner.state in (RunnerState.FAILED, RunnerState.STOPPED))
        return found[0] if found else None

    def last_used(self, model: ModelEntry) -> float:
        """Unix seconds, as far as this run of the service knows; 0: not since its start."""
        runners = [runner.last_used for runner in self.runners if runner.model_id == model.id]
        names = {canonical(tag) for tag in model.tags} | {model.id}
        asked = (request.started_at for request in self.requests if canonical(request.model) in names)
        return max(0.0, *runners, next(asked, 0.0))

    def runner_name(self, runner: RunnerStatus) -> str:
        """A runner's model as people write it."""
        for model in self.models:
            if model.id == runner.model_id:
                return model.name
        return familiar(runner.model_name or short_id(runner.model_id))


def short_id(model_id: str) -> str:
    return model_id.removeprefix("sha256:")[:12]


def with_link(state: DesktopState, link: Link, fault: str = "") -> DesktopState:
    """The state after the link changed. Without a connection nothing of the service's is known any more."""
    if link is Link.CONNECTED:
        return replace(state, link=link, fault=fault)
    return DesktopState(link=link, fault=fault, version=state.version, socket_path=state.socket_path)


def apply(state: DesktopState, event: str, data: JSON) -> DesktopState:
    """The state after one event of ``/events``. Unknown events change nothing.

    Raises :class:`WireError` when ``data`` does not have the event's shape.
    """
    match event:
        case "snapshot":
            return _from_snapshot(load(Snapshot, data))
        case "models":
            return replace(state, models=tuple(_model(item) for item in _items(data, "models")))
        case "runners":
            return replace(state, runners=tuple(load(RunnerStatus, item) for item in _items(data, "runners")))
        case "pull":
            return replace(state, pulls=_with_pull(state.pulls, load(PullStatus, data)))
        case "tcp":
            return replace(state, tcp=load(TcpStatus, data))
        case "containers":
            return replace(state, containers=load(TcpStatus, data))
        case "telemetry":
            return replace(state, telemetry=(*state.telemetry, load(TelemetrySample, data))[-HISTORY_SAMPLES:])
        case "history":
            return replace(state, history=(*state.history, load(TelemetrySample, data))[-HISTORY_SAMPLES:])
        case "gpus":
            return replace(state, missing_gpus=load(GpuNotice, data).missing)
        case "request":
            return replace(state, requests=_with_request(state.requests, load(RequestNotice, data)))
    return state


def shape_of(state: DesktopState) -> Shape:
    """The tray shape: trouble first, then what is going on, then readiness."""
    match state.link:
        case Link.CONNECTING | Link.STARTING:
            return Shape.STARTING
        case Link.LOST | Link.FAILED:
            return Shape.ERROR
        case Link.STOPPED:
            return Shape.STOPPED
    if trouble_of(state):
        return Shape.ERROR
    if state.pulls:
        return Shape.PULLING
    if state.active_requests:
        return Shape.BUSY
    if any(runner.state is RunnerState.STARTING for runner in state.runners):
        return Shape.STARTING
    return Shape.READY


def trouble_of(state: DesktopState) -> str:
    """The service's own sentence about what is wrong while connected, "" when nothing is."""
    if state.tcp is not None and state.tcp.enabled and state.tcp.error:
        return state.tcp.error
    for runner in state.runners:
        if runner.state is RunnerState.FAILED:
            return f"{state.runner_name(runner)}: {runner.error}"
    return ""


def find_pull(pulls: tuple[PullStatus, ...], reference: str) -> PullStatus | None:
    """The pull that a typed name means."""
    wanted = canonical(reference)
    return next((pull for pull in pulls if canonical(pull.reference) == wanted), None)


def _from_snapshot(snapshot: Snapshot) -> DesktopState:
    return DesktopState(
        link=Link.CONNECTED,
        version=snapshot.version,
        socket_path=snapshot.socket_path,
        models_path=snapshot.models_path,
        tcp=snapshot.tcp,
        containers=snapshot.containers,
        models=tuple(_model(item) for item in snapshot.models),
        runners=snapshot.runners,
        pulls=tuple(pull for pull in snapshot.pulls if pull.state == "running"),
        telemetry=snapshot.telemetry[-HISTORY_SAMPLES:],
        history=snapshot.history[-HISTORY_SAMPLES:],
        requests=snapshot.requests[:MAX_REQUESTS],
        missing_gpus=snapshot.gpus.missing,
    )


def _with_pull(pulls: tuple[PullStatus, ...], pull: PullStatus) -> tuple[PullStatus, ...]:
    """A pull's newest status in its old place; one that ended leaves. Who asked for it hears how it ended."""
    if pull.state != "running":
        return tuple(old for old in pulls if old.reference != pull.reference)
    if any(old.reference == pull.reference for old in pulls):
        return tuple(pull if old.reference == pull.reference else old for old in pulls)
    return (*pulls, pull)


def _with_request(requests: tuple[RequestNotice, ...], notice: RequestNotice) -> tuple[RequestNotice, ...]:
    """A request's newest notice in its old place, or on top."""
    if any(old.id == notice.id for old in requests):
        return tuple(notice if old.id == notice.id else old for old in requests)
    return (notice, *requests)[:MAX_REQUESTS]


def _items(data: JSON, name: str) -> list[JSON]:
    items = data.get(name) if isinstance(data, Mapping) else None
    if not isinstance(items, list | tuple):
        raise WireError(f"{name}: an array is needed")
    return list(items)


def _model(item: JSON) -> ModelEntry:
    if not isinstance(item, Mapping) or not isinstance(item.get("id"), str):
        raise WireError("models: each needs an id")
    tags = item.get("tags")
    names = tuple(str(tag) for tag in tags) if isinstance(tags, list | tuple) else ()
    config = item.get("config")
    facts: Mapping[str, JSON] = config if isinstance(config, Mapping) else {}
    size, context = item.get("size_bytes"), facts.get("context_size")
    return ModelEntry(
        id=str(item["id"]),
        name=familiar(names[0]) if names else short_id(str(item["id"])),
        tags=names,
        size_bytes=size if isinstance(size, int) else 0,
        parameters=str(facts.get("parameters") or ""),
        quantization=str(facts.get("quantization") or ""),
        architecture=str(facts.get("architecture") or ""),
        context_size=context if isinstance(context, int) else None,
    )
