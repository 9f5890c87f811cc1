"""What ``GET /events`` carries: one snapshot, then the sections that changed.

Server-sent events. The first has ``event: snapshot`` and a :class:`Snapshot`; each later one is named
after a section and holds that section's **complete** new value, so applying one twice does no harm and
a missed one heals with the next. ``pull`` is the exception: one :class:`PullStatus`, keyed by
``reference``. A comment line (``:``) keeps the connection warm every 15 s.

=============  =======================================
event          data (JSON of)
=============  =======================================
``snapshot``   :class:`Snapshot`
``models``     ``{"models": [Model.to_json() + size_bytes]}``
``runners``    ``{"runners": [RunnerStatus]}``
``pull``       :class:`PullStatus`
``tcp``        :class:`TcpStatus`
``containers`` the same, of the door for containers
``telemetry``  :class:`TelemetrySample`, one a second while somebody listens
``history``    :class:`TelemetrySample`, the mean of the last quarter of a minute; likewise
``gpus``       :class:`GpuNotice`, when a card is gone or back
``request``    :class:`RequestNotice`, when one starts and when it ends
``stopping``   ``{}``: the service is about to go
=============  =======================================
"""

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from dmr_desktop.protocol.json_types import JSON
from dmr_desktop.protocol.runners import RunnerStatus

PullState: TypeAlias = Literal["running", "done", "failed", "cancelled"]


@dataclass(frozen=True, slots=True)
class PullStatus:
    """``reference`` as normalised by the store. Bytes over all layers; ``bytes_per_second`` over the last seconds."""

    reference: str
    state: PullState
    current_bytes: int = 0
    total_bytes: int = 0
    bytes_per_second: float = 0.0
    message: str = ""


KeySource: TypeAlias = Literal["none", "stored", "settings"]
"""Where the API key is from: made at run time and kept as a digest, or written into the settings."""


@dataclass(frozen=True, slots=True)
class NetworkStatus:
    """Whether the TCP door is open to the local network too, for who has the API key.

    ``enabled`` is what the user wants, ``addresses`` are those of this computer where it listens, at the door's port;
    ``error`` says why there is none.
    """

    enabled: bool = False
    addresses: tuple[str, ...] = ()
    error: str = ""
    key: KeySource = "none"


@dataclass(frozen=True, slots=True)
class TcpStatus:
    """The TCP door. ``enabled`` is what the user wants, ``listening`` what is true; ``error`` says why they differ.

    ``origins`` are the web origins that the user allowed at run time, besides those of the settings. ``network`` is the
    same door's other side, never open while the door is closed.
    """

    enabled: bool
    listening: bool
    port: int
    addresses: tuple[str, ...] = ()
    error: str = ""
    origins: tuple[str, ...] = ()
    network: NetworkStatus = NetworkStatus()


@dataclass(frozen=True, slots=True)
class GpuSample:
    """Percent and bytes; None when the driver does not say. ``is_shared``: the memory is the computer's own."""

    name: str
    utilization: float | None
    memory_used_bytes: int | None
    memory_total_bytes: int | None
    temperature_celsius: float | None = None
    power_watts: float | None = None
    is_shared: bool = False


@dataclass(frozen=True, slots=True)
class GpuNotice:
    """``missing``: names of the cards that were seen before and do not answer any more."""

    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TelemetrySample:
    """``cpu_percent`` of all cores together, 0..100. ``at`` is Unix seconds.

    ``tokens_per_second`` is what all runners generated over the last second.
    """

    at: float
    cpu_percent: float
    memory_used_bytes: int
    memory_total_bytes: int
    runners_memory_bytes: int
    tokens_per_second: float
    active_requests: int
    gpus: tuple[GpuSample, ...] = ()


@dataclass(frozen=True, slots=True)
class RequestNotice:
    """One inference request, without its text.

    ``first_token_ms`` 0: none came, or not known yet. ``client`` is what the program called itself.
    """

    id: str
    state: Literal["running", "done", "failed", "cancelled"]
    model: str
    path: str
    started_at: float
    duration_ms: float = 0.0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    error: str = ""
    first_token_ms: float = 0.0
    client: str = ""


@dataclass(frozen=True, slots=True)
class Snapshot:
    version: str
    socket_path: str
    models_path: str
    started_at: float
    tcp: TcpStatus
    models: tuple[dict[str, JSON], ...] = ()
    runners: tuple[RunnerStatus, ...] = ()
    pulls: tuple[PullStatus, ...] = ()
    telemetry: tuple[TelemetrySample, ...] = field(default=())
    """The last two minutes, oldest first."""
    history: tuple[TelemetrySample, ...] = ()
    """The last half hour, oldest first: means of a quarter of a minute, of when nobody listened too."""
    requests: tuple[RequestNotice, ...] = ()
    """The last ones, newest first."""
    containers: TcpStatus | None = None
    """The door for containers."""
    gpus: GpuNotice = GpuNotice()
