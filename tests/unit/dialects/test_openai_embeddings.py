import base64
import json
import struct

import pytest

from dmr_desktop.dialects.openai_embeddings import parse, render
from dmr_desktop.protocol.embedding import EmbeddingResult
from dmr_desktop.protocol.errors import InvalidRequest

RESULT = EmbeddingResult(((0.6, 0.8, 0.0), (0.0, 0.6, 0.8)), prompt_tokens=7)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("a", ("a",)),
        (["a", "b"], ("a", "b")),
        ([1, 2], ((1, 2),)),
        ([[1], [2, 3]], ((1,), (2, 3))),
    ],
)
def test_input_forms(given: object, expected: tuple[object, ...]) -> None:
    assert parse({"model": "m", "input": given}).request.inputs == expected


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({}, "input"),
        ({"input": []}, "input"),
        ({"input": ""}, "input"),
        ({"input": ["a", ""]}, "input[1]"),
        ({"input": [[]]}, "input[0]"),
        ({"input": {}}, "input"),
        ({"input": [{}]}, "input[0]"),
        ({"input": ["a"] * 2049}, "input"),
        ({"input": "a", "encoding_format": "hex"}, "encoding_format"),
        ({"input": "a", "dimensions": 0}, "dimensions"),
    ],
)
def test_refusals(fields: dict[str, object], param: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        parse({"model": "m", **fields})
    assert caught.value.param == param


def test_arrays_by_default() -> None:
    answer = json.loads(render(parse({"model": "m", "input": ["a", "b"]}), RESULT))
    assert answer == {
        "object": "list",
        "data": [
            {"object": "embedding", "index": 0, "embedding": [0.6, 0.8, 0.0]},
            {"object": "embedding", "index": 1, "embedding": [0.0, 0.6, 0.8]},
        ],
        "model": "m",
        "usage": {"prompt_tokens": 7, "total_tokens": 7},
    }


def test_base64_is_little_endian_float32() -> None:
    answer = json.loads(render(parse({"model": "m", "input": "a", "encoding_format": "base64"}), RESULT))
    raw = base64.b64decode(answer["data"][0]["embedding"])
    assert struct.unpack("<3f", raw) == pytest.approx((0.6, 0.8, 0.0))


def test_shortened_vectors_have_length_one() -> None:
    answer = json.loads(render(parse({"model": "m", "input": ["a", "b"], "dimensions": 2}), RESULT))
    assert answer["data"][0]["embedding"] == pytest.approx([0.6, 0.8])
    assert answer["data"][1]["embedding"] == pytest.approx([0.0, 1.0])


def test_more_dimensions_than_the_model_has_are_refused() -> None:
    with pytest.raises(InvalidRequest) as caught:
        render(parse({"model": "m", "input": "a", "dimensions": 4}), RESULT)
    assert caught.value.param == "dimensions"
