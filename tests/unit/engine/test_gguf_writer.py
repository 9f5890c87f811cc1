import struct
from pathlib import Path

import numpy as np
import pytest

from dmr_desktop.engine.gguf_writer import f32, q8_0, write_gguf
from dmr_desktop.engine.tiny_model import tiny_vocabulary


def test_q8_0_keeps_values_within_half_a_step() -> None:
    values = np.random.default_rng(1).standard_normal((4, 64)).astype(np.float32)
    values[0, :32] = 0
    tensor = q8_0(values)
    assert len(tensor.data) == 4 * 2 * 34
    blocks = np.frombuffer(tensor.data, np.uint8).reshape(-1, 34)
    scales = blocks[:, :2].copy().view(np.float16).astype(np.float32)
    restored = (blocks[:, 2:].view(np.int8) * scales).reshape(4, 64)
    step = np.abs(values.reshape(-1, 32)).max(axis=1).repeat(32).reshape(4, 64) / 127
    # The scale itself is a float16: a thousandth.
    assert (np.abs(restored - values) <= 0.5 * step + 1e-3 * np.abs(values) + 1e-9).all()


def test_the_file_is_laid_out_as_gguf_3(tmp_path: Path) -> None:
    path = tmp_path / "x.gguf"
    write_gguf(path, {"a": 7, "t": "ü", "l": ["x", "y"]}, {"one": f32(np.ones((2, 3), np.float32))})
    data = path.read_bytes()
    assert data[:4] == b"GGUF"
    assert struct.unpack_from("<IQQ", data, 4) == (3, 1, 3)
    # Dimensions are stored innermost first.
    assert struct.pack("<IQQ", 2, 3, 2) in data
    assert len(data) % 32 == 0
    assert data[-32:-8] == struct.pack("<6f", *[1.0] * 6)


def test_the_vocabulary_has_distinct_tokens_and_suits_the_kernels() -> None:
    tokens, kinds = tiny_vocabulary()
    assert len(tokens) == len(kinds) == len(set(tokens))
    assert len(tokens) % 64 == 0


@pytest.mark.parametrize("value", [True, 3, 2.5, "text"])
def test_all_scalar_types_are_written(tmp_path: Path, value: bool | int | float | str) -> None:
    write_gguf(tmp_path / "x.gguf", {"k": value}, {})
    assert (tmp_path / "x.gguf").stat().st_size > 32
