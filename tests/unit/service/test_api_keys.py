import json
import logging
import stat
from pathlib import Path

import pytest
from starlette.datastructures import Headers

from dmr_desktop.protocol.errors import Conflict
from dmr_desktop.service.api_keys import ApiKeys, new_key


def with_key(key: str) -> Headers:
    return Headers({"x-api-key": key})


def test_a_key_is_kept_as_a_digest_that_only_its_user_can_read(tmp_path: Path) -> None:
    file, key = tmp_path / "api-key.json", new_key()
    keys = ApiKeys(file, None)
    assert keys.source == "none"
    assert not keys.key.is_in(with_key(key))
    keys.replace(key)
    assert (keys.source, keys.key.is_in(with_key(key))) == ("stored", True)
    assert key not in file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    again = ApiKeys(file, None)
    assert again.key.is_in(with_key(key))
    assert not again.key.is_in(with_key(json.loads(file.read_text())["sha256"]))
    other = new_key()
    again.replace(other)
    assert not again.key.is_in(with_key(key))
    assert again.key.is_in(with_key(other))
    assert other != key
    assert len(other) > 40


def test_the_settings_key_stands_above_a_stored_one(tmp_path: Path) -> None:
    file, stored, given = tmp_path / "api-key.json", new_key(), "a-key-of-many-characters"
    ApiKeys(file, None).replace(stored)
    keys = ApiKeys(file, given)
    assert keys.source == "settings"
    assert keys.key.is_in(with_key(given))
    assert not keys.key.is_in(with_key(stored))
    with pytest.raises(Conflict, match=r"config\.toml"):
        keys.replace(new_key())
    assert keys.key.is_in(with_key(given))


@pytest.mark.parametrize("text", ["", "null", "[]", '{"sha256": 7}', '{"sha256": "abcd"}', '{"sha256": "zz"}', "\0"])
def test_a_file_that_says_nothing_lets_nobody_in(tmp_path: Path, text: str, caplog: pytest.LogCaptureFixture) -> None:
    file = tmp_path / "api-key.json"
    file.write_text(text)
    with caplog.at_level(logging.WARNING):
        keys = ApiKeys(file, None)
    assert keys.source == "none"
    assert "there is no API key" in caplog.text


def test_a_key_that_cannot_be_kept_is_not_used(tmp_path: Path) -> None:
    keys, key = ApiKeys(tmp_path / "gone" / "api-key.json", None), new_key()
    with pytest.raises(Conflict, match="cannot be kept"):
        keys.replace(key)
    assert not keys.key.is_in(with_key(key))
