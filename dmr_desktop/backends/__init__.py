"""Kinds of runners: how each is started and spoken to.

Adding one: a file here with a class that keeps :class:`.base.Backend`'s promises, and a line in ``built_in``.
"""

from pathlib import Path

from dmr_desktop.backends.base import Backend
from dmr_desktop.backends.llamacpp import LlamaCpp


def built_in(state_dir: Path) -> dict[str, Backend]:
    """The backends of this program by name."""
    backends: tuple[Backend, ...] = (LlamaCpp(state_dir),)
    return {backend.name: backend for backend in backends}
