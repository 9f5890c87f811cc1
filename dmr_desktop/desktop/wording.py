"""State → the sentences of tray and panel, translated. Decides no facts."""

import re
import time
from datetime import datetime

from PySide6.QtCore import QCoreApplication, QDate, QLocale, QTime

from dmr_desktop.desktop.names import familiar, printable
from dmr_desktop.desktop.quantities import (
    UNKNOWN,
    format_bytes,
    format_number,
    format_rate,
    format_seconds,
    format_share,
)
from dmr_desktop.desktop.remote import RemoteModel, Verdict
from dmr_desktop.desktop.service_words import in_own_words
from dmr_desktop.desktop.state import DesktopState, Link, Shape, shape_of, trouble_of
from dmr_desktop.protocol.notices import PullStatus, RequestNotice, TelemetrySample
from dmr_desktop.protocol.runners import Mode, RunnerState, RunnerStatus

_COMMON_PATH = re.compile(r"^/(?:engines/(?:[\w.-]+/)?)?v1/|^/")
_PLAIN_WORD = re.compile(r"[a-zäöüß]+(?:[ ,]|: )")
MAX_TOOLTIP = 127
"""Windows cuts what is longer."""


def shape_word(shape: Shape) -> str:
    """One word for the pill beside the headline."""
    return {
        Shape.STOPPED: _tr("Stopped"),
        Shape.STARTING: _tr("Starting"),
        Shape.READY: _tr("Ready"),
        Shape.BUSY: _tr("Busy"),
        Shape.PULLING: _tr("Pulling"),
        Shape.ERROR: _tr("Attention"),
    }[shape]


def status_line(state: DesktopState) -> str:
    """What goes on, in one line."""
    match state.link:
        case Link.CONNECTING:
            return _tr("Connecting to the service…")
        case Link.STARTING:
            return _tr("Starting the service…")
        case Link.LOST:
            return state.fault
        case Link.STOPPED:
            return _tr("The service is stopped")
        case Link.FAILED:
            return _tr("The service does not run")
    match shape_of(state):
        case Shape.ERROR:
            return in_own_words(trouble_of(state), 100)
        case Shape.PULLING:
            return _pulling_line(state.pulls)
        case Shape.BUSY:
            return _busy_line(state)
        case Shape.STARTING:
            names = [state.runner_name(runner) for runner in state.runners if runner.state is RunnerState.STARTING]
            return _tr("Loading {model}…").format(model=names[0])
    return _ready_line(state)


def headline(state: DesktopState) -> str:
    """What goes on, beside a pill that already says :func:`shape_word`; "" where a banner above says it."""
    if state.link in (Link.LOST, Link.STOPPED, Link.FAILED):
        return ""
    if state.link is Link.CONNECTED:
        match shape_of(state):
            case Shape.PULLING:
                return _pull_progress(state.pulls)
            case Shape.READY:
                return capital(_loaded_line(state))
    return status_line(state)


def capital(text: str) -> str:
    """The same with a capital letter in front, for a line that stands alone."""
    return text[:1].upper() + text[1:]


def as_sentence(text: str) -> str:
    """The same, with a capital letter unless it begins with a name (``ai/x``, ``x.gguf``)."""
    return capital(text) if _PLAIN_WORD.match(text) else text


def tooltip(state: DesktopState) -> str:
    text = f"DMR Desktop: {status_line(state)}"
    if state.base_url and state.tcp:
        is_wide = bool(state.tcp.network.addresses)
        word = _tr("port {port} open to the local network") if is_wide else _tr("port {port} open")
        text += " · " + word.format(port=state.tcp.port)
    return text if len(text) <= MAX_TOOLTIP else text[: MAX_TOOLTIP - 1] + "…"


def clock_time(at: float, now: float | None = None) -> str:
    """``14:05`` of today, else ``29 Nov, 14:05``; unknown for 0. Unix seconds."""
    if not at:
        return UNKNOWN
    moment, today = datetime.fromtimestamp(at), datetime.fromtimestamp(time.time() if now is None else now).date()
    return _clock(moment) if moment.date() == today else day_and_time(at)


