"""Who we are to one registry: its challenges answered, each secret sent to its registry or its own realm only.

Token exchange as in Docker's registry token specification; realms are judged before anything is sent to them.
"""

import contextlib
import json
import os
import re
import threading
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

from dmr_desktop.protocol.errors import RegistryError, Unauthorized
from dmr_desktop.store.addresses import is_loopback_host
from dmr_desktop.store.answers import raise_for_status, unauthorized
from dmr_desktop.store.credentials import Credential, find_credential, read_docker_config
from dmr_desktop.store.origins import Origin, origin_of
from dmr_desktop.store.transport import Transport

HUB_API = "registry-1.docker.io"
_REALM_HOSTS = {HUB_API: "auth.docker.io", "registry.gitlab.com": "gitlab.com"}
"""Registries whose token realm is another host of the same owner."""
_CLIENT_ID = "dmr-desktop"
_MAX_TOKEN_ANSWER = 1 << 20
_PARAMETER = re.compile(r'([a-z_]+)="([^"]*)"', re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Challenge:
    scheme: str
    realm: str
    service: str


class Login:
    """The ``Authorization`` of one transfer; its threads share it.

    ``account`` is the registry whose credentials are used, ``scopes`` what a token is asked for, e.g.
    ``repository:ai/smollm2:pull``; the first is needed, the others would help.
    """

    def __init__(self, account: str, scopes: tuple[str, ...], transport: Transport, bearer_token: str | None) -> None:
        self._account = account
        self._scopes = scopes
        self._transport = transport
        self._bearer_token = bearer_token
        self._lock = threading.Lock()
        self.authorization = ""

    def answer(self, challenge: str, rejected: str, origin: Origin) -> str:
        """The ``Authorization`` for what ``origin`` asked in ``challenge`` when it got ``rejected``.

        Raises :class:`Unauthorized`, :class:`Temporary` and :class:`RegistryError`.
        """
        with self._lock:
            if self.authorization and self.authorization != rejected:
                return self.authorization
            asked = _parse_challenge(challenge)
            credential = find_credential(
                self._account,
                bearer_token=self._bearer_token,
                environ=os.environ,
                config=read_docker_config(os.environ),
            )
            if asked.scheme == "basic":
                if credential is None or credential.is_token:
                    raise unauthorized(self._account)
                self.authorization = f"Basic {credential.basic}"
            else:
                self.authorization = f"Bearer {self._any_token(asked, credential, origin)}"
            return self.authorization

    def _any_token(self, challenge: _Challenge, credential: Credential | None, origin: Origin) -> str:
        """For all scopes; where one too many makes the service refuse them all, for the one that is needed."""
        try:
            return self._fetch_token(challenge, credential, origin, self._scopes)
        except Unauthorized:
            if len(self._scopes) == 1:
                raise
            self._scopes = self._scopes[:1]
            return self._fetch_token(challenge, credential, origin, self._scopes)

    def _fetch_token(
        self, challenge: _Challenge, credential: Credential | None, origin: Origin, scopes: tuple[str, ...]
    ) -> str:
        _check_realm(challenge.realm, origin)
        query = [("scope", scope) for scope in scopes]
        query += [("service", challenge.service)] if challenge.service else []
        headers, body, url = {"Accept": "application/json"}, None, challenge.realm
        if credential is not None and credential.is_token:
            form = {
                "scope": " ".join(scopes),
                **({"service": challenge.service} if challenge.service else {}),
                "grant_type": "refresh_token",
                "refresh_token": credential.secret,
                "client_id": _CLIENT_ID,
            }
            headers["Content-Type"] = "application/x-www-form-urlencoded"
            body = urlencode(form).encode()
        else:
            url += ("&" if urlsplit(url).query else "?") + urlencode(query)
            if credential is not None:
                headers["Authorization"] = f"Basic {credential.basic}"
        inside = self._transport.rank_at(f"{origin.scheme}://{origin.netloc}/")
        method = "GET" if body is None else "POST"
        with self._transport.open(url, method=method, headers=headers, body=body, inside=inside) as answer:
            raise_for_status(answer, self._account, self._transport.patience)
            if answer.status != 200:
                raise unauthorized(self._account)
            raw = answer.read(_MAX_TOKEN_ANSWER)
        token = None
        with contextlib.suppress(ValueError, AttributeError, RecursionError):
            found = json.loads(raw)
            token = found.get("token") or found.get("access_token")
        if not isinstance(token, str) or not token.isascii() or not token.isprintable():
            raise RegistryError("the registry's token service gave no token", hint="try again later")
        return token


def _check_realm(realm: str, origin: Origin) -> None:
    """Only the registry's own host, or the one known to belong to it, may see who we are."""
    target = origin_of(realm)
    allowed_host = _REALM_HOSTS.get(origin.host)
    is_own = target.host == origin.host and (target.port == origin.port or not is_loopback_host(target.host))
    is_downgrade = origin.scheme == "https" and target.scheme != "https"
    if is_downgrade or not (is_own or target == Origin("https", allowed_host or "", 443)):
        raise RegistryError(
            "the registry wants us to log in somewhere else, which is refused",
            hint="this protects your credentials; the registry may be misconfigured or hostile",
        )


def _parse_challenge(header: str) -> _Challenge:
    scheme, _, rest = header.strip().partition(" ")
    parameters = {name.lower(): text for name, text in _PARAMETER.findall(rest)}
    if scheme.lower() == "basic":
        return _Challenge("basic", "", "")
    if scheme.lower() != "bearer" or not parameters.get("realm"):
        raise RegistryError("the registry asks for a kind of login that is not supported")
    return _Challenge("bearer", parameters["realm"], parameters.get("service", ""))
