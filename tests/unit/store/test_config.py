"""Model configs, Docker's and CNCF's."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dmr_desktop.protocol.errors import UnsupportedModel
from dmr_desktop.protocol.models import ModelConfig
from dmr_desktop.store.config import parse_config, render_config
from dmr_desktop.store.manifest import CONFIG_CNCF, CONFIG_V01

DIGEST = "sha256:" + "ab" * 32


def encode(data: Any) -> bytes:
    return json.dumps(data).encode()


def test_dockers_config_as_found_on_the_hub() -> None:
    found = parse_config(
        CONFIG_V01,
        encode(
            {
                "config": {
                    "format": "gguf",
                    "quantization": " IQ2_XXS/Q4_K_M ",
                    "parameters": "361.82 M",
                    "architecture": "llama",
                    "size": "256.35 MiB",
                    "gguf": {"llama.context_length": "8192", "odd": 5},
                    "context_size": 8192,
                },
                "descriptor": {"created": "2025-03-24T11:49:41.123456789Z"},
                "rootfs": {"type": "layers", "diff_ids": [DIGEST]},
            }
        ),
    )
    assert found.config == ModelConfig(
        "gguf", "IQ2_XXS/Q4_K_M", "361.82 M", "llama", "256.35 MiB", {"llama.context_length": "8192"}, {}, 8192
    )
    assert found.created == 1742816981
    assert found.diff_ids == (DIGEST,)


def test_cncf_is_shown_in_the_same_shape() -> None:
    found = parse_config(
        CONFIG_CNCF,
        encode(
            {
                "descriptor": {"createdAt": "2025-03-24T11:49:41Z", "family": "llama"},
                "modelfs": {"type": "layers", "diffIds": [DIGEST]},
                "config": {"architecture": "llama", "format": "GGUF", "paramSize": "8b", "quantization": "Q4_K_M"},
            }
        ),
    )
    assert found.config == ModelConfig("gguf", "Q4_K_M", "8b", "llama", "8b")
    assert found.created == 1742816981
    assert found.diff_ids == (DIGEST,)


def test_what_we_write_reads_back() -> None:
    config = ModelConfig("gguf", "Q8_0", "1.50M", "llama", "2MiB", {"a": "ü"}, {}, 4096)
    found = parse_config(CONFIG_V01, render_config(config, datetime(2025, 3, 24, tzinfo=UTC), [DIGEST]))
    assert found.config == config
    assert found.created == 1742774400


@pytest.mark.parametrize("created", [None, 5, "", "yesterday", "2025-03-24T11:49:41", "0001-01-01T00:00:00Z"])
def test_an_unknown_time_is_zero(created: Any) -> None:
    assert parse_config(CONFIG_V01, encode({"descriptor": {"created": created}})).created == 0


@pytest.mark.parametrize("size", [True, 0, -1, 1 << 31, "8192", 1.5])
def test_an_impossible_context_size_is_left_out(size: Any) -> None:
    assert parse_config(CONFIG_V01, encode({"config": {"context_size": size}})).config.context_size is None


@pytest.mark.parametrize("data", [b"", b"[]", b"null", b"{", b"\xff", b" " * ((1 << 20) + 1), b"[" * 50_000])
def test_what_is_no_config(data: bytes) -> None:
    with pytest.raises(UnsupportedModel):
        parse_config(CONFIG_V01, data)


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@given(
    st.sampled_from(["config", "descriptor", "rootfs", "modelfs"]), _json, st.sampled_from([CONFIG_V01, CONFIG_CNCF])
)
def test_fields_of_any_kind_are_survived(key: str, value: Any, media_type: str) -> None:
    parse_config(media_type, encode({key: value}))


@pytest.mark.parametrize("text", [r"\ud800", r"\uDC00", r"a\udfff\ud800b"])
def test_half_a_character_is_refused(text: str) -> None:
    for document in (rf'{{"config": {{"quantization": "{text}"}}}}', rf'{{"config": {{"gguf": {{"{text}": "x"}}}}}}'):
        with pytest.raises(UnsupportedModel, match="half a character"):
            parse_config(CONFIG_V01, document.encode())


def test_both_halves_are_a_character_and_a_backslash_is_none() -> None:
    found = parse_config(CONFIG_V01, rb'{"config": {"quantization": "\ud83d\ude00", "architecture": "\\ud800"}}')
    assert (found.config.quantization, found.config.architecture) == ("\U0001f600", "\\ud800")


@pytest.mark.parametrize("created", ["9999-12-31T23:59:59-12:00", "0001-01-01T00:00:00+12:00", "1969-12-31T23:59:59Z"])
def test_a_time_outside_of_time_is_unknown(created: str) -> None:
    assert parse_config(CONFIG_V01, encode({"descriptor": {"created": created}})).created == 0
