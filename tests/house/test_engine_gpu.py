"""For which graphics card llama.cpp is built."""

import ast
import sys
from pathlib import Path

import pytest
from engine_gpu import CannotBuild, Machine, choose, has_vulkan_headers, look

ROOT = Path(__file__).resolve().parents[2]


def test_a_card_is_used_where_its_compiler_is() -> None:
    build = choose(Machine("linux", "NVIDIA", nvcc="/usr/local/cuda/bin/nvcc"))
    assert build.gpu == "cuda"
    assert build.definitions == ("GGML_CUDA=ON", "CMAKE_CUDA_COMPILER=/usr/local/cuda/bin/nvcc")
    assert not build.advice


@pytest.mark.parametrize(("card", "words"), [("NVIDIA", ("CUDA", "vulkan")), ("AMD", ("AMD", "vulkan"))])
def test_a_card_that_is_not_used_is_told_with_what_it_lacks(card: str, words: tuple[str, ...]) -> None:
    build = choose(Machine("linux", card))
    assert build.gpu == "none"
    assert not build.definitions
    assert all(word in build.advice for word in ("will not be used", "make rebuild", *words))


def test_without_a_card_there_is_nothing_to_tell() -> None:
    assert choose(Machine("linux", nvcc="/usr/bin/nvcc", has_vulkan_tools=True)).gpu == "none"
    assert not choose(Machine("linux")).advice


def test_what_was_asked_for_is_built_or_refused_with_the_next_step() -> None:
    tools = Machine("linux", has_vulkan_tools=True)
    assert choose(tools, "vulkan").definitions == ("GGML_VULKAN=ON",)
    assert choose(Machine("linux", "NVIDIA", nvcc="/nvcc"), "none").definitions == ()
    with pytest.raises(CannotBuild, match="nvidia-cuda-toolkit"):
        choose(tools, "cuda")
    with pytest.raises(CannotBuild, match="libvulkan-dev glslc spirv-headers"):
        choose(Machine("linux"), "vulkan")
    with pytest.raises(CannotBuild, match="none, cuda or vulkan"):
        choose(tools, "metal")


def test_a_mac_uses_metal_unless_told_not_to() -> None:
    assert choose(Machine("darwin")).gpu == "metal"
    assert not choose(Machine("darwin"), "metal").definitions
    assert choose(Machine("darwin"), "none").definitions == ("GGML_METAL=OFF",)
    with pytest.raises(CannotBuild, match="macOS"):
        choose(Machine("darwin"), "cuda")


def test_this_machine_can_be_looked_at() -> None:
    assert look().platform == sys.platform


@pytest.mark.parametrize("name", ["bootstrap.py", "engine_gpu.py"])
def test_an_old_python_can_read_what_tells_it_that_it_is_too_old(name: str) -> None:
    ast.parse((ROOT / "scripts" / name).read_text(encoding="utf-8"), feature_version=(3, 9))


@pytest.mark.parametrize(
    ("minor", "patch", "expected"), [(3, 239, False), (3, 271, False), (3, 272, True), (3, 275, True), (4, 309, True)]
)
def test_old_headers_of_vulkan_do_not_do(tmp_path: Path, minor: int, patch: int, expected: bool) -> None:
    header = tmp_path / "vulkan" / "vulkan_core.h"
    header.parent.mkdir()
    header.write_text(
        f"// Version of this file\n#define VK_HEADER_VERSION {patch}\n\n"
        f"#define VK_HEADER_VERSION_COMPLETE VK_MAKE_API_VERSION(0, 1, {minor}, VK_HEADER_VERSION)\n"
    )
    assert has_vulkan_headers([tmp_path / "none", tmp_path]) is expected
    assert not has_vulkan_headers([tmp_path / "none"])
