"""Reading GGUF headers: what a good file says, and that every bad one is refused with a reason and a place."""

import ctypes
import importlib.util
import os
import re
import struct
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dmr_desktop.store.gguf import GGUFError, read_header
from dmr_desktop.store.gguf_check import check_loadable
from dmr_desktop.store.gguf_types import FILE_TYPES, TENSOR_TYPES
from tests.fakes.gguf_files import ARR, BOOL, F32, I32, STR, TINY, U8, U32, U64, gguf_bytes, string

GOOD = gguf_bytes()
HEADER_BYTES = len(GOOD) - 64 * 64 * 4


def check(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "x.gguf"
    path.write_bytes(data)
    check_loadable([read_header(path)])


def with_key(key: str, kind: int, content: Any) -> bytes:
    return gguf_bytes({**TINY, key: (kind, content)})


def without(key: str) -> bytes:
    return gguf_bytes({name: entry for name, entry in TINY.items() if name != key})


def with_tensor(dims: tuple[int, ...] = (64, 64), kind: int = 0, offset: int = 0, name: str = "t") -> bytes:
    return gguf_bytes(tensors=[(name, dims, kind, offset)])


def raw_key(kind: int, payload: bytes) -> bytes:
    """A file whose only key has the raw ``payload``."""
    return b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + string("key") + struct.pack("<I", kind) + payload


def with_tokens(*tokens: str) -> bytes:
    """Of their own and as many more as the file needs."""
    more = [f"token{number}" for number in range(64 - len(tokens))]
    return with_key("tokenizer.ggml.tokens", ARR, (STR, [*tokens, *more]))


def _key_named(name: str, payload: bytes) -> bytes:
    return b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + string(name) + payload


def test_a_good_file(tmp_path: Path) -> None:
    path = tmp_path / "x.gguf"
    path.write_bytes(GOOD)
    header = read_header(path)
    check_loadable([header])
    assert header.architecture == "llama"
    assert header.quantization == "F32"
    assert header.context_length == 2048
    assert header.num_tensors == 1
    assert header.num_elements == 4096
    assert header.tensor_bytes == 16384
    assert header.metadata == {
        "general.architecture": "llama",
        "general.name": "Tiny",
        "general.file_type": "0",
        "llama.context_length": "2048",
        "llama.block_count": "1",
        "llama.rope.freq_base": "10000.000000",
        "tokenizer.ggml.add_bos_token": "true",
        "tokenizer.ggml.model": "gpt2",
        "general.tags": "small, test",
    }
    assert header.array_lengths["tokenizer.ggml.tokens"] == 64


def test_version_2_is_read_too(tmp_path: Path) -> None:
    check(tmp_path, gguf_bytes(version=2))


BAD: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "ends inside"),
    "not GGUF": (b"PK\3\4" + GOOD[4:], "does not begin"),
    "GGJT": (b"tjgg" + GOOD[4:], "old GGML"),
    "version 1": (gguf_bytes(version=1), "version is 1"),
    "version 4": (gguf_bytes(version=4), "version is 4"),
    "big-endian": (b"GGUF" + struct.pack(">I", 3) + GOOD[8:], "big-endian"),
    "tensor count": (GOOD[:8] + struct.pack("<Q", 1 << 63) + GOOD[16:], "number of tensors"),
    "key count": (GOOD[:16] + struct.pack("<Q", 1 << 63) + GOOD[24:], "number of keys"),
    "key count above the file": (GOOD[:16] + struct.pack("<Q", 60000) + GOOD[24:], "number of keys"),
    "key length": (GOOD[:24] + struct.pack("<Q", 1 << 63) + GOOD[32:], "a key claims"),
    "empty key": (with_key("", U8, 1), "empty"),
    "string length": (raw_key(STR, struct.pack("<Q", 1 << 62)), "key claims"),
    "array of arrays": (raw_key(ARR, struct.pack("<IQ", ARR, 1) + bytes(64)), "array of arrays"),
    "array length": (raw_key(ARR, struct.pack("<IQ", U64, 1 << 61) + bytes(64)), "length of key"),
    "array of long texts": (raw_key(ARR, struct.pack("<IQ", STR, 60) + b"\xff" * 600), "longer than the file"),
    "array type": (raw_key(ARR, struct.pack("<IQ", 77, 1) + bytes(64)), "unknown type 77"),
    "value type": (raw_key(13, bytes(64)), "unknown type 13"),
    "half a bool": (raw_key(BOOL, b"\2" + bytes(64)), "neither true nor false"),
    "duplicate key": (
        b"GGUF" + struct.pack("<IQQ", 3, 0, 2) + (string("a") + struct.pack("<IB", U8, 1)) * 2 + bytes(64),
        "twice",
    ),
    "alignment 0": (with_key("general.alignment", U32, 0), "power of two"),
    "alignment 3": (with_key("general.alignment", U32, 3), "power of two"),
    "alignment 2^31": (with_key("general.alignment", U32, 1 << 31), "power of two"),
    "alignment a text": (with_key("general.alignment", STR, "32"), "power of two"),
    "no dimensions": (with_tensor(dims=()), "0 dimensions"),
    "five dimensions": (with_tensor(dims=(1, 1, 1, 1, 1)), "5 dimensions"),
    "dimension 0": (with_tensor(dims=(0, 5)), "impossible dimensions"),
    "dimensions overflow": (with_tensor(dims=(1 << 32, 1 << 32)), "impossible dimensions"),
    "dimension negative": (with_tensor(dims=((1 << 64) - 1, 1)), "impossible dimensions"),
    "tensor type": (with_tensor(kind=255), "unknown type 255"),
    "removed tensor type": (with_tensor(kind=4), "unknown type 4"),
    "rows and blocks": (with_tensor(dims=(33, 32), kind=8), "multiple of Q8_0"),
    "offset unaligned": (with_tensor(dims=(32,), offset=5), "not aligned"),
    "offset past the end": (with_tensor(offset=1 << 40), "begins at 1099511627776, 0 is expected"),
    "offset negative": (with_tensor(offset=(1 << 64) - 32), "0 is expected"),
    "data past the end": (GOOD[:-1], "ends 1 bytes past the file"),
    "overlapping tensors": (gguf_bytes(tensors=[("a", (64,), 0, 0), ("b", (64,), 0, 128)]), "256 is expected"),
    "a gap between tensors": (gguf_bytes(tensors=[("a", (64,), 0, 0), ("b", (64,), 0, 512)]), "256 is expected"),
    "tensor twice": (gguf_bytes(tensors=[("t", (32,), 0, 0), ("t", (32,), 0, 0)]), "twice"),
    "tensor name": (with_tensor(name="n" * 64), "claims 64 bytes"),
    "no architecture": (without("general.architecture"), "architecture is missing"),
    "architecture a number": (with_key("general.architecture", U32, 5), "architecture is missing"),
    "projector": (with_key("general.architecture", STR, "clip"), "projector"),
    "no tensors": (gguf_bytes(tensors=[]), "no tensors"),
    "blocks": (with_key("llama.block_count", U32, (1 << 32) - 1), "claims 4294967295 blocks"),
    "context 0": (with_key("llama.context_length", U32, 0), "context_length 0"),
    "context 2^40": (with_key("llama.context_length", U64, 1 << 40), "context_length 1099511627776"),
    "no tokens": (without("tokenizer.ggml.tokens"), "without tokens"),
    "types and tokens": (with_key("tokenizer.ggml.token_type", ARR, (I32, [1] * 63)), "63 items for 64"),
    "scores and tokens": (with_key("tokenizer.ggml.scores", ARR, (F32, [1.0] * 65)), "65 items for 64"),
    "a token twice": (with_tokens("a", "b", "a"), "the token 'a' is there twice"),
    "a token twice for C": (with_tokens("a", "b", "a\0c"), "the token 'a' is there twice"),
    "a token of 2^31 bytes": (
        raw_key(ARR, struct.pack("<IQ", STR, 60) + struct.pack("<Q", 1 << 31) + bytes(600)),
        "longer than the file",
    ),
    "very many tokens": (
        _key_named("tokenizer.ggml.tokens", struct.pack("<IIQ", ARR, STR, 1 << 20) + bytes(8 << 20)),
        "1048576 tokens",
    ),
    "tokens are numbers": (with_key("tokenizer.ggml.tokens", ARR, (I32, [1] * 64)), "INT32, not of STRING"),
    "token types are bytes": (with_key("tokenizer.ggml.token_type", ARR, (U8, [1] * 64)), "UINT8, not of INT32"),
    "scores are integers": (with_key("tokenizer.ggml.scores", ARR, (I32, [1] * 64)), "INT32, not of FLOAT32"),
    "epsilon negative": (with_key("llama.attention.layer_norm_rms_epsilon", F32, -1.0), "epsilon is -1"),
    "epsilon no number": (with_key("llama.attention.layer_norm_rms_epsilon", F32, float("nan")), "epsilon is nan"),
    "rope infinite": (with_key("llama.rope.freq_base", F32, float("inf")), "freq_base is inf"),
    "heads": (with_key("llama.attention.head_count", U32, (1 << 32) - 1), "head_count 4294967295"),
    "a part alone": (with_key("split.count", U32, 2), "has 2 parts, 1 are there"),
}