def day_and_time(at: float) -> str:
    """``29 Nov, 14:05``. Unix seconds."""
    moment = datetime.fromtimestamp(at)
    return f"{QLocale().toString(QDate(moment.year, moment.month, moment.day), 'd MMM')}, {_clock(moment)}"


def runner_word(runner: RunnerStatus | None) -> str:
    """A model's state for the table."""
    if runner is None:
        return _tr("Not loaded")
    match runner.state:
        case RunnerState.STARTING:
            return _tr("Loading…")
        case RunnerState.STOPPING:
            return _tr("Unloading…")
        case RunnerState.READY | RunnerState.BUSY:
            return _tr("Busy") if runner.active_requests else _tr("Loaded")
        case RunnerState.FAILED:
            return _tr("Failed")
    return _tr("Not loaded")


def runner_words() -> tuple[str, ...]:
    """All that :func:`runner_word` may say."""
    return _tr("Not loaded"), _tr("Loading…"), _tr("Unloading…"), _tr("Busy"), _tr("Loaded"), _tr("Failed")


def runner_details(runner: RunnerStatus, now: float) -> str:
    """Memory and what it does, e.g. ``402 MiB · 300 MiB on the GPU · stays loaded``. ``now`` is Unix seconds."""
    parts = [format_bytes(runner.memory_bytes)] if runner.memory_bytes else []
    if runner.card_bytes:
        parts.append(_tr("{size} on the GPU").format(size=format_bytes(runner.card_bytes)))
    match runner.state:
        case RunnerState.FAILED:
            parts = [in_own_words(runner.error, 160) or _tr("failed")]
        case RunnerState.STARTING:
            parts.append(_tr("loading…"))
        case RunnerState.STOPPING:
            parts.append(_tr("unloading…"))
        case _ if runner.active_requests:
            parts.append(_counted_requests(runner.active_requests))
        case _ if runner.expires_at is None:
            parts.append(_tr("stays loaded"))
        case _:
            parts.append(_tr("unloads in {time}").format(time=format_seconds(runner.expires_at - now)))
    return " · ".join(parts)


def waiting_line(state: DesktopState, model: str) -> str:
    """What an answer of ``model`` waits for before its first word."""
    is_loading = any(
        runner.state is RunnerState.STARTING and state.runner_name(runner) == model for runner in state.runners
    )
    return _tr("Loading {model}…").format(model=model) if is_loading else "…"


def runner_facts(runner: RunnerStatus) -> str:
    """Context, and the mode unless it is text, e.g. ``embedding · context 8,192``."""
    parts: list[str] = [] if runner.mode is Mode.COMPLETION else [runner.mode.value]
    if runner.facts is not None:
        parts.append(_tr("context {count}").format(count=format_number(runner.facts.context_size)))
    return " · ".join(parts)


def pull_details(pull: PullStatus) -> str:
    """``1.1 / 2.5 GiB · 38 MiB/s · 37 s left``, or the message while sizes are not known."""
    if not pull.total_bytes:
        return in_own_words(pull.message, 200) or _tr("Asking the registry…")
    parts = [format_share(pull.current_bytes, pull.total_bytes)]
    if pull.bytes_per_second > 0:
        parts.append(format_rate(pull.bytes_per_second))
        left = max(0, pull.total_bytes - pull.current_bytes) / pull.bytes_per_second
        parts.append(_tr("{time} left").format(time=format_seconds(left)))
    elif pull.current_bytes < pull.total_bytes:
        parts.append(_tr("nothing arrives at the moment"))
    return " · ".join(parts)


