"""Bundles: a model's files under the names that engines expect, hard-linked to blobs.

``bundles/sha256/<hex>/model/`` and ``config.json``, as Docker Model Runner lays them out, so that both use the same
ones. A cache: made on first use, remade when something is missing, safe to delete. Knows nothing of GGUF's inside.
"""

import contextlib
import json
import os
import posixpath
import shutil
from dataclasses import dataclass
from pathlib import Path

from dmr_desktop.protocol.errors import StoreError, UnsupportedModel
from dmr_desktop.protocol.models import ModelConfig
from dmr_desktop.store.atomic import store_error, temporary_name
from dmr_desktop.store.layout import Layout
from dmr_desktop.store.manifest import (
    CHAT_TEMPLATE,
    CNCF_ARTIFACT,
    CONFIG_CNCF,
    CONFIG_V02,
    FILEPATH,
    GGUF,
    MMPROJ,
    Descriptor,
    Manifest,
)


@dataclass(frozen=True, slots=True)
class Bundle:
    """Absolute paths. ``weights``: all shards, in order."""

    weights: tuple[Path, ...]
    mmproj: Path | None
    chat_template: Path | None


def lay_out(manifest: Manifest) -> dict[str, Descriptor]:
    """Relative file name to layer. Raises :class:`UnsupportedModel` on names that collide or lead outside."""
    if manifest.config.media_type in (CONFIG_V02, CONFIG_CNCF) or manifest.artifact_type == CNCF_ARTIFACT:
        return _by_annotation(manifest)
    found: dict[str, Descriptor] = {}
    shards = [layer for layer in manifest.layers if layer.media_type == GGUF]
    for number, layer in enumerate(shards, 1):
        name = "model.gguf" if len(shards) == 1 else f"model-{number:05d}-of-{len(shards):05d}.gguf"
        found[name] = layer
    for media_type, name in ((MMPROJ, "model.mmproj"), (CHAT_TEMPLATE, "template.jinja")):
        layers = [layer for layer in manifest.layers if layer.media_type == media_type]
        if len(layers) > 1:
            raise UnsupportedModel(f"the model has {len(layers)} files for {name}, one is possible")
        if layers:
            found[name] = layers[0]
    return found


def _by_annotation(manifest: Manifest) -> dict[str, Descriptor]:
    found: dict[str, Descriptor] = {}
    for layer in manifest.layers:
        name = layer.annotations.get(FILEPATH)
        if name is None:
            continue
        safe = _inside(name)
        if found.setdefault(safe, layer).digest != layer.digest:
            raise UnsupportedModel(f"filepath collision: two layers want to be {safe}")
    return found


def _inside(name: str) -> str:
    """The file name made relative to the bundle, as Docker Model Runner does: leading ``../`` fall away."""
    normal = posixpath.normpath(name)
    while normal.startswith("../"):
        normal = normal[3:]
    if not name or name.startswith("/") or normal in (".", "..") or not normal.isprintable():
        raise UnsupportedModel("a layer's file name is empty, absolute or no file name")
    if any(sign in normal for sign in '\\:*?"<>|'):
        raise UnsupportedModel("a layer's file name does not work on every system")
    return normal


def _roles(names: list[str]) -> tuple[list[str], str | None, str | None]:
    """Which names are weights (in order), projector and template."""
    by_depth = sorted(names, key=lambda name: (name.count("/"), name))
    ggufs = [name for name in by_depth if name.lower().endswith(".gguf")]
    weights = [name for name in ggufs if "mmproj" not in posixpath.basename(name).lower()]
    if not weights:
        raise UnsupportedModel(
            "no supported model weights found: the model holds no GGUF file", hint="this version runs GGUF models"
        )
    projectors = [name for name in names if name.endswith(".mmproj")] or [n for n in ggufs if n not in weights]
    templates = [name for name in names if name.endswith(".jinja") and "/" not in name]
    for found, what in ((projectors, "projectors"), (templates, "chat templates")):
        if len(found) > 1:
            raise UnsupportedModel(f"the model has {len(found)} {what}, one is possible")
    return weights, next(iter(projectors), None), next(iter(templates), None)


def ensure_bundle(layout: Layout, manifest: Manifest, config: ModelConfig) -> Bundle:
    """The model's bundle, made if need be. Raises :class:`UnsupportedModel` and :class:`StoreError`."""
    plan = lay_out(manifest)
    weights, mmproj, template = _roles(list(plan))
    target = layout.bundle(manifest.id)
    try:
        if not _is_whole(layout, target, plan):
            _make(layout, target, plan, config)
    except FileNotFoundError as error:
        raise StoreError(
            "a file of the model is missing", hint="pull the model again; `dmr verify` says what else is damaged"
        ) from error
    except OSError as error:
        if len(weights) > 1:
            raise store_error(error, "laying out the model's files") from error
        # A file system without hard links: a single file can be opened where it is.
        return Bundle(
            (layout.blob(plan[weights[0]].digest),),
            layout.blob(plan[mmproj].digest) if mmproj else None,
            layout.blob(plan[template].digest) if template else None,
        )
    folder = target / "model"
    return Bundle(
        tuple(folder / name for name in weights),
        folder / mmproj if mmproj else None,
        folder / template if template else None,
    )


def remove_bundle(layout: Layout, model_id: str) -> None:
    """Raises OSError when the folder is there and cannot be removed."""
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(layout.bundle(model_id))


def _is_whole(layout: Layout, target: Path, plan: dict[str, Descriptor]) -> bool:
    """Whether every file is there and is the blob itself: a blob fetched anew leaves old links with the old bytes."""
    try:
        return all((target / "model" / name).samefile(layout.blob(layer.digest)) for name, layer in plan.items())
    except OSError:
        return False


def _make(layout: Layout, target: Path, plan: dict[str, Descriptor], config: ModelConfig) -> None:
    building = temporary_name(target)
    try:
        for name, layer in plan.items():
            path = building / "model" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            os.link(layout.blob(layer.digest), path)
        text = json.dumps(config.to_json(), ensure_ascii=False, separators=(",", ":"))
        (building / "config.json").write_text(text + "\n", encoding="utf-8")
        if target.exists() and not _is_whole(layout, target, plan):
            shutil.rmtree(target)
        try:
            building.rename(target)
        except OSError:
            # Another thread or process was quicker.
            if not _is_whole(layout, target, plan):
                raise
    finally:
        shutil.rmtree(building, ignore_errors=True)
