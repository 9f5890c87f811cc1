"""What the inference engine takes on disk: the libraries that runners load. They are looked for, never imported."""

import contextlib
import functools
import importlib.util
import os
from pathlib import Path

_ENGINE_PACKAGE = "llama_cpp"


@functools.cache
def engine_bytes() -> int:
    """Bytes of the engine's files; 0 where it is not installed. Blocks for a moment the first time."""
    try:
        found = importlib.util.find_spec(_ENGINE_PACKAGE)
    except (ImportError, ValueError):
        return 0
    folders = found.submodule_search_locations if found else None
    return sum(
        _size(Path(here, name)) for folder in folders or () for here, _, names in os.walk(folder) for name in names
    )


def _size(path: Path) -> int:
    with contextlib.suppress(OSError):
        return 0 if path.is_symlink() else path.stat().st_size
    return 0
