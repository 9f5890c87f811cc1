"""One store for us and for a real Docker Model Runner: read, used, changed, and still right by its rules afterwards."""

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from dmr_desktop.store.store import ModelStore
from tests.fakes.dmr_store import DockerStore, sha256
from tests.fakes.gguf_files import TINY, U32, gguf_bytes, write_gguf

ONE = gguf_bytes(data=b"1" * 16384)
TWO = gguf_bytes(data=b"2" * 16384)
SHARDS = [gguf_bytes({**TINY, "split.count": (U32, 2), "split.no": (U32, number)}) for number in range(2)]


@pytest.fixture
def docker(tmp_path: Path) -> DockerStore:
    return DockerStore(tmp_path / "models").create()


def test_a_store_of_several_versions_is_used_changed_and_stays_right(docker: DockerStore, tmp_path: Path) -> None:
    new = docker.add([ONE], ["docker.io/ai/new:latest", "registry.example.com:5000/a/b:v1"], added="by a later version")
    old = docker.add([TWO], ["ai/old:latest", "huggingface.co/org/model-gguf:Q8_0"], is_old=True)
    split = docker.add(SHARDS, None)
    document = docker.index()
    foreign = {"id": "sha512:" + "a" * 128, "tags": ["docker.io/ai/foreign:latest"], "files": [sha256(ONE)]}
    document |= {"schema": 2, "models": [*document["models"], foreign]}
    docker.write_index(document)
    bundle = docker.bundle(new)
    (docker.root / "cache").mkdir()
    (docker.root / "cache" / "unknown").write_text("of a later version")
    (docker.root / "blobs" / "sha512").mkdir()

    # Listed, by every name.
    store = ModelStore(docker.root)
    assert [(model.id, model.tags) for model in store.list()] == [
        (new, ("docker.io/ai/new:latest", "registry.example.com:5000/a/b:v1")),
        (old, ("docker.io/ai/old:latest", "huggingface.co/org/model-gguf:Q8_0")),
        (split, ()),
    ]
    for name in ("old", "ai/old", "docker.io/ai/old:latest", "hf.co/Org/Model-GGUF:Q8_0", old, old[7:19]):
        assert store.get(name).id == old
    assert store.get("old").config.parameters == "4.10 K"
    assert store.get("old").created == 1742816981

    # Used: its bundles as they are, ours beside them.
    inode = (bundle / "model" / "model.gguf").stat().st_ino
    assert store.files("new").weights == bundle / "model" / "model.gguf"
    assert (bundle / "model" / "model.gguf").stat().st_ino == inode
    assert store.files("old").weights.read_bytes() == TWO
    assert store.files(split).weights.name == "model-00001-of-00002.gguf"
    assert store.verify(progress=lambda done, total: None, cancelled=threading.Event()).damages == ()

    # Changed.
    store.tag("old", "new")  # moves
    store.tag(split, "ai/split:2")
    added = store.package_gguf(write_gguf(tmp_path / "source.gguf"), "ai/added")
    small = store.repackage("registry.example.com:5000/a/b:v1", "ai/small", context_size=64)
    store.remove("hf.co/org/model-gguf:Q8_0")
    store.remove("registry.example.com:5000/a/b:v1")  # the last name of ``new``

    index = docker.index()
    assert index["schema"] == 2
    models = index["models"]
    assert foreign in models
    assert {entry["id"]: entry["tags"] for entry in models if entry != foreign} == {
        old: ["ai/old:latest", "docker.io/ai/new:latest"],
        split: ["docker.io/ai/split:2"],
        added.id: ["docker.io/ai/added:latest"],
        small.id: ["docker.io/ai/small:latest"],
    }
    assert not bundle.exists()
    assert (docker.root / "cache" / "unknown").exists()
    # The weights of the removed model belong to two others, one of which we do not understand.
    assert (docker.root / "blobs" / "sha256" / sha256(ONE)[7:]).is_file()
    assert [problem for problem in _without(docker, foreign).problems() if problem] == []
    assert store.files("small").weights.read_bytes() == ONE

    # And the other way round: what it adds now is seen at once.
    third = docker.add([gguf_bytes(data=b"3" * 16384)], ["docker.io/ai/third:latest"])
    assert store.get("third").id == third


def _without(docker: DockerStore, entry: dict[str, object]) -> DockerStore:
    document = docker.index()
    document["models"].remove(entry)
    docker.write_index(document)
    return docker


