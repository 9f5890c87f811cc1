"""Folders of safetensors as models: every file at its place, stored and listed though nothing here runs them."""

import json
import struct
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dmr_desktop.protocol.errors import InvalidRequest, UnsupportedModel
from dmr_desktop.store.safetensors import read_safetensors
from dmr_desktop.store.store import ModelStore

WEIGHTS = {"dtype": "BF16", "shape": [4, 8], "data_offsets": [0, 64]}


def safetensors(header: Any = None, data: bytes = bytes(64), length: int | None = None) -> bytes:
    raw = json.dumps({"__metadata__": {"format": "pt"}, "w": WEIGHTS} if header is None else header).encode()
    return struct.pack("<Q", len(raw) if length is None else length) + raw + data


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    (folder / "sub").mkdir(parents=True)
    (folder / ".git").mkdir()
    (folder / ".git" / "config").write_text("x")
    (folder / ".hidden").write_text("x")
    (folder / "empty.txt").write_bytes(b"")
    (folder / "model-00001-of-00002.safetensors").write_bytes(safetensors())
    (folder / "model-00002-of-00002.safetensors").write_bytes(safetensors(data=bytes(64)))
    (folder / "config.json").write_text('{"model_type": "qwen3", "max_position_embeddings": 40960}')
    (folder / "tokenizer.json").write_text("{}")
    (folder / "chat_template.jinja").write_text("{{ x }}")
    (folder / "LICENSE.txt").write_text("mine")
    (folder / "sub" / "config.json").write_text("[]")
    (folder / "link.json").symlink_to(folder / "config.json")
    return folder


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    return ModelStore(tmp_path / "models")


def test_every_file_at_its_place(store: ModelStore, folder: Path, tmp_path: Path) -> None:
    model = store.package_directory(folder, "qwen")
    assert store.package_directory(folder, "qwen") == model
    assert store.list() == [model]
    assert model.config.to_json() == {
        "format": "safetensors",
        "quantization": "BF16",
        "parameters": "64",
        "architecture": "qwen3",
        "size": "344B",
        "safetensors": {"format": "pt", "tensor_count": "2"},
        "context_size": 40960,
    }
    manifest = json.loads((tmp_path / "models" / "manifests" / "sha256" / model.id[7:]).read_bytes())
    assert manifest["config"]["mediaType"] == "application/vnd.docker.ai.model.config.v0.2+json"
    prefix = "application/vnd.docker.ai."
    assert [
        (layer["annotations"]["org.cncf.model.filepath"], layer["mediaType"].removeprefix(prefix))
        for layer in manifest["layers"]
    ] == [
        ("LICENSE.txt", "license"),
        ("chat_template.jinja", "chat.template.jinja"),
        ("config.json", "model.file"),
        ("model-00001-of-00002.safetensors", "safetensors"),
        ("model-00002-of-00002.safetensors", "safetensors"),
        ("sub/config.json", "model.file"),
        ("tokenizer.json", "model.file"),
    ]


def test_it_cannot_be_run_here_but_removed(store: ModelStore, folder: Path, tmp_path: Path) -> None:
    store.package_directory(folder, "qwen")
    with pytest.raises(UnsupportedModel, match="no GGUF file"):
        store.files("qwen")
    store.remove("qwen")
    assert list((tmp_path / "models" / "blobs" / "sha256").iterdir()) == []


def test_additions_and_settings(store: ModelStore, folder: Path, tmp_path: Path) -> None:
    terms, template = tmp_path / "TERMS", tmp_path / "mine.jinja"
    terms.write_text("terms")
    template.write_text("{{ mine }}")
    model = store.package_directory(folder, "q", context_size=100, licenses=[terms], chat_template=template)
    assert model.config.context_size == 100
    manifest = json.loads((tmp_path / "models" / "manifests" / "sha256" / model.id[7:]).read_bytes())
    sizes = {layer["annotations"]["org.cncf.model.filepath"]: layer["size"] for layer in manifest["layers"]}
    assert sizes["TERMS"] == 5
    assert sizes["chat_template.jinja"] == len("{{ mine }}")


BAD: dict[str, tuple[bytes, str]] = {
    "empty header": (b"", "claims 0 bytes"),
    "length 2^63": (safetensors(length=1 << 63), "claims 9223372036854775808"),
    "length past the end": (safetensors(length=5000), "claims 5000"),
    "no JSON": (struct.pack("<Q", 10) + b"x" * 10, "not JSON"),
    "a list": (safetensors([]), "not a JSON object"),
    "twice": (struct.pack("<Q", 15) + b'{"a":1,"a":   1}', "not JSON|twice"),
    "no tensor": (safetensors({"w": 5}), "no tensor"),
    "no type": (safetensors({"w": {**WEIGHTS, "dtype": "\x1b[2J"}}), "no type"),
    "negative shape": (safetensors({"w": {**WEIGHTS, "shape": [-1]}}), "impossible shape"),
    "shape overflows": (safetensors({"w": {**WEIGHTS, "shape": [1 << 40, 1 << 40]}}), "impossible shape"),
    "offsets": (safetensors({"w": {**WEIGHTS, "data_offsets": [0]}}), "no place"),
    "past the end": (safetensors({"w": {**WEIGHTS, "data_offsets": [0, 65]}}), "past the file"),
    "backwards": (safetensors({"w": {**WEIGHTS, "data_offsets": [64, 0]}}), "past the file"),
    "metadata": (safetensors({"__metadata__": 5, "w": WEIGHTS}), "metadata"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_weights(name: str, store: ModelStore, tmp_path: Path) -> None:
    folder = tmp_path / "bad"
    folder.mkdir()
    data, reason = BAD[name]
    (folder / "model.safetensors").write_bytes(data)
    with pytest.raises(UnsupportedModel, match=reason) as caught:
        store.package_directory(folder, "x")
    assert caught.value.message.isprintable()
    assert store.list() == []


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 140), st.integers(0, 255)), min_size=1, max_size=4))
def test_mutated_headers_are_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, changes: list[tuple[int, int]]
) -> None:
    data = bytearray(safetensors())
    for position, byte in changes:
        data[position % len(data)] = byte
    path = tmp_path_factory.getbasetemp() / "mutated.safetensors"
    path.write_bytes(data)
    try:
        read_safetensors(path)
    except UnsupportedModel:
        pass


def test_folders_that_are_no_models(store: ModelStore, folder: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match="not a folder"):
        store.package_directory(folder / "config.json", "x")
    for path in folder.glob("*.safetensors"):
        path.unlink()
    with pytest.raises(UnsupportedModel, match="no safetensors"):
        store.package_directory(folder, "x")
    many = tmp_path / "many"
    many.mkdir()
    for number in range(1002):
        (many / f"{number}.txt").write_text("x")
    with pytest.raises(InvalidRequest, match="more than 1000 files"):
        store.package_directory(many, "x")
