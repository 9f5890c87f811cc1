"""What the installed llama.cpp can compute on, told by its files: the service never loads it."""

import importlib.util
from functools import cache
from pathlib import Path

_CARD_BACKENDS = ("cuda", "hip", "metal", "musa", "opencl", "sycl", "vulkan")


@cache
def uses_cards() -> bool:
    """Whether it gives layers to a graphics card."""
    found = importlib.util.find_spec("llama_cpp")
    folders = (found.submodule_search_locations or ()) if found else ()
    return any(has_card_backend(Path(folder) / "lib") for folder in folders)


def has_card_backend(folder: Path) -> bool:
    """Whether one of the libraries in ``folder`` is ggml's for a kind of card."""
    return any(next(folder.glob(f"*ggml-{backend}*"), None) for backend in _CARD_BACKENDS)
