"""models.json: several spellings in, one spelling out, nobody's keys lost."""

import json
import threading
from pathlib import Path
from typing import Any

import pytest

from dmr_desktop.store.index import Entry, Index
from dmr_desktop.store.layout import Layout
from dmr_desktop.store.manifest import CONFIG_V01, GGUF, OCI_MANIFEST, digest_of

ONE, TWO, FILE, CONFIG = ("sha256:" + digit * 64 for digit in "1234")


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    found = Layout(tmp_path / "models")
    found.open()
    return found


@pytest.fixture
def index(layout: Layout) -> Index:
    return Index(layout, "docker.io")


def write(layout: Layout, document: Any) -> None:
    layout.index.write_text(json.dumps(document))


def read(layout: Layout) -> Any:
    return json.loads(layout.index.read_text())


def test_written_as_docker_writes_it(index: Index, layout: Layout) -> None:
    with index.change() as draft:
        draft.add(ONE, [FILE, CONFIG])
        draft.tag(ONE, "docker.io/ai/x:latest")
    assert layout.index.read_text() == (
        f'{{\n  "models": [\n    {{\n      "id": "{ONE}",\n      "tags": [\n        "docker.io/ai/x:latest"\n      ],\n'
        f'      "files": [\n        "{FILE}",\n        "{CONFIG}"\n      ]\n    }}\n  ]\n}}'
    )
    assert index.entries() == [Entry(ONE, ("docker.io/ai/x:latest",), (FILE, CONFIG))]


@pytest.mark.parametrize("document", [{"models": None}, {"models": []}, {}])
def test_spellings_of_nothing(index: Index, layout: Layout, document: Any) -> None:
    write(layout, document)
    assert index.entries() == []
    with index.change() as draft:
        draft.add(ONE, [FILE])
    assert [entry.id for entry in index.entries()] == [ONE]


def test_old_spellings_of_tags_mean_the_same(index: Index, layout: Layout) -> None:
    tags = ["ai/x:latest", "index.docker.io/ai/x:latest", "x", "not a tag!"]
    write(layout, {"models": [{"id": ONE, "tags": tags, "files": [FILE]}, {"id": TWO, "tags": None, "files": None}]})
    assert index.entries() == [Entry(ONE, ("docker.io/ai/x:latest",), (FILE,)), Entry(TWO, (), ())]
    with index.change() as draft:
        draft.tag(TWO, "docker.io/ai/x:latest")
    assert [model["tags"] for model in read(layout)["models"]] == [["not a tag!"], ["docker.io/ai/x:latest"]]


def test_what_is_not_understood_stays(index: Index, layout: Layout) -> None:
    strange = [
        {"id": "future", "files": [FILE]},
        5,
        {"id": ONE, "tags": 7},
        {"id": TWO, "tags": [], "files": [], "new": 1},
    ]
    write(layout, {"models": strange, "schema": {"x": 1}})
    with index.change() as draft:
        assert [entry.id for entry in draft.entries] == [TWO]
        assert draft.mentions(FILE)
        draft.tag(TWO, "docker.io/ai/y:1")
        draft.remove(ONE)
    assert read(layout) == {
        "models": [*strange[:3], {**strange[3], "tags": ["docker.io/ai/y:1"]}],  # type: ignore[dict-item]
        "schema": {"x": 1},
    }


def test_nothing_changed_nothing_written(index: Index, layout: Layout) -> None:
    write(layout, {"models": [{"id": ONE, "tags": ["ai/x"], "files": []}]})
    before = layout.index.stat().st_ino
    with index.change() as draft:
        draft.tag(ONE, "docker.io/ai/x:latest")
        draft.add(ONE, [FILE])
        draft.untag("docker.io/ai/other:latest")
        draft.remove(TWO)
    assert layout.index.stat().st_ino == before


def test_an_error_inside_changes_nothing(index: Index) -> None:
    def fail() -> None:
        with index.change() as draft:
            draft.add(ONE, [])
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert index.entries() == []


def test_threads_do_not_lose_each_others_changes(index: Index) -> None:
    ids = [f"sha256:{number:064x}" for number in range(24)]

    def add(model_id: str) -> None:
        with index.change() as draft:
            draft.add(model_id, [])

    threads = [threading.Thread(target=add, args=(model_id,)) for model_id in ids]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {entry.id for entry in index.entries()} == set(ids)


def test_the_lock_survives_a_purge(index: Index, layout: Layout) -> None:
    with index.change() as draft:
        draft.add(ONE, [])
    layout.lock.unlink()
    with index.change() as draft:
        draft.add(TWO, [])
    assert len(index.entries()) == 2


def store_model(layout: Layout, *, whole: bool = True) -> str:
    layer, config = b"layer", b"{}"
    raw = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": {"mediaType": CONFIG_V01, "digest": digest_of(config), "size": 2},
            "layers": [{"mediaType": GGUF, "digest": digest_of(layer), "size": 5}],
        }
    ).encode()
    layout.manifest(digest_of(raw)).write_bytes(raw)
    layout.blob(digest_of(config)).write_bytes(config)
    if whole:
        layout.blob(digest_of(layer)).write_bytes(layer)
    return digest_of(raw)


def test_a_missing_index_is_rebuilt(index: Index, layout: Layout) -> None:
    model_id = store_model(layout)
    layout.manifest(ONE).write_bytes(b"garbage")
    assert [(entry.id, entry.tags) for entry in index.entries()] == [(model_id, ())]


def test_a_half_model_is_not_brought_back(index: Index, layout: Layout) -> None:
    store_model(layout, whole=False)
    assert index.entries() == []


@pytest.mark.parametrize("garbage", [b"", b"{", b"[]", b'{"models": 5}', b"\xff\xfe", b'{"models":[],"models":[]}'])
def test_a_damaged_index_is_kept_aside_and_rebuilt(index: Index, layout: Layout, garbage: bytes) -> None:
    model_id = store_model(layout)
    layout.index.write_bytes(garbage)
    assert [entry.id for entry in index.entries()] == [model_id]
    (aside,) = layout.root.glob("models.json.bad-*")
    assert aside.read_bytes() == garbage
