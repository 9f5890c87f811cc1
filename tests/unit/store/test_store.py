"""ModelStore: naming, finding, tagging and removing models, with files made by packaging."""

import errno
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from dmr_desktop.protocol.errors import (
    Conflict,
    InvalidReference,
    InvalidRequest,
    ModelNotFound,
    StoreError,
    UnsupportedModel,
)
from dmr_desktop.protocol.models import DEMO_REFERENCE, Model, Progress
from dmr_desktop.store import index
from dmr_desktop.store.manifest import digest_of
from dmr_desktop.store.store import ModelStore
from tests.fakes.gguf_files import STR, TINY, U32, gguf_bytes, write_gguf


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    return ModelStore(tmp_path / "models")


def package(store: ModelStore, tmp_path: Path, target: str, fill: bytes = b"\0", **more: object) -> Model:
    path = write_gguf(tmp_path / "source.gguf", fill * 4096)
    return store.package_gguf(path, target, **more)  # type: ignore[arg-type]


def blob_names(tmp_path: Path) -> set[str]:
    return {path.name for path in (tmp_path / "models" / "blobs" / "sha256").iterdir()}


def test_an_empty_store(store: ModelStore, tmp_path: Path) -> None:
    assert store.list() == []
    with pytest.raises(ModelNotFound, match=r"^model not found$"):
        store.get("smollm2")
    assert store.disk_usage() == sum(path.stat().st_size for path in (tmp_path / "models").rglob("*") if path.is_file())


def test_found_by_every_name_it_has(store: ModelStore, tmp_path: Path) -> None:
    model = package(store, tmp_path, "Org/MyModel:v1")
    assert model.tags == ("docker.io/org/mymodel:v1",)
    for name in (
        "org/mymodel:v1",
        "docker.io/ORG/mymodel:v1",
        "index.docker.io/org/mymodel:v1",
        model.id,
        model.id[7:],
    ):
        assert store.get(name) == model
    assert store.get(model.id[7:19]) == model
    assert store.get(f"org/other@{model.id}") == model
    for name in ("org/mymodel", "mymodel", model.id[7:18], "sha256:" + "0" * 64, "0" * 12, f"x@sha256:{'0' * 64}"):
        with pytest.raises(ModelNotFound):
            store.get(name)


def test_partial_names_only_where_asked(store: ModelStore, tmp_path: Path) -> None:
    model = package(store, tmp_path, "org/mymodel:v1")
    assert store.get("mymodel", partial=True) == model
    store.tag("mymodel", "again")
    for name in ("mymode", "mymodel:v1"):
        with pytest.raises(ModelNotFound):
            store.get(name, partial=True)
    with pytest.raises(ModelNotFound):
        store.files("mymodel")
    with pytest.raises(ModelNotFound):
        store.remove("mymodel")


def test_normalising(store: ModelStore, tmp_path: Path) -> None:
    model = package(store, tmp_path, "x")
    unknown = "sha256:" + "0" * 64
    assert store.normalise(" x ") == "docker.io/ai/x:latest"
    assert store.normalise(model.id) == store.normalise(model.id[7:19]) == store.normalise(model.id[7:]) == model.id
    assert store.normalise(unknown) == unknown
    assert store.normalise("0" * 12) == f"docker.io/ai/{'0' * 12}:latest"
    with pytest.raises(InvalidReference):
        store.normalise("../x")


def test_a_tag_moves(store: ModelStore, tmp_path: Path) -> None:
    one = package(store, tmp_path, "x", b"1")
    two = package(store, tmp_path, "y", b"2")
    store.tag("y", "x")
    assert store.get("x").id == two.id
    assert [(model.id, model.tags) for model in store.list()] == [
        (one.id, ()),
        (two.id, ("docker.io/ai/y:latest", "docker.io/ai/x:latest")),
    ]
    store.tag(one.id[7:19], "ai/x:12")
    assert store.get(one.id).tags == ("docker.io/ai/x:12",)
    with pytest.raises(ModelNotFound):
        store.tag("nowhere", "z")
    with pytest.raises(InvalidReference):
        store.tag("x", "a//b")


def test_removing_by_tag(store: ModelStore, tmp_path: Path) -> None:
    model = package(store, tmp_path, "x")
    store.tag("x", "y")
    assert store.remove("y") == [{"Untagged": "docker.io/ai/y:latest"}]
    assert store.remove("X", force=True) == [{"Untagged": "docker.io/ai/x:latest"}, {"Deleted": model.id}]
    assert blob_names(tmp_path) == set()
    with pytest.raises(ModelNotFound, match=r"^error while deleting model: model not found$"):
        store.remove("x")


