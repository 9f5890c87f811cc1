"""The API key of those who come over a network: from the settings, or made here and kept as a digest.

A key that is made is told once, to who asked for it; nothing on disk can be used in its place.
"""

import json
import logging
import os
import secrets
from pathlib import Path

from dmr_desktop.protocol.errors import Conflict
from dmr_desktop.protocol.notices import KeySource
from dmr_desktop.service.access import ApiKey, digest_of
from dmr_desktop.settings import read_small_file

log = logging.getLogger(__name__)

_RANDOM_BYTES = 32


def new_key() -> str:
    """256 random bits, with a beginning that says whose key it is."""
    return f"dmr-{secrets.token_urlsafe(_RANDOM_BYTES)}"


class ApiKeys:
    """``given`` is the settings' key, which stands above one that was made. ``key`` is what requests are checked by."""

    def __init__(self, file: Path, given: str | None) -> None:
        self._file = file
        self._is_given = given is not None
        self.key = ApiKey(given)
        if not self._is_given:
            self.key.digest = _read(file)

    @property
    def source(self) -> KeySource:
        if self._is_given:
            return "settings"
        return "none" if self.key.digest is None else "stored"

    def check_replaceable(self) -> None:
        """Raises Conflict if the key is the settings' own."""
        if self._is_given:
            raise Conflict(
                "the API key is set by api_key in config.toml or by DMR_API_KEY", hint="change it there, then restart"
            )

    def replace(self, key: str) -> None:
        """From now on this one and no other. Raises Conflict if it cannot be kept; the old one then stays."""
        self.check_replaceable()
        digest = digest_of(key)
        draft = self._file.with_suffix(".new")
        try:
            fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with open(fd, "w", encoding="utf-8") as file:
                json.dump({"sha256": digest.hex()}, file)
            draft.replace(self._file)
        except OSError as error:
            raise Conflict(f"the API key cannot be kept in {self._file}: {error.strerror}") from error
        self.key.digest = digest


def _read(file: Path) -> bytes | None:
    try:
        match json.loads(read_small_file(file)):
            case {"sha256": str(text)} if len(digest := bytes.fromhex(text)) == 32:
                return digest
        log.warning("%s is not as expected: there is no API key", file)
    except FileNotFoundError:
        pass
    except (OSError, ValueError, RecursionError) as error:
        log.warning("%s cannot be read (%s): there is no API key", file, error)
    return None
