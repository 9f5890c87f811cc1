"""What the management API answers, as values: DMR's JSON shapes read leniently.

The service may be older or newer than the client, or Docker's own; so unknown members are ignored and
missing ones get a neutral value. Only a wrong outer shape is an error (:class:`DMRError`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from dmr_desktop.protocol.errors import DMRError
from dmr_desktop.protocol.models import Model, ModelConfig, Progress


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A line of ``/engines/ps``. ``last_used`` is Unix seconds, None while in use or loading.

    ``keep_alive`` is a Go duration, "" when the service's default holds. ``context_size`` (tokens) and
    ``memory_bytes`` are 0 when the service does not tell.
    """

    backend: str
    model: str
    mode: str
    last_used: float | None = None
    keep_alive: str = ""
    in_use: bool = False
    loading: bool = False
    context_size: int = 0
    memory_bytes: int = 0


@dataclass(frozen=True, slots=True)
class DiskUsage:
    models_bytes: int
    engine_bytes: int


@dataclass(frozen=True, slots=True)
class Removal:
    """One step of a removal: a tag that went (``Untagged``) or an id whose content went (``Deleted``)."""

    action: str
    name: str


@dataclass(frozen=True, slots=True)
class TokenUsage:
    prompt_tokens: int
    completion_tokens: int


@dataclass(frozen=True, slots=True)
class ChatChunk:
    """One chunk of a streamed answer. ``finish_reason`` "" until the last one; ``usage`` in one chunk at the end,
    with ``tokens_per_second`` if the server tells it (0.0 if not)."""

    text: str = ""
    reasoning: str = ""
    finish_reason: str = ""
    usage: TokenUsage | None = None
    tokens_per_second: float = 0.0


def model_from_json(data: Any) -> Model:
    """A list element of ``GET /models``."""
    data = _mapping(data, "a model")
    config = _mapping(data.get("config") or {}, "a model's config")
    context_size = config.get("context_size")
    return Model(
        id=_text(data.get("id")),
        tags=tuple(str(tag) for tag in data.get("tags") or ()),
        created=_int(data.get("created")),
        size_bytes=_int(data.get("size_bytes")),
        config=ModelConfig(
            format=_text(config.get("format")),
            quantization=_text(config.get("quantization")),
            parameters=_text(config.get("parameters")),
            architecture=_text(config.get("architecture")),
            size=_text(config.get("size")),
            gguf=_strings(config.get("gguf")),
            safetensors=_strings(config.get("safetensors")),
            context_size=context_size if isinstance(context_size, int) else None,
        ),
    )


def loaded_model_from_json(data: Any) -> LoadedModel:
    """An element of ``GET /engines/ps``; DMR's zero time (year 1) counts as no time."""
    data = _mapping(data, "a loaded model")
    return LoadedModel(
        backend=_text(data.get("backend_name")),
        model=_text(data.get("model_name")),
        mode=_text(data.get("mode")),
        last_used=_time(data.get("last_used")),
        keep_alive=_text(data.get("keep_alive")),
        in_use=bool(data.get("in_use")),
        loading=bool(data.get("loading")),
        context_size=_int(data.get("context_size")),
        memory_bytes=_int(data.get("memory_bytes")),
    )


def disk_usage_from_json(data: Any) -> DiskUsage:
    data = _mapping(data, "the disk usage")
    return DiskUsage(_int(data.get("models_disk_usage")), _int(data.get("default_backend_disk_usage")))


def removals_from_json(data: Any) -> tuple[Removal, ...]:
    if not isinstance(data, list):
        raise _odd("a list of removals")
    return tuple(
        Removal(action, _text(name)) for entry in data for action, name in _mapping(entry, "a removal").items()
    )


def progress_from_json(data: Any) -> Progress:
    """A line of a pull or push (DMR section 5.1)."""
    data = _mapping(data, "a progress line")
    layer = _mapping(data.get("layer") or {}, "a layer")
    kind = data.get("type")
    if kind not in ("progress", "success", "warning", "error"):
        raise _odd("a progress line")
    return Progress(
        type=kind,
        message=_text(data.get("message")),
        total=_int(data.get("total")),
        layer_id=_text(layer.get("id")),
        layer_size=_int(layer.get("size")),
        layer_current=_int(layer.get("current")),
        mode="push" if data.get("mode") == "push" else "pull",
    )


def chat_chunk_from_json(data: Any) -> ChatChunk:
    """An OpenAI ``chat.completion.chunk``; only its first choice is read."""
    data = _mapping(data, "a chat chunk")
    choices = data.get("choices") or [{}]
    choice = _mapping(choices[0], "a choice")
    delta = _mapping(choice.get("delta") or {}, "a delta")
    usage = data.get("usage")
    timings = data.get("timings")
    speed = timings.get("predicted_per_second") if isinstance(timings, Mapping) else None
    return ChatChunk(
        text=_text(delta.get("content")),
        reasoning=_text(delta.get("reasoning_content")),
        finish_reason=_text(choice.get("finish_reason")),
        usage=TokenUsage(_int(usage.get("prompt_tokens")), _int(usage.get("completion_tokens")))
        if isinstance(usage, Mapping)
        else None,
        tokens_per_second=float(speed) if isinstance(speed, int | float) else 0.0,
    )


def _mapping(value: Any, what: str) -> Mapping[str, Any]:
    if isinstance(value, Mapping):
        return value
    raise _odd(what)


def _odd(what: str) -> DMRError:
    return DMRError(
        f"the service answered with something that is not {what}",
        hint="is another program listening at this address? `dmr status` shows which one is asked",
    )


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _int(value: Any) -> int:
    return value if isinstance(value, int) else 0


def _strings(value: Any) -> dict[str, str]:
    return {str(key): str(item) for key, item in value.items()} if isinstance(value, Mapping) else {}


def _time(value: Any) -> float | None:
    try:
        moment = datetime.fromisoformat(_text(value))
    except ValueError:
        return None
    return moment.timestamp() if moment.year > 1 else None