@pytest.mark.parametrize("kind", ["id", "hex", "short", "digest"])
def test_removing_by_id_must_be_forced_when_it_has_several_tags(store: ModelStore, tmp_path: Path, kind: str) -> None:
    model = package(store, tmp_path, "x")
    store.tag("x", "y")
    name = {"id": model.id, "hex": model.id[7:], "short": model.id[7:19], "digest": f"ai/x@{model.id}"}[kind]
    with pytest.raises(Conflict) as caught:
        store.remove(name)
    assert caught.value.message == (
        f'error while deleting model: unable to delete "{name}" (must be forced) '
        "due to multiple tag references: resource conflict"
    )
    steps = [{"Untagged": "docker.io/ai/x:latest"}, {"Untagged": "docker.io/ai/y:latest"}, {"Deleted": model.id}]
    assert store.remove(name, force=True) == steps
    assert store.list() == []


def test_removing_gives_the_space_back_and_keeps_shared_layers(store: ModelStore, tmp_path: Path) -> None:
    empty = store.disk_usage()
    one = package(store, tmp_path, "x")
    two = package(store, tmp_path, "y", context_size=64)
    assert one.id != two.id
    store.files("x")
    store.files("y")
    store.remove("x")
    assert store.files("y").weights.read_bytes()[:4] == b"GGUF"
    store.remove("y")
    assert blob_names(tmp_path) == set()
    assert list((tmp_path / "models" / "bundles" / "sha256").iterdir()) == []
    assert store.disk_usage() < empty + 200


