"""Making a model artifact of a folder of safetensors, as Hugging Face lays models out.

Docker's v0.2 form: one layer a file, placed by its path. Hidden files and links are left out. Knows nothing of tags.
"""

import json
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from dmr_desktop.protocol.errors import InvalidRequest, StoreError, UnsupportedModel
from dmr_desktop.protocol.models import ModelConfig, Progress
from dmr_desktop.store.atomic import store_error
from dmr_desktop.store.blobs import BlobStore
from dmr_desktop.store.config import render_config
from dmr_desktop.store.layers import Source, check_is_file, copy_layers, manifest_of, modified
from dmr_desktop.store.manifest import (
    CHAT_TEMPLATE,
    CONFIG_V02,
    DDUF,
    GGUF,
    LICENSE,
    MAX_LAYERS,
    MODEL_FILE,
    SAFETENSORS,
    Manifest,
)
from dmr_desktop.store.package import check_context_size, format_bytes, format_count
from dmr_desktop.store.safetensors import SafetensorsHeader, read_safetensors

_MAX_FOLDERS_DEEP = 8
_MAX_CONFIG_JSON_BYTES = 1 << 20
_MAX_INT32 = (1 << 31) - 1
_WEIGHTS = {".safetensors": SAFETENSORS, ".gguf": GGUF, ".dduf": DDUF}
_LICENSE_WORDS = ("license", "licence", "copying", "notice")


def package_directory(
    blobs: BlobStore,
    folder: Path,
    *,
    context_size: int | None,
    chat_template: Path | None,
    licenses: Sequence[Path],
    progress: Callable[[Progress], None],
) -> Manifest:
    """Copy the files into the store and describe them; the config is stored, the manifest is the caller's to list.

    Raises :class:`UnsupportedModel` (no usable weights), :class:`InvalidRequest`, :class:`StoreError` and
    :class:`DoesNotFit`.
    """
    check_context_size(context_size)
    if not folder.is_dir():
        raise InvalidRequest(f"{folder.name} is not a folder", hint="check the path")
    sources = [Source(path, media_type_of(path.name), name) for name, path in _files(folder)]
    sources += [Source(each, LICENSE, each.name) for each in licenses]
    if chat_template is not None:
        sources = [source for source in sources if source.name != "chat_template.jinja"]
        sources.append(Source(chat_template, CHAT_TEMPLATE, "chat_template.jinja"))
    sources = list({source.name: source for source in sources}.values())
    for source in sources:
        check_is_file(source.path)
    weights = [source.path for source in sources if source.media_type == SAFETENSORS]
    if not weights:
        raise UnsupportedModel("the folder holds no safetensors file", hint="to package a GGUF file, name the file")
    headers = [_header(path) for path in weights]

    # Files without content are of no use to anybody, and registries refuse them.
    layers = copy_layers(blobs, [source for source in sources if source.path.stat().st_size], progress)
    size = sum(layer["size"] for layer in layers if layer["mediaType"] == SAFETENSORS)
    config = safetensors_config(headers, size, read_model_json(folder / "config.json"), context_size)
    newest = max(modified(path) for path in weights)
    return manifest_of(blobs, CONFIG_V02, render_config(config, newest, [layer["digest"] for layer in layers]), layers)


def media_type_of(name: str) -> str:
    """By a file's name alone, as Docker Model Runner tells files apart."""
    lower = name.lower()
    for suffix, media_type in _WEIGHTS.items():
        if lower.endswith(suffix):
            return media_type
    if lower.endswith(".jinja") or "chat_template" in lower:
        return CHAT_TEMPLATE
    return LICENSE if is_license(name) else MODEL_FILE


def is_license(name: str) -> bool:
    return any(word in name.lower() for word in _LICENSE_WORDS)


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    """Relative names (with ``/``) and paths, in order of name."""
    found: list[tuple[str, Path]] = []

    def fail(error: OSError) -> None:
        raise store_error(error, f"reading the folder {folder.name}") from error

    for here, folders, names in os.walk(folder, onerror=fail):
        inside = Path(here).relative_to(folder)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        if len(inside.parts) >= _MAX_FOLDERS_DEEP:
            folders.clear()
        for name in names:
            path = Path(here, name)
            if not name.startswith(".") and not path.is_symlink() and path.is_file():
                found.append(((inside / name).as_posix(), path))
        if len(found) > MAX_LAYERS:
            raise InvalidRequest(f"the folder holds more than {MAX_LAYERS} files", hint="is it the model's own folder?")
    return iter(sorted(found))


def _header(path: Path) -> SafetensorsHeader:
    try:
        return read_safetensors(path)
    except OSError as error:
        raise StoreError(f"{path.name} cannot be read: {error.strerror}") from error


def read_model_json(path: Path) -> dict[str, Any]:
    """What the model's ``config.json`` says; nothing when there is none that can be read."""
    try:
        if path.stat().st_size > _MAX_CONFIG_JSON_BYTES:
            return {}
        found = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def safetensors_config(
    headers: Sequence[SafetensorsHeader], size: int, model: dict[str, Any], context_size: int | None
) -> ModelConfig:
    """``size``: bytes of all weights. ``model``: what its ``config.json`` says."""
    elements: dict[str, int] = {}
    for header in headers:
        for kind, count in header.elements.items():
            elements[kind] = elements.get(kind, 0) + count
    trained = model.get("max_position_embeddings")
    if context_size is None and type(trained) is int and 0 < trained <= _MAX_INT32:
        context_size = trained
    architecture = model.get("model_type")
    return ModelConfig(
        format="safetensors",
        quantization=max(elements, key=lambda kind: elements[kind], default=""),
        parameters=format_count(sum(elements.values())),
        architecture=architecture if isinstance(architecture, str) and architecture.isprintable() else "",
        size=format_bytes(size),
        safetensors={
            **{key: value for header in headers for key, value in header.metadata.items() if len(value) <= 4096},
            "tensor_count": str(sum(header.num_tensors for header in headers)),
        },
        context_size=context_size,
    )
