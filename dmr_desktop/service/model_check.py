"""A look at a model's file before native code gets it: is it sound, and how large will it be?

Blocking; run it in a thread. Native loaders have had memory errors on malformed files year after year, hence
the complete check in Python first.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from dmr_desktop.protocol.errors import StoreError, UnsupportedModel
from dmr_desktop.protocol.models import ModelFiles
from dmr_desktop.store.abilities import ALL, Abilities, abilities_of
from dmr_desktop.store.estimate import ModelShape, shape_of
from dmr_desktop.store.gguf import read_header
from dmr_desktop.store.gguf_check import check_loadable

_SHARD = re.compile(r"-(\d{5})-of-(\d{5})(?=\.gguf$)")


@dataclass(frozen=True, slots=True)
class Inspected:
    shape: ModelShape
    abilities: Abilities = ALL


def inspect_model(files: ModelFiles) -> Inspected:
    """Raises :class:`UnsupportedModel` for a file that must not reach a runner, StoreError if it cannot be read."""
    try:
        paths = shard_paths(files.weights)
        headers = [read_header(path) for path in paths]
        check_loadable(headers)
        extra = [path for path in (files.mmproj,) if path is not None]
        for path in extra:
            read_header(path)
        size = sum(path.stat().st_size for path in (*paths, *extra))
    except FileNotFoundError as error:
        missing = Path(error.filename).name
        raise StoreError(f"a file of the model is missing: {missing}", hint="pull the model again") from error
    except OSError as error:
        hint = "check the permissions of the store"
        raise StoreError(f"the model cannot be read: {error.strerror}", hint=hint) from error
    except UnsupportedModel as error:
        if files.model.config.format not in ("", "gguf"):
            raise UnsupportedModel(
                "GGUF file required by llama.cpp backend", hint=f"the model's format is {files.model.config.format}"
            ) from error
        raise
    return Inspected(shape_of(headers[0], size), abilities_of(headers))


def shard_paths(first: Path) -> list[Path]:
    """All parts of a split model, by llama.cpp's naming ``name-00001-of-00003.gguf``; or just ``first``."""
    found = _SHARD.search(first.name)
    if found is None:
        return [first]
    count = int(found[2])
    return [first.with_name(_SHARD.sub(f"-{index:05d}-of-{count:05d}", first.name)) for index in range(1, count + 1)]