@pytest.mark.parametrize("name", BAD)
def test_refused_with_a_reason(name: str, tmp_path: Path) -> None:
    data, reason = BAD[name]
    with pytest.raises(GGUFError) as caught:
        check(tmp_path, data)
    assert reason in caught.value.message
    assert caught.value.status == 422


def test_cut_anywhere_in_the_header(tmp_path: Path) -> None:
    for cut in range(0, HEADER_BYTES, 7):
        with pytest.raises(GGUFError):
            check(tmp_path, GOOD[:cut])


def test_a_header_that_wants_much_memory_is_refused(tmp_path: Path) -> None:
    """Forty texts of 1 MiB: each is fine, together they are more than a header has any right to."""
    text = "x" * (1 << 20)
    with pytest.raises(GGUFError, match="claims"):
        check(tmp_path, gguf_bytes({**TINY, **{f"key{n}": (STR, text) for n in range(40)}}))


def test_shards_must_be_all_different_and_in_order(tmp_path: Path) -> None:
    headers = []
    for number in range(2):
        path = tmp_path / f"{number}.gguf"
        path.write_bytes(gguf_bytes({**TINY, "split.count": (U32, 2), "split.no": (U32, number)}))
        headers.append(read_header(path))
    check_loadable(headers)
    for wrong in ([headers[0], headers[0]], [headers[1], headers[0]]):
        with pytest.raises(GGUFError, match="not in order or not all different"):
            check_loadable(wrong)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.integers(0, HEADER_BYTES - 1), st.integers(0, 255)), min_size=1, max_size=4))
