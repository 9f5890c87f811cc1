"""Model manifests: media types, descriptors, and parsing what a registry or a store gives. Pure.

An OCI image manifest whose config is a model config. The raw bytes are the identity (model id = their
SHA-256), so they are kept and never re-serialised. Facts: OCI image-spec, Docker's model-spec, CNCF ModelPack.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from dmr_desktop.protocol.errors import UnsupportedModel
from dmr_desktop.store.json_document import strict_json
from dmr_desktop.store.reference import is_digest

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_INDEX = "application/vnd.docker.distribution.manifest.list.v2+json"
MANIFEST_TYPES = (OCI_MANIFEST, DOCKER_MANIFEST, OCI_INDEX, DOCKER_INDEX)

CONFIG_V01 = "application/vnd.docker.ai.model.config.v0.1+json"
CONFIG_V02 = "application/vnd.docker.ai.model.config.v0.2+json"
CONFIG_CNCF = "application/vnd.cncf.model.config.v1+json"
CONFIG_TYPES = (CONFIG_V01, CONFIG_V02, CONFIG_CNCF)

GGUF = "application/vnd.docker.ai.gguf.v3"
SAFETENSORS = "application/vnd.docker.ai.safetensors"
DDUF = "application/vnd.docker.ai.dduf"
MMPROJ = "application/vnd.docker.ai.mmproj"
CHAT_TEMPLATE = "application/vnd.docker.ai.chat.template.jinja"
LICENSE = "application/vnd.docker.ai.license"
MODEL_FILE = "application/vnd.docker.ai.model.file"

CNCF_ARTIFACT = "application/vnd.cncf.model.manifest.v1+json"

FILEPATH = "org.cncf.model.filepath"
FILE_METADATA = "org.cncf.model.file.metadata+json"
MEDIA_TYPE_UNTESTED = "org.cncf.model.file.mediatype.untested"

MAX_MANIFEST_BYTES = 4 << 20
MAX_CONFIG_BYTES = 1 << 20
MAX_LAYERS = 1000
MAX_MODEL_BYTES = 1 << 62
"""Of all files together, a number that is told to clients: they read it into 64 bits."""
_MAX_TEXT = 4096


@dataclass(frozen=True, slots=True)
class Descriptor:
    """A blob that a manifest names: ``size`` bytes that hash to ``digest``."""

    media_type: str
    digest: str
    size: int
    annotations: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Manifest:
    """``raw`` as received; ``id`` is its SHA-256, the model's id. ``layers`` in the manifest's order."""

    raw: bytes
    id: str
    config: Descriptor
    layers: tuple[Descriptor, ...]
    artifact_type: str = ""

    @property
    def distinct_layers(self) -> tuple[Descriptor, ...]:
        """The layers in order, each digest once."""
        return tuple({layer.digest: layer for layer in self.layers}.values())

    @property
    def files(self) -> tuple[str, ...]:
        """Digests of the layers, then of the config: what an index entry lists."""
        return (*(layer.digest for layer in self.layers), self.config.digest)

    @property
    def size_bytes(self) -> int:
        """Bytes that the model's blobs take together."""
        return sum(layer.size for layer in self.distinct_layers) + self.config.size


def digest_of(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def parse_manifest(raw: bytes) -> Manifest:
    """The manifest in ``raw``. Raises :class:`UnsupportedModel` on everything that is not a model's."""
    document = _document(raw)
    if "manifests" in document:
        raise _bad("it is an index, not a manifest")
    if document.get("schemaVersion") != 2 or isinstance(document.get("schemaVersion"), bool):
        raise _bad("its schemaVersion is not 2")
    config = _descriptor(document.get("config"), "config")
    if config.media_type not in CONFIG_TYPES:
        raise unsupported_config(config.media_type)
    if config.size > MAX_CONFIG_BYTES:
        raise _bad("its config is too large")
    layers = document.get("layers")
    if not isinstance(layers, list) or not layers:
        raise _bad("it has no layers")
    if len(layers) > MAX_LAYERS:
        raise _bad(f"it has more than {MAX_LAYERS} layers")
    artifact_type = document.get("artifactType", "")
    return Manifest(
        raw=raw,
        id=digest_of(raw),
        config=config,
        layers=_agreeing(tuple(_descriptor(layer, f"layer {n}") for n, layer in enumerate(layers, 1))),
        artifact_type=artifact_type if isinstance(artifact_type, str) else "",
    )


def sole_manifest_of_index(raw: bytes) -> str | None:
    """The digest of the one manifest that an index names; None when ``raw`` is no index.

    Models have no platforms to choose by, so an index with several manifests is refused
    (:class:`UnsupportedModel`).
    """
    document = _document(raw)
    if "manifests" not in document:
        return None
    if "layers" in document or "config" in document:
        raise _bad("it is an index and a manifest at once")
    entries = document["manifests"]
    if not isinstance(entries, list) or len(entries) != 1:
        raise _bad("it is an index of several artifacts, not one model")
    return _descriptor(entries[0], "manifest").digest


def unsupported_config(media_type: str) -> UnsupportedModel:
    """Docker Model Runner's sentence for an artifact that is not a model (section 5.1 of the HTTP contract)."""
    supported = ", ".join(f'"{known}"' for known in CONFIG_TYPES)
    return UnsupportedModel(
        f'config type "{media_type}" is not supported (supported: {supported})'
        " - try upgrading: unsupported model config media type",
        hint="this artifact is not a model, or was made by a newer version",
    )


def _document(raw: bytes) -> dict[str, Any]:
    if len(raw) > MAX_MANIFEST_BYTES:
        raise _bad("it is too large")
    try:
        return strict_json(raw)
    except ValueError as error:
        raise _bad(str(error)) from None


def _descriptor(data: Any, what: str) -> Descriptor:
    if not isinstance(data, dict):
        raise _bad(f"its {what} is missing or not a descriptor")
    media_type, digest, size = data.get("mediaType"), data.get("digest"), data.get("size")
    if not isinstance(media_type, str) or not media_type.isprintable() or not 0 < len(media_type) <= 255:
        raise _bad(f"its {what} has no media type")
    if not isinstance(digest, str) or not is_digest(digest):
        raise _bad(f"its {what} has a digest that is not sha256: and 64 lower-case hex digits")
    if not isinstance(size, int) or isinstance(size, bool) or not 0 < size <= MAX_MODEL_BYTES:
        raise _bad(f"its {what} has no usable size")
    annotations = data.get("annotations") or {}
    if not isinstance(annotations, dict):
        raise _bad(f"its {what} has annotations that are not an object")
    texts = {key: value for key, value in annotations.items() if isinstance(value, str) and len(value) <= _MAX_TEXT}
    return Descriptor(media_type, digest, size, texts)


def _agreeing(layers: tuple[Descriptor, ...]) -> tuple[Descriptor, ...]:
    sizes: dict[str, int] = {}
    for layer in layers:
        if sizes.setdefault(layer.digest, layer.size) != layer.size:
            raise _bad("it gives one layer two sizes")
    if sum(sizes.values()) > MAX_MODEL_BYTES:
        raise _bad("its layers are larger than any disk")
    return layers


def _bad(why: str) -> UnsupportedModel:
    return UnsupportedModel(f"the model's manifest cannot be used: {why}", hint="ask whoever published the model")