def test_unknown_keys_of_an_entry_pass_through(docker: DockerStore) -> None:
    docker.add([ONE], ["docker.io/ai/x:latest"], later={"key": [1, "ü"]})
    store = ModelStore(docker.root)
    store.tag("x", "y")
    store.tag("y", "z")
    store.remove("y")
    (entry,) = docker.index()["models"]
    assert entry["later"] == {"key": [1, "ü"]}
    assert entry["tags"] == ["docker.io/ai/x:latest", "docker.io/ai/z:latest"]
    assert docker.problems() == []


@pytest.mark.parametrize("models", [None, []])
def test_an_empty_store_of_its(docker: DockerStore, models: object, tmp_path: Path) -> None:
    docker.write_index({"models": models})
    store = ModelStore(docker.root)
    assert store.list() == []
    store.package_gguf(write_gguf(tmp_path / "source.gguf"), "x")
    store.files("x")
    assert docker.problems() == []
    store.remove("x")
    assert docker.problems() == []
    assert docker.index() == {"models": []}


def test_an_archive_of_its_kind_and_a_purge(docker: DockerStore, tmp_path: Path) -> None:
    model_id = docker.add([ONE], ["docker.io/ai/x:latest"])
    ours = ModelStore(tmp_path / "ours")
    loaded = ours.load(ModelStore(docker.root).export("x").chunks(), cancelled=threading.Event())
    assert loaded.id == model_id
    ours.tag(model_id, "x")
    assert DockerStore(tmp_path / "ours").problems() == []
    ours.purge()
    assert DockerStore(tmp_path / "ours").problems() == []


def test_a_lost_index_is_rebuilt(docker: DockerStore) -> None:
    one, two = docker.add([ONE], ["docker.io/ai/x:latest"]), docker.add([TWO], ["docker.io/ai/y:latest"])
    (docker.root / "models.json").write_text('{"models": [{"id"')
    store = ModelStore(docker.root)
    assert {model.id for model in store.list()} == {one, two}
    store.tag(one, "x")
    assert docker.problems() == []
    assert len(list(docker.root.glob("models.json.bad-*"))) == 1


WORKER = """
import os
import sys
from pathlib import Path
from dmr_desktop.store.store import ModelStore
from tests.fakes.gguf_files import write_gguf

root, name, rounds = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
store = ModelStore(root / "models")
mine = root / name
mine.mkdir()
for number in range(rounds):
    # Every other model has the same bytes in both processes.
    fill = b"shared" if number % 2 else name.encode()
    path = write_gguf(mine / "source.gguf", (fill * 1000 + str(number).encode() * 1000)[:4096].ljust(4096, b"x"))
    os.utime(path, (10**9, 10**9))
    store.package_gguf(path, f"ai/{name}:{number}")
    store.tag(f"ai/{name}:{number}", f"ai/{name}-again:{number}")
    store.files(f"ai/{name}:{number}")
    store.remove(f"ai/{name}:{number}")
    if number % 3 == 0:
        store.remove(f"ai/{name}-again:{number}")
    store.prune()
"""
ROUNDS = 12


def test_two_processes_change_one_store(tmp_path: Path) -> None:
    docker = DockerStore(tmp_path / "models").create()
    first = docker.add([ONE], ["docker.io/ai/here:before"], later="kept")
    workers = [
        subprocess.Popen([sys.executable, "-c", WORKER, str(tmp_path), name, str(ROUNDS)], cwd=Path.cwd())
        for name in ("ann", "bob")
    ]
    assert [worker.wait(120) for worker in workers] == [0, 0]
    assert docker.problems() == []
    entries = {tag: entry for entry in docker.index()["models"] for tag in entry["tags"]}
    expected = {
        f"docker.io/ai/{name}-again:{number}" for name in ("ann", "bob") for number in range(ROUNDS) if number % 3
    }
    assert set(entries) == expected | {"docker.io/ai/here:before"}
    assert entries["docker.io/ai/here:before"]["id"] == first
    assert entries["docker.io/ai/here:before"]["later"] == "kept"
    used = {digest for entry in docker.index()["models"] for digest in entry["files"]}
    assert {f"sha256:{name}" for name in os.listdir(docker.root / "blobs" / "sha256")} == used
    store = ModelStore(docker.root)
    for tag in expected:
        assert store.files(tag).weights.read_bytes()[:4] == b"GGUF"
    assert json.loads((docker.root / "layout.json").read_text()) == {"version": "1.0.0"}
