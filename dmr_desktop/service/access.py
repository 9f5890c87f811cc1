"""Who may do what by which door. Pure.

The Unix socket and TCP on loopback are their user's own. A container's requests come by a door of their own: it may
use models and see which there are (the data plane), and only who has the API key may do more. By any other address
of this machine nothing is had without the key.
"""

import hashlib
import hmac
import re
from collections.abc import Iterable
from typing import Literal, TypeAlias

from starlette.datastructures import Headers

from dmr_desktop.protocol.errors import AccessDenied, Unauthorized
from dmr_desktop.service.answers import HTTPProblem

Door: TypeAlias = Literal["unix", "tcp", "container", "network"]
"""``scope["state"]["door"]``: by which one a request came."""

CONTAINER_HOSTS = frozenset({"host.docker.internal", "model-runner.docker.internal", "gateway.docker.internal"})
"""How containers call the machine that they run on."""

_MAX_KEYS = 4
_BASE = r"(?:/v1|/engines(?:/[^/]+)?(?:/v1)?)"
_INFERENCE = re.compile(
    rf"(?:{_BASE}|/anthropic/v1)/(?:chat/completions|completions|embeddings|messages|messages/count_tokens)"
    rf"|(?:{_BASE})?/(?:rerank|score|tokenize|responses|responses/input_tokens|responses/[^/]+/cancel)"
    r"|/api/(?:chat|generate|embed|embeddings|show)"
)
_READING = re.compile(
    rf"/|/version|/models|(?:{_BASE}|/anthropic/v1)/models(?:/.*)?|(?:{_BASE})?/responses/[^/]+(?:/input_items)?"
    r"|/api/(?:tags|version|ps)"
)


def is_data_plane(method: str, path: str) -> bool:
    """Whether a request uses models or lists them, and changes nothing. ``path`` is normalised."""
    if method == "POST":
        return _INFERENCE.fullmatch(path) is not None
    return method in ("GET", "HEAD") and _READING.fullmatch(path) is not None


def digest_of(key: str) -> bytes:
    """By what a key is known. Keys are long and random, so that one pass of SHA-256 hides them."""
    return hashlib.sha256(key.encode("latin-1", "replace")).digest()


class ApiKey:
    """``digest`` None: nobody has one. Its owner may change it."""

    def __init__(self, key: str | None) -> None:
        self.digest = digest_of(key) if key is not None else None

    def is_in(self, headers: Headers) -> bool:
        """As a Bearer token or in ``x-api-key``; compared in constant time, all that were given."""
        if self.digest is None:
            return False
        given = [*_bearers(headers.getlist("authorization")), *headers.getlist("x-api-key")]
        is_right = False
        for value in given[:_MAX_KEYS]:
            is_right |= hmac.compare_digest(digest_of(value), self.digest)
        return is_right


def _bearers(values: Iterable[str]) -> Iterable[str]:
    for value in values:
        scheme, _, token = value.partition(" ")
        if scheme.lower() == "bearer":
            yield token.strip()


def check_door(door: Door, method: str, path: str, headers: Headers, key: ApiKey) -> None:
    """Raises AccessDenied (403) or an HTTPProblem with status 401."""
    if door in ("unix", "tcp") or key.is_in(headers):
        return
    if door == "network":
        if path == "/" and method in ("GET", "HEAD"):
            return  # whether it is alive may everybody know
        problem = HTTPProblem(401, "", headers={"WWW-Authenticate": "Bearer"})
        problem.info = Unauthorized("an API key is needed", hint="send it as 'Authorization: Bearer ...'").info
        raise problem
    if not is_data_plane(method, path):
        raise AccessDenied(
            f"{method} {path} is not open to containers: they may use models and list them",
            hint="use the Unix socket or TCP on localhost for the rest, or send the API key",
        )
