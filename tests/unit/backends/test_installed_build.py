"""What the installed llama.cpp can compute on."""

from pathlib import Path

import pytest

from dmr_desktop.backends.installed_build import has_card_backend


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (("libllama.so", "libggml-cpu.so", "libggml-base.so.0"), False),
        (("libggml-cpu.so", "libggml-cuda.so.0"), True),
        (("ggml-vulkan.dll",), True),
        (("libggml-metal.dylib",), True),
        ((), False),
    ],
)
def test_the_libraries_tell(tmp_path: Path, files: tuple[str, ...], expected: bool) -> None:
    for name in files:
        (tmp_path / name).touch()
    assert has_card_backend(tmp_path) is expected


def test_no_folder(tmp_path: Path) -> None:
    assert not has_card_backend(tmp_path / "lib")
