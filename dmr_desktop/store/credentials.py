"""Which secret belongs to which registry: the caller's token, Docker Hub's environment, ``docker login``.

Finds; never sends. What ``docker login`` wrote is in ``$DOCKER_CONFIG/config.json``, else ``~/.docker/config.json``,
or in the helper program that this file names.
"""

import base64
import json
import logging
import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dmr_desktop.settings import read_small_file

HUB_KEY = "https://index.docker.io/v1/"
_HUB_HOSTS = {"docker.io", "index.docker.io", "registry-1.docker.io"}
_HELPER_NAME = re.compile(r"[a-z0-9-]+")
_HELPER_SECONDS = 5.0
_MAX_CONFIG_BYTES = 4 << 20
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Credential:
    """``user`` and ``password``; or, with ``user`` empty, an identity token to exchange."""

    user: str
    secret: str

    @property
    def is_token(self) -> bool:
        return not self.user

    @property
    def basic(self) -> str:
        return base64.b64encode(f"{self.user}:{self.secret}".encode()).decode()


def read_docker_config(environ: Mapping[str, str]) -> Mapping[str, Any]:
    """What ``docker login`` wrote; empty when there is nothing usable. Never raises, never waits."""
    folder = environ.get("DOCKER_CONFIG") or os.path.expanduser("~/.docker")
    try:
        found = json.loads(read_small_file(Path(folder, "config.json"), _MAX_CONFIG_BYTES))
        if not isinstance(found, dict):
            raise ValueError
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError):
        _log.warning("docker's config.json cannot be used: going on without it")
        return {}
    return found


def find_credential(
    registry: str, *, bearer_token: str | None, environ: Mapping[str, str], config: Mapping[str, Any]
) -> Credential | None:
    """The credential for ``registry`` (with port), first hit wins; None: anonymous. Never raises."""
    if bearer_token:
        return Credential("", bearer_token)
    is_hub = registry in _HUB_HOSTS
    if is_hub:
        for name, secret in (("DOCKER_USERNAME", "DOCKER_PASSWORD"), ("DOCKER_HUB_USER", "DOCKER_HUB_PASSWORD")):
            if environ.get(name) and environ.get(secret):
                return Credential(environ[name], environ[secret])
    key = HUB_KEY if is_hub else registry
    helpers = config.get("credHelpers")
    for helper in (helpers.get(key) if isinstance(helpers, Mapping) else None, config.get("credsStore")):
        found = _ask_helper(helper, key) if isinstance(helper, str) and helper else None
        if found is not None:
            return found
    auths = config.get("auths")
    for name, entry in auths.items() if isinstance(auths, Mapping) else ():
        if isinstance(entry, Mapping) and _host_of(str(name)) == _host_of(key):
            found = _from_entry(entry)
            if found is not None:
                return found
    return None


def _host_of(key: str) -> str:
    host = re.sub(r"^https?://|/v[12]/?$|/$", "", re.sub(r"/v[12]/?$", "", key))
    return "docker.io" if host in _HUB_HOSTS else host


def _from_entry(entry: Mapping[str, Any]) -> Credential | None:
    token, auth = entry.get("identitytoken"), entry.get("auth")
    if isinstance(token, str) and token:
        return Credential("", token)
    if isinstance(auth, str) and auth:
        try:
            user, colon, password = base64.b64decode(auth, validate=True).decode().partition(":")
        except ValueError:
            return None
        return Credential(user, password.rstrip("\0")) if user and colon else None
    name, secret = entry.get("username"), entry.get("password")
    if isinstance(name, str) and isinstance(secret, str) and name and secret:
        return Credential(name, secret)
    return None


def _ask_helper(helper: str, key: str) -> Credential | None:
    if not _HELPER_NAME.fullmatch(helper):
        _log.warning("the credential helper's name in docker's config.json is not usable")
        return None
    program = f"docker-credential-{helper}"
    try:
        # No shell, and a helper that asks somebody for something will not hold up a pull.
        done = subprocess.run(
            [program, "get"], input=key.encode(), capture_output=True, check=True, timeout=_HELPER_SECONDS
        )
        answer = json.loads(done.stdout)
        user, secret = answer["Username"], answer["Secret"]
    except (OSError, subprocess.SubprocessError, ValueError, KeyError, TypeError):
        _log.warning("%s knows nothing of this registry or failed: going on without it", program)
        return None
    if not isinstance(user, str) or not isinstance(secret, str) or not secret:
        return None
    return Credential("" if user == "<token>" else user, secret)
