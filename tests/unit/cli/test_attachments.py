from pathlib import Path
from typing import Any

import pytest

from dmr_desktop.cli.attachments import image_kind, read_question
from dmr_desktop.protocol.errors import InvalidRequest

PNG = b"\x89PNG\r\n\x1a\n0000"


def test_images_become_parts(tmp_path: Path) -> None:
    (tmp_path / "a b.png").write_bytes(PNG)
    (tmp_path / "c.jpg").write_bytes(b"\xff\xd8\xff0")
    content: Any = read_question(f'What is on @"{tmp_path}/a b.png" and @{tmp_path}/c.jpg ?').content
    assert content[0] == {"type": "text", "text": "What is on a b.png and c.jpg ?"}
    assert [part["image_url"]["url"].partition(",")[0] for part in content[1:]] == [
        "data:image/png;base64",
        "data:image/jpeg;base64",
    ]


def test_texts_are_put_in_and_other_words_stay(tmp_path: Path) -> None:
    (tmp_path / "n.txt").write_text("one\ntwo")
    assert read_question(f"Sum up @{tmp_path}/n.txt now").content == "Sum up n.txt:\none\ntwo\n now"
    for text in ("mail me@example.com", "@nobody is here", f"@{tmp_path}", "a @\0 b"):
        assert read_question(text).content == text


def test_what_is_neither_or_too_big_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.bin").write_bytes(b"\x00\xff\xfe")
    (tmp_path / "big.png").write_bytes(PNG + bytes(8 << 20))
    (tmp_path / "big.txt").write_bytes(b"x" * (2 << 20))
    for name in ("x.bin", "big.png", "big.txt"):
        with pytest.raises(InvalidRequest, match=name.replace(".", r"\.")):
            read_question(f"@{tmp_path}/{name}")


def test_kinds() -> None:
    assert image_kind(b"RIFF0000WEBPVP8 ") == "webp"
    assert image_kind(b"GIF89a") == "gif"
    assert image_kind(b"") == ""
