"""Models as the store holds them and as the management API shows them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias

from dmr_desktop.protocol.json_types import JSON

DEMO_REFERENCE = "dmr.local/demo:latest"
"""The bundled demo model. Its registry name is never looked up on a network."""


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """DMR's ``config`` object (section 5.3 of its HTTP contract): all parts optional."""

    format: str = ""
    quantization: str = ""
    parameters: str = ""
    architecture: str = ""
    size: str = ""
    gguf: Mapping[str, str] = field(default_factory=dict)
    safetensors: Mapping[str, str] = field(default_factory=dict)
    context_size: int | None = None

    def to_json(self) -> dict[str, JSON]:
        found: dict[str, JSON] = {}
        for name in ("format", "quantization", "parameters", "architecture", "size"):
            value = getattr(self, name)
            if value:
                found[name] = value
        for name in ("gguf", "safetensors"):
            mapping = getattr(self, name)
            if mapping:
                found[name] = dict(mapping)
        if self.context_size is not None:
            found["context_size"] = self.context_size
        return found


@dataclass(frozen=True, slots=True)
class Model:
    """One stored model. ``id`` is ``sha256:`` + digest of its manifest; ``created`` is Unix seconds.

    ``tags`` are fully qualified (``docker.io/ai/smollm2:latest``), oldest first.
    """

    id: str
    tags: tuple[str, ...]
    created: int
    config: ModelConfig
    size_bytes: int = 0

    def to_json(self) -> dict[str, JSON]:
        """DMR's list element."""
        found: dict[str, JSON] = {"id": self.id}
        if self.tags:
            found["tags"] = list(self.tags)
        found["created"] = self.created
        found["config"] = self.config.to_json()
        return found


@dataclass(frozen=True, slots=True)
class ModelFiles:
    """Where a runner finds a model: absolute paths of files in the store. ``weights`` is the first shard."""

    model: Model
    weights: Path
    mmproj: Path | None = None
    chat_template: Path | None = None


ProgressType: TypeAlias = Literal["progress", "success", "warning", "error"]
ProgressMode: TypeAlias = Literal["pull", "push"]


@dataclass(frozen=True, slots=True)
class Progress:
    """One line of a pull or push, DMR's section 5.1. Sizes in bytes. ``layer_id`` "" on other lines."""

    type: ProgressType
    message: str
    total: int = 0
    layer_id: str = ""
    layer_size: int = 0
    layer_current: int = 0
    mode: ProgressMode = "pull"

    def to_json(self) -> dict[str, JSON]:
        layer: dict[str, JSON] = {"size": self.layer_size, "current": self.layer_current}
        if self.layer_id:
            layer = {"id": self.layer_id, **layer}
        return {"type": self.type, "message": self.message, "total": self.total, "layer": layer, "mode": self.mode}
