"""For which graphics card llama.cpp is built. Standard library only; pure but for :func:`look`.

Any Python must be able to read this: bootstrap.py says which is needed.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

NONE, CUDA, VULKAN, METAL = "none", "cuda", "vulkan", "metal"
ROOT = Path(__file__).resolve().parent.parent
_VULKAN_PACKAGES = "libvulkan-dev glslc spirv-headers"
_OLDEST_VULKAN = 272
"""Of the headers of Vulkan 1.3: llama.cpp uses what came with it. Debian 13 and Ubuntu 24.04 have newer ones."""


class CannotBuild(Exception):
    """What was asked for cannot be built here; the text says what is missing."""


@dataclass(frozen=True)
class Machine:
    """``card`` is the maker of its graphics card, as :func:`.cards.card_maker` tells; ``nvcc`` the path of CUDA's
    compiler.
    """

    platform: str
    card: str | None = None
    nvcc: str | None = None
    has_vulkan_tools: bool = False


@dataclass(frozen=True)
class Build:
    """``definitions`` are CMake's, ``NAME=VALUE``; ``advice`` is what would make more of this machine."""

    gpu: str
    definitions: tuple[str, ...] = ()
    advice: str = ""


def choose(machine: Machine, wanted: str = "") -> Build:
    """``wanted``: none, cuda or vulkan; empty: what needs no decision of the user's. Raises :class:`CannotBuild`."""
    if machine.platform == "darwin":
        return _metal(wanted)
    if not wanted:
        return _automatic(machine)
    if wanted == NONE:
        return Build(NONE)
    if wanted == CUDA:
        if machine.nvcc is None:
            raise CannotBuild("CUDA's compiler nvcc is not here. Try: sudo apt-get install nvidia-cuda-toolkit")
        return _cuda(machine.nvcc)
    if wanted == VULKAN:
        if not machine.has_vulkan_tools:
            raise CannotBuild(
                f"Vulkan's compiler and headers, 1.3.{_OLDEST_VULKAN} or newer, are needed: sudo apt-get install "
                f"{_VULKAN_PACKAGES}; on Debian 12, whose are older, the SDK of https://vulkan.lunarg.com"
            )
        return Build(VULKAN, ("GGML_VULKAN=ON",))
    raise CannotBuild(f"GPU={wanted} is not known: none, cuda or vulkan")


def _metal(wanted: str) -> Build:
    if wanted in ("", METAL):
        return Build(METAL)  # llama.cpp's own default there
    if wanted == NONE:
        return Build(NONE, ("GGML_METAL=OFF",))
    raise CannotBuild(f"GPU={wanted} is not for macOS: metal or none")


def _automatic(machine: Machine) -> Build:
    if machine.card is None:
        return Build(NONE)
    unused = f"llama.cpp is built for the processor alone: the {machine.card} card will not be used."
    if machine.card != "NVIDIA":
        return Build(NONE, advice=f"{unused} To use it {_for_vulkan()}")
    if machine.nvcc is None:
        return Build(NONE, advice=f"{unused} Install the CUDA toolkit, then: make rebuild; or {_for_vulkan()}")
    return _cuda(machine.nvcc)


def _for_vulkan() -> str:
    return f"install {_VULKAN_PACKAGES}, then: make rebuild GPU=vulkan"


def _cuda(nvcc: str) -> Build:
    return Build(CUDA, ("GGML_CUDA=ON", f"CMAKE_CUDA_COMPILER={nvcc}"))


def look() -> Machine:
    """This machine."""
    sys.path.append(str(ROOT))
    from dmr_desktop.runner.cards import card_maker  # only now: it needs the Python that bootstrap.py asks for

    return Machine(sys.platform, card_maker(), _nvcc(), _has_vulkan_tools())


def _nvcc() -> str | None:
    homes = [
        Path(home) for home in (os.environ.get("CUDA_HOME"), os.environ.get("CUDA_PATH"), "/usr/local/cuda") if home
    ]
    return shutil.which("nvcc") or next((str(nvcc) for home in homes if (nvcc := home / "bin" / "nvcc").exists()), None)


def _has_vulkan_tools() -> bool:
    sdk = os.environ.get("VULKAN_SDK")
    if os.name == "nt":
        return sdk is not None
    folders = [Path(sdk) / "include"] if sdk else [Path("/usr/local/include"), Path("/usr/include")]
    has_spirv = any((folder / "spirv" / "unified1" / "spirv.hpp").exists() for folder in folders)
    return bool(shutil.which("glslc")) and has_spirv and has_vulkan_headers(folders)


def has_vulkan_headers(folders: list[Path]) -> bool:
    """Whether the first of ``folders`` that has Vulkan's headers has new ones."""
    for folder in folders:
        header = folder / "vulkan" / "vulkan_core.h"
        if header.exists():
            text = header.read_text(encoding="utf-8", errors="replace")
            patch = re.search(r"^#define VK_HEADER_VERSION (\d+)", text, re.MULTILINE)
            minor = re.search(
                r"^#define VK_HEADER_VERSION_COMPLETE VK_MAKE_API_VERSION\(0, 1, (\d+),", text, re.MULTILINE
            )
            found = (int(minor[1]) if minor else 0, int(patch[1]) if patch else 0)
            return found >= (3, _OLDEST_VULKAN)
    return False
