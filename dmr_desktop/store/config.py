"""Model configs: the JSON blob beside the layers, in Docker's and in CNCF ModelPack's form. Pure.

Reading is lenient about single fields (all are optional and only shown), strict about the document. Writing
makes Docker's v0.1 form.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from dmr_desktop.protocol.errors import UnsupportedModel
from dmr_desktop.protocol.models import ModelConfig
from dmr_desktop.store.json_document import strict_json
from dmr_desktop.store.manifest import CONFIG_CNCF, MAX_CONFIG_BYTES, Manifest


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """``created`` is Unix seconds, 0 when unknown. ``diff_ids``: the layers' digests after unpacking."""

    config: ModelConfig
    created: int = 0
    diff_ids: tuple[str, ...] = ()


def parse_config(media_type: str, data: bytes) -> ConfigFile:
    """The config in ``data``. Raises :class:`UnsupportedModel` when it is no such document."""
    if len(data) > MAX_CONFIG_BYTES:
        raise UnsupportedModel("the model's config cannot be used: it is too large")
    try:
        document = strict_json(data)
    except ValueError as error:
        raise UnsupportedModel(f"the model's config cannot be used: {error}") from None
    return _from_cncf(document) if media_type == CONFIG_CNCF else _from_docker(document)


def render_config(config: ModelConfig, created: datetime, diff_ids: Sequence[str]) -> bytes:
    """Docker's v0.1 config blob."""
    document = {
        "config": config.to_json(),
        "descriptor": {"created": format_time(created)},
        "rootfs": {"type": "rootfs", "diff_ids": list(diff_ids)},
    }
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def check_uncompressed(config: ConfigFile, manifest: Manifest) -> None:
    """Refuse layers that would have to be unpacked first. Raises :class:`UnsupportedModel`."""
    if config.diff_ids and config.diff_ids != tuple(layer.digest for layer in manifest.layers):
        raise UnsupportedModel("the model's layers are compressed, which no model runner supports")


def format_time(moment: datetime) -> str:
    """RFC 3339 in UTC, whole seconds."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _from_docker(document: dict[str, Any]) -> ConfigFile:
    config = _object(document, "config")
    context_size = config.get("context_size")
    usable = isinstance(context_size, int) and not isinstance(context_size, bool) and 0 < context_size < 1 << 31
    return ConfigFile(
        ModelConfig(
            format=_text(config, "format"),
            quantization=_text(config, "quantization"),
            parameters=_text(config, "parameters"),
            architecture=_text(config, "architecture"),
            size=_text(config, "size"),
            gguf=_texts(config, "gguf"),
            safetensors=_texts(config, "safetensors"),
            context_size=context_size if usable else None,
        ),
        _unix(_object(document, "descriptor").get("created")),
        _digests(_object(document, "rootfs").get("diff_ids")),
    )


def _from_cncf(document: dict[str, Any]) -> ConfigFile:
    config = _object(document, "config")
    size = _text(config, "paramSize")
    return ConfigFile(
        ModelConfig(
            format=_text(config, "format").lower(),
            quantization=_text(config, "quantization"),
            parameters=size,
            architecture=_text(config, "architecture"),
            size=size,
        ),
        _unix(_object(document, "descriptor").get("createdAt")),
        _digests(_object(document, "modelfs").get("diffIds")),
    )


def _object(document: dict[str, Any], name: str) -> dict[str, Any]:
    found = document.get(name)
    return found if isinstance(found, dict) else {}


def _text(document: dict[str, Any], name: str) -> str:
    found = document.get(name)
    return found.strip() if isinstance(found, str) else ""


def _texts(document: dict[str, Any], name: str) -> dict[str, str]:
    return {key: value for key, value in _object(document, name).items() if isinstance(value, str)}


def _digests(found: Any) -> tuple[str, ...]:
    return tuple(item for item in found if isinstance(item, str)) if isinstance(found, list) else ()


def _unix(text: Any) -> int:
    try:
        moment = datetime.fromisoformat(text)
        return max(0, int(moment.astimezone(UTC).timestamp())) if moment.tzinfo is not None else 0
    except (TypeError, ValueError, OverflowError):
        return 0
