"""Bundles: the names engines expect, nothing outside the folder."""

import os
from pathlib import Path

import pytest

from dmr_desktop.protocol.errors import StoreError, UnsupportedModel
from dmr_desktop.protocol.models import ModelConfig
from dmr_desktop.store.bundles import ensure_bundle, lay_out, remove_bundle
from dmr_desktop.store.layout import Layout
from dmr_desktop.store.manifest import (
    CHAT_TEMPLATE,
    CNCF_ARTIFACT,
    CONFIG_V01,
    CONFIG_V02,
    FILEPATH,
    GGUF,
    LICENSE,
    MMPROJ,
    SAFETENSORS,
    Descriptor,
    Manifest,
    digest_of,
)

CONFIG = ModelConfig(format="gguf", size="1MiB")


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    found = Layout(tmp_path / "models")
    found.open()
    return found


def layer(content: str, media_type: str = GGUF, name: str | None = None) -> Descriptor:
    data = content.encode()
    return Descriptor(media_type, digest_of(data), len(data), {} if name is None else {FILEPATH: name})


def model(*layers: Descriptor, config: str = CONFIG_V01, artifact_type: str = "") -> Manifest:
    return Manifest(b"raw", digest_of(repr(layers).encode()), Descriptor(config, "", 1), layers, artifact_type)


def store(layout: Layout, *contents: str) -> None:
    for content in contents:
        layout.blob(digest_of(content.encode())).write_text(content)


def test_one_file_with_everything(layout: Layout) -> None:
    store(layout, "weights", "projector", "template", "license")
    manifest = model(
        layer("weights", name="anything.gguf"),
        layer("license", LICENSE, "LICENSE"),
        layer("projector", MMPROJ),
        layer("template", CHAT_TEMPLATE),
    )
    bundle = ensure_bundle(layout, manifest, CONFIG)
    folder = layout.bundle(manifest.id) / "model"
    assert bundle.weights == (folder / "model.gguf",)
    assert bundle.mmproj == folder / "model.mmproj"
    assert bundle.chat_template == folder / "template.jinja"
    assert sorted(path.name for path in folder.iterdir()) == ["model.gguf", "model.mmproj", "template.jinja"]
    assert bundle.weights[0].samefile(layout.blob(digest_of(b"weights")))
    assert (folder.parent / "config.json").read_text() == '{"format":"gguf","size":"1MiB"}\n'


def test_shards_get_the_names_llama_cpp_looks_for(layout: Layout) -> None:
    store(layout, "a", "b", "c")
    bundle = ensure_bundle(layout, model(layer("a"), layer("b"), layer("c")), CONFIG)
    assert [path.name for path in bundle.weights] == [f"model-0000{number}-of-00003.gguf" for number in (1, 2, 3)]
    assert [path.read_text() for path in bundle.weights] == ["a", "b", "c"]


@pytest.mark.parametrize(("config", "artifact_type"), [(CONFIG_V02, ""), (CONFIG_V01, CNCF_ARTIFACT)])
def test_files_placed_by_annotation(layout: Layout, config: str, artifact_type: str) -> None:
    store(layout, "w", "p", "t")
    manifest = model(
        layer("w", name="deep/w.gguf"),
        layer("p", name="x-mmproj-f16.gguf"),
        layer("t", name="chat.jinja"),
        layer("unnamed"),
        config=config,
        artifact_type=artifact_type,
    )
    bundle = ensure_bundle(layout, manifest, CONFIG)
    folder = layout.bundle(manifest.id) / "model"
    assert bundle.weights == (folder / "deep" / "w.gguf",)
    assert bundle.mmproj == folder / "x-mmproj-f16.gguf"
    assert bundle.chat_template == folder / "chat.jinja"


@pytest.mark.parametrize(
    ("name", "placed"),
    [("../../x.gguf", "x.gguf"), ("a/../x.gguf", "x.gguf"), ("./x.gguf", "x.gguf"), ("a/../../x.gguf", "x.gguf")],
)
def test_names_leading_outside_are_brought_inside(name: str, placed: str) -> None:
    assert list(lay_out(model(layer("w", name=name), config=CONFIG_V02))) == [placed]


@pytest.mark.parametrize("name", ["", "/etc/passwd", ".", "..", "../..", "a\0b", "a\nb", "C:\\x", "a\\..\\b", "con:x"])
def test_names_that_are_no_files_are_refused(name: str) -> None:
    with pytest.raises(UnsupportedModel):
        lay_out(model(layer("w", name=name), config=CONFIG_V02))


def test_two_layers_for_one_name() -> None:
    with pytest.raises(UnsupportedModel, match="filepath collision"):
        lay_out(model(layer("a", name="x"), layer("b", name="y/../x"), config=CONFIG_V02))
    assert len(lay_out(model(layer("a", name="x"), layer("a", name="x"), config=CONFIG_V02))) == 1


@pytest.mark.parametrize(
    "layers",
    [
        [layer("s", SAFETENSORS)],
        [layer("l", LICENSE)],
        [layer("a"), layer("p", MMPROJ), layer("q", MMPROJ)],
        [layer("a"), layer("p", CHAT_TEMPLATE), layer("q", CHAT_TEMPLATE)],
    ],
)
def test_models_we_cannot_run(layout: Layout, layers: list[Descriptor]) -> None:
    with pytest.raises(UnsupportedModel):
        ensure_bundle(layout, model(*layers), CONFIG)


def test_a_whole_bundle_is_used_as_it_is_and_a_broken_one_remade(layout: Layout) -> None:
    store(layout, "weights")
    manifest = model(layer("weights"))
    path = ensure_bundle(layout, manifest, CONFIG).weights[0]
    inode = path.parent.stat().st_ino
    ensure_bundle(layout, manifest, CONFIG)
    assert path.parent.stat().st_ino == inode
    path.unlink()
    (path.parent / "leftover").write_text("")
    ensure_bundle(layout, manifest, CONFIG)
    assert [each.name for each in path.parent.iterdir()] == ["model.gguf"]
    assert [each.name for each in layout.bundles.iterdir()] == [layout.bundle(manifest.id).name]


def test_without_hard_links_the_blob_itself_is_opened(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    store(layout, "weights", "t", "a", "b")
    bundle = ensure_bundle(layout, model(layer("weights"), layer("t", CHAT_TEMPLATE)), CONFIG)
    assert bundle.weights == (layout.blob(digest_of(b"weights")),)
    assert bundle.chat_template == layout.blob(digest_of(b"t"))
    with pytest.raises(StoreError):
        ensure_bundle(layout, model(layer("a"), layer("b")), CONFIG)


def test_removing(layout: Layout) -> None:
    store(layout, "weights")
    manifest = model(layer("weights"))
    ensure_bundle(layout, manifest, CONFIG)
    remove_bundle(layout, manifest.id)
    remove_bundle(layout, manifest.id)
    assert list(layout.bundles.iterdir()) == []
