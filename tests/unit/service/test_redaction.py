import json

import pytest

from dmr_desktop.service.redaction import MAX_BODY_BYTES, bounded, kept_body, shown_body, without_media

LONG = "A" * 250
CUT = "A" * 100 + "...[truncated 150 chars]"


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        (
            {"image_url": {"url": "data:" + LONG}},
            {"image_url": {"url": "data:" + "A" * 95 + "...[truncated 155 chars]"}},
        ),
        ({"input_audio": {"data": LONG, "format": "wav"}}, {"input_audio": {"data": CUT, "format": "wav"}}),
        ({"source": {"type": "base64", "data": LONG}}, {"source": {"type": "base64", "data": CUT}}),
        ({"images": [LONG, "short"]}, {"images": [CUT, "short"]}),
        ({"image_url": "https://example.com/" + LONG}, {"image_url": "https://example.com/" + LONG}),
        ({"content": LONG}, {"content": LONG}),
    ],
)
def test_media_is_cut_and_text_is_not(body: object, shown: object) -> None:
    assert without_media(body) == shown
    assert json.loads(shown_body(kept_body(json.dumps(body).encode()))) == shown


def test_a_small_body_is_kept_as_it_came() -> None:
    body = b'{"model": "x",   "data": "kept blank by blank"}'
    assert kept_body(body) is body
    assert shown_body(body) == body.decode()
    assert shown_body(b"no json with data in it \xff") == "no json with data in it \ufffd"


def test_a_large_body_is_bounded_and_says_so() -> None:
    large = json.dumps({"content": "x" * (2 * MAX_BODY_BYTES)}).encode()
    kept = kept_body(large)
    assert len(kept) < MAX_BODY_BYTES + 100
    assert kept.endswith(f"...[truncated {len(large) - MAX_BODY_BYTES} bytes]".encode())
    assert bounded(b"x") == b"x"


def test_a_large_picture_leaves_a_whole_body() -> None:
    body = json.dumps({"messages": [{"content": "data:image/png;base64," + "A" * 10**6}]}).encode()
    assert json.loads(kept_body(body))["messages"][0]["content"].startswith("data:image/png;base64,AAA")
