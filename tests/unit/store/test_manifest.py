"""Which manifests are models, and that no bytes can raise anything but UnsupportedModel."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dmr_desktop.protocol.errors import UnsupportedModel
from dmr_desktop.store.manifest import (
    CONFIG_CNCF,
    CONFIG_V01,
    CONFIG_V02,
    GGUF,
    MAX_LAYERS,
    OCI_MANIFEST,
    digest_of,
    parse_manifest,
    sole_manifest_of_index,
)

DIGEST = "sha256:" + "ab" * 32
OTHER = "sha256:" + "cd" * 32


def document(**changes: Any) -> dict[str, Any]:
    return {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": {"mediaType": CONFIG_V01, "digest": OTHER, "size": 10},
        "layers": [{"mediaType": GGUF, "digest": DIGEST, "size": 20, "annotations": {"org.cncf.model.filepath": "a"}}],
        **changes,
    }


def encode(data: Any) -> bytes:
    return json.dumps(data).encode()


def layer(**changes: Any) -> dict[str, Any]:
    return document(layers=[{**document()["layers"][0], **changes}])


def test_a_model() -> None:
    raw = encode(document())
    manifest = parse_manifest(raw)
    assert manifest.id == digest_of(raw)
    assert manifest.raw == raw
    assert manifest.files == (DIGEST, OTHER)
    assert manifest.size_bytes == 30
    assert manifest.layers[0].annotations == {"org.cncf.model.filepath": "a"}


@pytest.mark.parametrize("media_type", [CONFIG_V01, CONFIG_V02, CONFIG_CNCF])
def test_the_three_kinds_of_config(media_type: str) -> None:
    config = {"mediaType": media_type, "digest": OTHER, "size": 10}
    assert parse_manifest(encode(document(config=config))).config.media_type == media_type


def test_a_container_image_is_refused_in_the_words_of_docker() -> None:
    config = {"mediaType": "application/vnd.docker.ai.model.config.v99.0+json", "digest": OTHER, "size": 10}
    with pytest.raises(UnsupportedModel) as caught:
        parse_manifest(encode(document(config=config)))
    assert caught.value.message == (
        'config type "application/vnd.docker.ai.model.config.v99.0+json" is not supported '
        '(supported: "application/vnd.docker.ai.model.config.v0.1+json", '
        '"application/vnd.docker.ai.model.config.v0.2+json", "application/vnd.cncf.model.config.v1+json") '
        "- try upgrading: unsupported model config media type"
    )


def test_a_layer_listed_twice_counts_once() -> None:
    manifest = parse_manifest(encode(document(layers=document()["layers"] * 2)))
    assert len(manifest.layers) == 2
    assert len(manifest.distinct_layers) == 1
    assert manifest.size_bytes == 30


BAD = {
    "an index": document(manifests=[]),
    "index and manifest": document(manifests=[{}]),
    "schema 1": document(schemaVersion=1),
    "schema true": document(schemaVersion=True),
    "no config": {k: v for k, v in document().items() if k != "config"},
    "config null": document(config=None),
    "config huge": document(config={"mediaType": CONFIG_V01, "digest": OTHER, "size": 2 << 20}),
    "no layers": {k: v for k, v in document().items() if k != "layers"},
    "empty layers": document(layers=[]),
    "layers a dict": document(layers={}),
    "layers of null": document(layers=[None]),
    "too many layers": document(layers=document()["layers"] * (MAX_LAYERS + 1)),
    "size zero": layer(size=0),
    "size negative": layer(size=-1),
    "size float": layer(size=1.5),
    "size text": layer(size="20"),
    "size true": layer(size=True),
    "size beyond": layer(size=1 << 63),
    "sizes beyond": document(
        layers=[{**document()["layers"][0], "digest": d, "size": 1 << 62} for d in (DIGEST, OTHER)]
    ),
    "digest null": layer(digest=None),
    "digest upper": layer(digest=DIGEST.upper()),
    "digest md5": layer(digest="md5:" + "0" * 32),
    "digest traversal": layer(digest="sha256:../../../../etc/passwd"),
    "digest NUL": layer(digest=DIGEST[:-1] + "\0"),
    "digest newline": layer(digest=DIGEST + "\n"),
    "digest short": layer(digest=DIGEST[:-1]),
    "media type missing": layer(mediaType=None),
    "media type with newline": layer(mediaType="a\nb"),
    "annotations a list": layer(annotations=[1]),
    "two sizes of one layer": document(layers=[layer()["layers"][0], layer(size=21)["layers"][0]]),
}


@pytest.mark.parametrize("name", BAD)
def test_refused(name: str) -> None:
    with pytest.raises(UnsupportedModel):
        parse_manifest(encode(BAD[name]))


@pytest.mark.parametrize(
    "raw",
    [
        b"", b"null", b"[]", b'"x"', b"1", b"{", b"<html>", b"\xff\xfe{}", b"[" * 100_000, b'{"a":' * 100_000,
        b'{"schemaVersion":' + b"9" * 20_000 + b"}", b'{"schemaVersion":NaN}', b'{"a":1,"a":2}', b" " * (5 << 20),
        "\ufeff{}".encode(),
    ],
    ids=range(15),
)  # fmt: skip
def test_what_is_no_document(raw: bytes) -> None:
    with pytest.raises(UnsupportedModel):
        parse_manifest(raw)
    with pytest.raises(UnsupportedModel):
        sole_manifest_of_index(raw)


def test_an_index_of_one() -> None:
    entry = {"mediaType": OCI_MANIFEST, "digest": DIGEST, "size": 5}
    assert sole_manifest_of_index(encode({"schemaVersion": 2, "manifests": [entry]})) == DIGEST
    assert sole_manifest_of_index(encode(document())) is None
    wrong: list[Any] = [[], [entry, entry], {}, [None]]
    for entries in wrong:
        with pytest.raises(UnsupportedModel):
            sole_manifest_of_index(encode({"schemaVersion": 2, "manifests": entries}))
    with pytest.raises(UnsupportedModel):
        sole_manifest_of_index(encode(document(manifests=[entry])))


@given(st.binary(max_size=300))
def test_any_bytes(raw: bytes) -> None:
    with pytest.raises(UnsupportedModel):
        parse_manifest(raw)


@given(st.integers(0, len(encode(document())) - 1), st.integers(0, 255))
def test_one_byte_changed(position: int, byte: int) -> None:
    raw = bytearray(encode(document()))
    raw[position] = byte
    try:
        manifest = parse_manifest(bytes(raw))
    except UnsupportedModel:
        return
    assert manifest.id == digest_of(bytes(raw))


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(st.sampled_from(["schemaVersion", "config", "layers", "annotations", "artifactType"]), _json)
def test_any_value_in_any_place(key: str, value: Any) -> None:
    try:
        parse_manifest(encode(document(**{key: value})))
    except UnsupportedModel:
        pass
