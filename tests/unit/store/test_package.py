"""Finding shards and writing sizes."""

from pathlib import Path

import pytest

from dmr_desktop.protocol.errors import InvalidRequest
from dmr_desktop.store.package import find_shards, format_bytes, format_count
from dmr_desktop.store.store import ModelStore
from tests.fakes.gguf_files import STR, TINY, U32, gguf_bytes


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0"), (999, "999"), (1000, "1K"), (361_821_120, "361.82M"), (7_000_000_000, "7B"), (3 * 10**15, "3000T")],
)
def test_counts(count: int, text: str) -> None:
    assert format_count(count) == text


@pytest.mark.parametrize(
    ("size", "text"), [(0, "0B"), (1023, "1023B"), (1024, "1KiB"), (268_802_457, "256.35MiB"), (5 << 30, "5GiB")]
)
def test_sizes(size: int, text: str) -> None:
    assert format_bytes(size) == text


def test_shards() -> None:
    assert find_shards(Path("a/x.gguf")) == [Path("a/x.gguf")]
    assert find_shards(Path("a/x-00001-of-00002.gguf")) == [
        Path("a/x-00001-of-00002.gguf"),
        Path("a/x-00002-of-00002.gguf"),
    ]
    with pytest.raises(InvalidRequest, match="first part"):
        find_shards(Path("a/x-00002-of-00002.gguf"))


def test_a_split_model(tmp_path: Path) -> None:
    for number in range(2):
        tensors = [(f"t{number}", (64, 64), 0, 0)]
        data = gguf_bytes({**TINY, "split.count": (U32, 2), "split.no": (U32, number)}, tensors)
        (tmp_path / f"x-0000{number + 1}-of-00002.gguf").write_bytes(data)
    store = ModelStore(tmp_path / "models")
    model = store.package_gguf(tmp_path / "x-00001-of-00002.gguf", "x")
    assert model.config.parameters == "8.19K"
    weights = store.files("x").weights
    assert weights.name == "model-00001-of-00002.gguf"
    assert len(list(weights.parent.iterdir())) == 2
    (tmp_path / "x-00002-of-00002.gguf").unlink()
    with pytest.raises(InvalidRequest, match="is not a file"):
        store.package_gguf(tmp_path / "x-00001-of-00002.gguf", "y")


def test_metadata_too_large_for_a_config_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "x.gguf"
    path.write_bytes(gguf_bytes({**TINY, "tokenizer.chat_template": (STR, "x" * (2 << 20))}))
    model = ModelStore(tmp_path / "models").package_gguf(path, "x")
    assert "tokenizer.chat_template" not in model.config.gguf
    assert model.config.gguf["general.name"] == "Tiny"