def remote_line(model: RemoteModel | None, verdict: Verdict | None, free_bytes: int | None) -> str:
    """What is known of a model before it is pulled, and what to expect of it here."""
    if model is None:
        return _tr("The registry says nothing about this name.")
    size = format_bytes(model.size_bytes) if model.size_bytes else ""
    parts = [part for part in (model.parameters, model.quantization, size) if part]
    if model.estimate is not None:
        need = format_bytes(model.estimate.total_bytes)
        parts.append(
            _tr("needs about {size} with context {count}").format(size=need, count=format_number(model.context_size))
        )
    match verdict:
        case "disk":
            parts.append(_tr("too large for the disk: {size} free").format(size=format_bytes(free_bytes)))
        case "memory":
            parts.append(_tr("too large for this computer's memory"))
        case "tight":
            parts.append(_tr("fits in memory when other programs are closed"))
        case "fits":
            parts.append(_tr("fits in memory"))
    return " · ".join(parts)


def activity_line(state: DesktopState) -> str:
    """What the models do right now, for the CPU card."""
    if not state.telemetry:
        return ""
    sample = state.telemetry[-1]
    if not sample.active_requests:
        return capital(_tr("no request running"))
    return _counted_requests(sample.active_requests) + " · " + _speed(sample.tokens_per_second)


def gpu_line(sample: TelemetrySample) -> str:
    """The card, how warm it is and what it draws; of several, how many there are."""
    if len(sample.gpus) > 1:
        return _tr("{count} GPUs, the busiest shown").format(count=len(sample.gpus))
    gpu = sample.gpus[0]
    parts = [printable(gpu.name, 60)]
    if gpu.temperature_celsius is not None:
        parts.append(f"{gpu.temperature_celsius:.0f} °C")
    if gpu.power_watts is not None:
        parts.append(f"{gpu.power_watts:.0f} W")
    return " · ".join(parts)


def vram_line(state: DesktopState) -> str:
    """What the models hold on the cards and what is left, where that is known."""
    gpus = state.telemetry[-1].gpus
    if all(gpu.is_shared for gpu in gpus):
        return capital(_tr("shared with the system"))
    held = sum(runner.card_bytes for runner in state.runners)
    parts = [capital(_tr("models use {size}")).format(size=format_bytes(held))] if held else []
    free = 0
    for gpu in gpus:
        if gpu.memory_total_bytes is None or gpu.memory_used_bytes is None:
            return " · ".join(parts)
        free += gpu.memory_total_bytes - gpu.memory_used_bytes
    return " · ".join([*parts, _tr("{size} free").format(size=format_bytes(free))])


def gpu_note(state: DesktopState) -> str:
    """What there is to say of cards that are not there; "" while all are."""
    if state.missing_gpus:
        return missing_gpus_sentence(state.missing_gpus)
    if state.telemetry and not state.telemetry[-1].gpus:
        return _tr("No GPU found: models run on the CPU")
    return ""


def missing_gpus_sentence(names: tuple[str, ...]) -> str:
    if len(names) > 1:
        return _tr("{names} do not answer any more: models run without them").format(names=printable(", ".join(names)))
    return _tr("{name} does not answer any more: models run without it").format(name=printable(names[0]))


def missing_gpus_hint(names: tuple[str, ...], platform: str) -> str:
    """``platform`` as of ``sys.platform``."""
    if platform == "linux" and any("NVIDIA" in name.upper() or "GEFORCE" in name.upper() for name in names):
        return _tr(
            "Reload the driver (sudo modprobe -r nvidia_uvm && sudo modprobe nvidia_uvm) or restart the computer."
            " NVreg_PreserveVideoMemoryAllocations=1 lets it outlast a sleep."
        )
    return _tr("If the card was not unplugged, restart the computer.")


def memory_line(runners_bytes: int) -> str:
    """What the models hold, for the memory card."""
    if not runners_bytes:
        return capital(_tr("no model in memory"))
    return capital(_tr("models use {size}")).format(size=format_bytes(runners_bytes))


def endpoint_word(path: str) -> str:
    """A path of the API without what most of them begin with: ``/engines/llama.cpp/v1/chat/completions`` →
    ``chat/completions``."""
    return printable(_COMMON_PATH.sub("", path), 80)