def test_on_a_full_disk_removing_makes_room_for_the_list_without_it(
    store: ModelStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = package(store, tmp_path, "x")
    weights = store.files("x").weights
    write = index.write_atomic

    def write_if_there_is_room(path: Path, data: bytes) -> None:
        if weights.exists() or blob_names(tmp_path):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        write(path, data)

    monkeypatch.setattr(index, "write_atomic", write_if_there_is_room)
    assert store.remove("x") == [{"Untagged": "docker.io/ai/x:latest"}, {"Deleted": model.id}]
    assert store.list() == []


def test_files_are_checked_before_anything_native_sees_them(store: ModelStore, tmp_path: Path) -> None:
    package(store, tmp_path, "x")
    weights = store.files("x").weights
    weights.write_bytes(weights.read_bytes()[:-128] + bytes(128))
    store.files("x")
    data = bytearray(weights.read_bytes())
    data[4] = 9
    weights.write_bytes(data)
    with pytest.raises(UnsupportedModel, match="version is 9"):
        store.files("x")
    assert len(store.list()) == 1


def test_a_hard_linked_bundle_counts_once(store: ModelStore, tmp_path: Path) -> None:
    package(store, tmp_path, "x")
    before = store.disk_usage()
    files = store.files("x")
    config = files.weights.parent.parent / "config.json"
    assert store.disk_usage() == before + config.stat().st_size


def test_packaging_again_takes_no_more_room(store: ModelStore, tmp_path: Path) -> None:
    package(store, tmp_path, "x")
    store.files("x")
    before = store.disk_usage()
    store.package_gguf(tmp_path / "source.gguf", "x")
    assert store.disk_usage() == before


def test_packaging_is_repeatable(store: ModelStore, tmp_path: Path) -> None:
    path = write_gguf(tmp_path / "source.gguf")
    template, license_file = tmp_path / "chat.jinja", tmp_path / "LICENSE"
    template.write_text("{{ messages }}")
    license_file.write_text("do what you like")
    heard: list[Progress] = []

    def once() -> Model:
        return store.package_gguf(
            path, DEMO_REFERENCE, chat_template=template, licenses=[license_file], progress=heard.append
        )

    model = once()
    assert once() == model
    assert model.tags == (DEMO_REFERENCE,)
    assert model.created == int(path.stat().st_mtime)
    assert model.config.to_json() == {
        "format": "gguf",
        "quantization": "F32",
        "parameters": "4.10K",
        "architecture": "llama",
        "size": "16KiB",
        "gguf": model.config.gguf,
        "context_size": 2048,
    }
    assert model.config.gguf["tokenizer.ggml.add_bos_token"] == "true"
    files = store.files(DEMO_REFERENCE)
    assert files.weights.read_bytes() == path.read_bytes()
    assert files.chat_template is not None
    assert files.chat_template.read_text() == "{{ messages }}"
    assert {progress.total for progress in heard} == {
        path.stat().st_size + template.stat().st_size + license_file.stat().st_size
    }
    assert store.pull(DEMO_REFERENCE, progress=heard.append, cancelled=threading.Event()) == "Using cached model: 16KiB"


def test_the_manifest_is_dockers(store: ModelStore, tmp_path: Path) -> None:
    model = package(store, tmp_path, "x", context_size=4096)
    raw = (tmp_path / "models" / "manifests" / "sha256" / model.id[7:]).read_bytes()
    document = json.loads(raw)
    assert list(document) == ["schemaVersion", "mediaType", "config", "layers"]
    assert document["config"]["mediaType"] == "application/vnd.docker.ai.model.config.v0.1+json"
    (layer,) = document["layers"]
    assert list(layer) == ["mediaType", "size", "digest", "annotations"]
    assert layer["mediaType"] == "application/vnd.docker.ai.gguf.v3"
    assert layer["annotations"]["org.cncf.model.filepath"] == "source.gguf"
    assert json.loads(layer["annotations"]["org.cncf.model.file.metadata+json"])["uid"] == 0
    config = json.loads((tmp_path / "models" / "blobs" / "sha256" / document["config"]["digest"][7:]).read_bytes())
    assert config["rootfs"]["diff_ids"] == [layer["digest"]]
    assert model.config.context_size == 4096


def test_packaging_refuses_what_cannot_work(store: ModelStore, tmp_path: Path) -> None:
    good = write_gguf(tmp_path / "good.gguf")
    broken, empty = tmp_path / "broken.gguf", tmp_path / "empty.gguf"
    broken.write_bytes(good.read_bytes()[:-1])
    empty.write_bytes(b"")
    for path, error in ((broken, UnsupportedModel), (empty, UnsupportedModel), (tmp_path, InvalidRequest)):
        with pytest.raises(error):
            store.package_gguf(path, "x")
    with pytest.raises(InvalidRequest):
        store.package_gguf(tmp_path / "missing.gguf", "x")
    with pytest.raises(InvalidRequest):
        store.package_gguf(good, "x", context_size=0)
    with pytest.raises(InvalidReference):
        store.package_gguf(good, "a//b")
    assert store.list() == []
    assert blob_names(tmp_path) == set()


def test_names_of_this_machine_are_never_looked_up(store: ModelStore) -> None:
    def progress(_: Progress) -> None:
        raise AssertionError

    with pytest.raises(ModelNotFound, match="Model not found"):
        store.pull("dmr.local/other", progress=progress, cancelled=threading.Event())


@pytest.mark.parametrize("reference", ["http://h.example/x", "h.example:22/x", "169.254.169.254/x", "../x", ""])
def test_references_that_must_not_be_pulled(store: ModelStore, reference: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("socket.getaddrinfo", lambda *_, **__: pytest.fail("looked up a name"))
    with pytest.raises(InvalidRequest):
        store.pull(reference, progress=print, cancelled=threading.Event())


def test_a_damaged_model_is_left_out_and_can_be_removed(store: ModelStore, tmp_path: Path) -> None:
    model = package(store, tmp_path, "x")
    good = package(store, tmp_path, "y", b"2")
    path = tmp_path / "models" / "manifests" / "sha256" / model.id[7:]
    path.write_bytes(path.read_bytes().replace(b"source", b"sourcE"))
    fresh = ModelStore(tmp_path / "models")
    assert [each.id for each in fresh.list()] == [good.id]
    with pytest.raises(StoreError, match="damaged"):
        fresh.get("x")
    fresh.remove("x")
    path.unlink(missing_ok=True)
    assert [each.id for each in fresh.list()] == [good.id]


def test_why_a_model_is_left_out_is_said_once(
    store: ModelStore, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    model = package(store, tmp_path, "x")
    manifest = tmp_path / "models" / "manifests" / "sha256" / model.id.removeprefix("sha256:")
    raw = manifest.read_bytes()
    fresh = ModelStore(tmp_path / "models")
    for content, num_said in ((b"x", 1), (b"x", 1), (raw, 1)):
        manifest.write_bytes(content)
        fresh.list()
        assert caplog.text.count("is left out") == num_said
    fresh = ModelStore(tmp_path / "models")
    manifest.unlink()
    assert fresh.list() == fresh.list() == []
    assert caplog.text.count("is left out") == 2


def test_what_another_program_changes_is_seen_at_once(store: ModelStore, tmp_path: Path) -> None:
    other = ModelStore(tmp_path / "models")
    model = package(store, tmp_path, "x")
    assert other.list() == [model]
    other.tag("x", "y")
    assert store.get("y").id == model.id
    other.remove(model.id, force=True)
    assert store.list() == []


# ---- repackaging and what a package may hold --------------------------------------------------


def test_repackaging_shares_the_layers_and_keeps_what_it_does_not_know(store: ModelStore, tmp_path: Path) -> None:
    model = package(store, tmp_path, "x")
    folder = tmp_path / "models" / "blobs" / "sha256"
    manifest_path = tmp_path / "models" / "manifests" / "sha256" / model.id[7:]
    manifest = json.loads(manifest_path.read_bytes())
    config = json.loads((folder / manifest["config"]["digest"][7:]).read_bytes())
    config["config"]["diffusers"] = {"new": "key"}
    config["later"] = [1]
    raw = json.dumps(config).encode()
    manifest["config"] |= {"digest": digest_of(raw), "size": len(raw)}
    manifest["annotations"] = {"kept": "yes"}
    (folder / digest_of(raw)[7:]).write_bytes(raw)
    raw_manifest = json.dumps(manifest).encode()
    (manifest_path.parent / digest_of(raw_manifest)[7:]).write_bytes(raw_manifest)
    index = json.loads((tmp_path / "models" / "models.json").read_bytes())
    files = [manifest["layers"][0]["digest"], manifest["config"]["digest"]]
    index["models"].append({"id": digest_of(raw_manifest), "tags": ["ai/strange:1"], "files": files})
    (tmp_path / "models" / "models.json").write_text(json.dumps(index))

    changed = store.repackage("strange:1", "ai/Small:v1", context_size=256)
    assert changed.tags == ("docker.io/ai/small:v1",)
    assert changed.config.context_size == 256
    assert changed.config.gguf == model.config.gguf
    new_manifest = json.loads((manifest_path.parent / changed.id[7:]).read_bytes())
    assert new_manifest["annotations"] == {"kept": "yes"}
    assert new_manifest["layers"] == manifest["layers"]
    new_config = json.loads((folder / new_manifest["config"]["digest"][7:]).read_bytes())
    assert new_config == {**config, "config": {**config["config"], "context_size": 256}}
    assert store.get("strange:1").config.context_size == 2048
    assert store.repackage("ai/small:v1", "again").id == changed.id  # nothing to change: another name
    store.remove("x")
    store.remove("strange:1")
    assert store.files("again").weights.is_file()


def test_repackaging_refuses(store: ModelStore, tmp_path: Path) -> None:
    package(store, tmp_path, "x")
    with pytest.raises(ModelNotFound):
        store.repackage("nowhere", "y")
    with pytest.raises(InvalidRequest):
        store.repackage("x", "y", context_size=0)
    with pytest.raises(InvalidReference):
        store.repackage("x", "a//b", context_size=5)
    assert len(store.list()) == 1


def test_a_package_of_everything(store: ModelStore, tmp_path: Path) -> None:
    parts = [tmp_path / f"big-{number:05d}-of-00002.gguf" for number in (1, 2)]
    for number, part in enumerate(parts):
        part.write_bytes(gguf_bytes({**TINY, "split.count": (U32, 2), "split.no": (U32, number)}))
    projector = tmp_path / "vision.gguf"
    projector.write_bytes(gguf_bytes({"general.architecture": (STR, "clip")}))
    template, licence = tmp_path / "t.jinja", tmp_path / "LICENSE"
    template.write_text("{{ x }}")
    licence.write_text("mine")
    model = store.package_gguf(
        parts[0], "x", chat_template=template, mmproj=projector, licenses=[licence], context_size=77
    )
    assert model.config.context_size == 77
    files = store.files("x")
    assert files.weights.name == "model-00001-of-00002.gguf"
    assert files.mmproj is not None
    assert files.mmproj.read_bytes() == projector.read_bytes()
    assert files.chat_template is not None
    with pytest.raises(UnsupportedModel, match="not a multimodal projector"):
        store.package_gguf(parts[0], "y", mmproj=write_gguf(tmp_path / "model.gguf"))
    parts[1].unlink()
    with pytest.raises(InvalidRequest, match=r"00002-of-00002\.gguf is not a file"):
        store.package_gguf(parts[0], "y")
    odd = write_gguf(tmp_path / "x-00001-of-00000.gguf")
    with pytest.raises(InvalidRequest):
        store.package_gguf(odd, "y")


def test_what_is_only_ever_here_is_not_looked_up_over_the_network(tmp_path: Path) -> None:
    """The imports for it take half a second, on a busy machine several: an answer that is known does not wait."""
    code = f"""
import sys, threading
from pathlib import Path
from dmr_desktop.protocol.errors import ModelNotFound
from dmr_desktop.store.store import ModelStore
try:
    ModelStore(Path({str(tmp_path / "models")!r})).pull("dmr.local/x", progress=print, cancelled=threading.Event())
except ModelNotFound as error:
    print(error.hint, "dmr_desktop.store.distribution" in sys.modules, sep="|")
"""
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out == "names in dmr.local are local only|False\n"