def test_mutated_headers_are_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, changes: list[tuple[int, int]]
) -> None:
    data = bytearray(GOOD)
    for position, byte in changes:
        data[position] = byte
    try:
        check(_folder(tmp_path_factory), bytes(data))
    except GGUFError as error:
        unprintable = [sign for sign in error.message if not sign.isprintable()]
    else:
        unprintable = []
    assert unprintable == []


@settings(max_examples=100, deadline=None)
@given(st.integers(0, HEADER_BYTES - 8), st.sampled_from([0, 1, 1 << 31, (1 << 32) - 1, 1 << 63, (1 << 64) - 1]))
def test_extreme_numbers_anywhere(tmp_path_factory: pytest.TempPathFactory, position: int, number: int) -> None:
    data = bytearray(GOOD)
    data[position : position + 8] = struct.pack("<Q", number)
    try:
        check(_folder(tmp_path_factory), bytes(data))
    except GGUFError:
        pass


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_refused(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    with pytest.raises(GGUFError):
        check(_folder(tmp_path_factory), b"GGUF" + struct.pack("<I", 3) + data)


def _folder(factory: pytest.TempPathFactory) -> Path:
    folder = factory.getbasetemp() / f"mutated-{os.getpid()}"
    folder.mkdir(exist_ok=True)
    return folder


def _llama_cpp() -> Path:
    """The installed package's folder; importing it is not needed to read its tables."""
    found = importlib.util.find_spec("llama_cpp")
    if found is None or found.origin is None:
        pytest.skip("llama-cpp-python is not installed")
    return Path(found.origin).parent


def test_the_table_of_tensor_types_is_ggmls() -> None:
    library = next(path for path in (_llama_cpp() / "lib").iterdir() if "ggml-base" in path.name)
    ggml = ctypes.CDLL(str(library))
    ggml.ggml_type_size.restype = ctypes.c_size_t
    ggml.ggml_blck_size.restype = ctypes.c_int64
    ggml.ggml_type_name.restype = ctypes.c_char_p
    known = {
        number: (ggml.ggml_type_name(number).decode().upper(), ggml.ggml_blck_size(number), ggml.ggml_type_size(number))
        for number in range(max(TENSOR_TYPES) + 1)
        if ggml.ggml_blck_size(number)
    }
    assert {number: (t.name.upper(), t.block_size, t.block_bytes) for number, t in TENSOR_TYPES.items()} == known


def test_the_table_of_file_types_is_llamas() -> None:
    source = (_llama_cpp() / "llama_cpp.py").read_text(encoding="utf-8")
    names = {
        int(number): name
        for name, number in re.findall(r"^LLAMA_FTYPE_(?:MOSTLY_|ALL_)(\w+) = (\d+)$", source, re.MULTILINE)
    }
    assert len(names) > 30
    assert names == FILE_TYPES


@pytest.mark.parametrize(
    ("name", "dims", "expected"),
    [
        ("cls.output.weight", (64, 2), True),
        ("cls.weight", (64, 1), True),
        ("cls.weight", (64,), True),
        ("cls.weight", (64, 64), False),
        ("output.weight", (64, 2), False),
    ],
)
def test_a_head_that_ranks_is_seen(tmp_path: Path, name: str, dims: tuple[int, ...], expected: bool) -> None:
    path = tmp_path / "model.gguf"
    path.write_bytes(gguf_bytes(tensors=[(name, dims, 0, 0)]))
    assert read_header(path).has_ranking_head is expected