def client_word(user_agent: str) -> str:
    """What a program calls itself, without version and small print: ``OpenAI/Python 1.3`` → ``OpenAI/Python``."""
    first = printable(user_agent.strip(), 120).partition(" ")[0]
    name, slash, version = first.rpartition("/")
    return (name if slash and version[:1].isdigit() else first) or UNKNOWN


def request_word(state: str) -> str:
    """How a request stands."""
    return {
        "running": _tr("Running"),
        "done": _tr("Done"),
        "failed": _tr("Failed"),
        "cancelled": _tr("Cancelled"),
    }[state]


def duration(milliseconds: float) -> str:
    """``840 ms``, ``2.4 s``, then minutes."""
    if milliseconds < 1000:
        return f"{milliseconds:.0f} ms"
    return (
        f"{format_number(milliseconds / 1000, 1)} s" if milliseconds < 60_000 else format_seconds(milliseconds / 1000)
    )


def request_duration(notice: RequestNotice, now: float) -> str:
    """How long a request took, or has been running. ``now`` is Unix seconds."""
    if notice.state == "running":
        return format_seconds(max(0.0, now - notice.started_at))
    return duration(notice.duration_ms)


def request_details(notice: RequestNotice, now: float) -> str:
    """Outcome and speed of one request in a line. ``now`` is Unix seconds."""
    parts = [request_word(notice.state), request_duration(notice, now)]
    if notice.first_token_ms:
        parts.append(_tr("first token after {time}").format(time=duration(notice.first_token_ms)))
    # Reading the prompt is no writing: the first token does not count where its time is known.
    tokens = notice.completion_tokens - (1 if notice.first_token_ms else 0)
    seconds = (notice.duration_ms - notice.first_token_ms) / 1000
    if tokens > 0 and notice.state != "running" and seconds > 0:
        parts.append(_speed(tokens / seconds))
    if notice.error:
        parts.append(in_own_words(notice.error, 200))
    return " · ".join(parts)


def _clock(moment: datetime) -> str:
    return QLocale().toString(QTime(moment.hour, moment.minute), QLocale.FormatType.ShortFormat)


def _ready_line(state: DesktopState) -> str:
    return f"{_tr('Ready')}, {_loaded_line(state)}"


def _loaded_line(state: DesktopState) -> str:
    count = len(state.loaded)
    if count == 0:
        return _tr("no model loaded")
    line = _tr("1 model loaded") if count == 1 else _tr("{count} models loaded").format(count=count)
    if on_cards := sum(runner.card_bytes for runner in state.loaded):
        return line + ", " + _tr("{size} on the GPU").format(size=format_bytes(on_cards))
    held = sum(runner.memory_bytes for runner in state.loaded)
    return f"{line}, {format_bytes(held)}" if held else line


def _busy_line(state: DesktopState) -> str:
    line = _counted_requests(state.active_requests)
    return f"{line} · {_speed(state.telemetry[-1].tokens_per_second)}" if state.telemetry else line


def _pulling_line(pulls: tuple[PullStatus, ...]) -> str:
    return _tr("Pulling {model}").format(model=_pull_progress(pulls))


def _pull_progress(pulls: tuple[PullStatus, ...]) -> str:
    first = pulls[0]
    line = familiar(first.reference)
    if first.total_bytes:
        line += f" · {100 * first.current_bytes // first.total_bytes} %"
    if len(pulls) > 1:
        line += " · " + _tr("{count} more").format(count=len(pulls) - 1)
    return line


def _counted_requests(count: int) -> str:
    return _tr("1 request running") if count == 1 else _tr("{count} requests running").format(count=count)


def _speed(tokens_per_second: float) -> str:
    return _tr("{rate} tokens/s").format(rate=f"{tokens_per_second:.0f}")


def _tr(text: str) -> str:
    return QCoreApplication.translate("Wording", text)
