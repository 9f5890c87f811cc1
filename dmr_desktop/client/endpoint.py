"""Where a service can be reached, as a value. Knows no HTTP and opens nothing."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeAlias
from urllib.parse import urlsplit

from dmr_desktop.protocol.errors import InvalidRequest

KEY_VARIABLE = "DMR_API_KEY"
HOST_VARIABLES = ("MODEL_RUNNER_HOST", "DMR_HOST")
"""Read in this order; the first is Docker Model Runner's own."""
_TLS, _TLS_CA_CERT, _TLS_SKIP_VERIFY = (f"MODEL_RUNNER_TLS{part}" for part in ("", "_CA_CERT", "_SKIP_VERIFY"))
"""Docker Model Runner's own, too."""


@dataclass(frozen=True, slots=True)
class UnixEndpoint:
    path: Path

    def __str__(self) -> str:
        return f"unix://{self.path}"


@dataclass(frozen=True, slots=True)
class TcpEndpoint:
    """``url`` is scheme and authority, perhaps with a path prefix, without a final slash.

    ``ca_cert`` is the file of an own CA for https, "" for the system's; ``skip_verify`` checks no certificate.
    ``api_key`` is sent with every request, "" for none.
    """

    url: str
    ca_cert: str = ""
    skip_verify: bool = False
    api_key: str = field(default="", repr=False)

    def __str__(self) -> str:
        return self.url


Endpoint: TypeAlias = UnixEndpoint | TcpEndpoint

_ENGINES_SUFFIX = re.compile(r"(/engines(/[^/]+)?)?(/v1)?/*$")


def parse_endpoint(text: str, source: str, *, scheme: str = "http") -> Endpoint:
    """``unix:///run/x.sock``, ``http://host:port`` or, with ``scheme``, a bare ``host:port``.

    The inference base that users copy around (``.../engines/llama.cpp/v1``) is cut back to the root.
    ``source`` is named in the :class:`InvalidRequest` that a useless text raises.
    """
    text = text.strip().strip("\"'").strip()
    if text.startswith("unix://"):
        path = Path(text.removeprefix("unix://"))
        if not path.is_absolute():
            raise _useless(text, source)
        return UnixEndpoint(path)
    if "://" not in text:
        text = f"{scheme}://{text}"
    try:
        parts = urlsplit(text)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or any(character.isspace() for character in text):
        raise _useless(text, source)
    return TcpEndpoint(f"{parts.scheme}://{parts.netloc}{_ENGINES_SUFFIX.sub('', parts.path)}")


def endpoint_from_environment(environ: Mapping[str, str]) -> Endpoint | None:
    """The endpoint the user has set, with ``DMR_API_KEY`` for its key, or None. Raises :class:`InvalidRequest`."""
    for variable in HOST_VARIABLES:
        text = environ.get(variable, "").strip()
        if text:
            found = parse_endpoint(text, variable, scheme="https" if _is_true(environ, _TLS) else "http")
            if isinstance(found, UnixEndpoint):
                return found
            ca_cert, skip_verify = environ.get(_TLS_CA_CERT, "").strip(), _is_true(environ, _TLS_SKIP_VERIFY)
            return with_key(TcpEndpoint(found.url, ca_cert, skip_verify), environ)
    return None


def _is_true(environ: Mapping[str, str], variable: str) -> bool:
    return environ.get(variable, "").strip().lower() in ("1", "t", "true")


def with_key(endpoint: TcpEndpoint, environ: Mapping[str, str]) -> TcpEndpoint:
    """The same with the key of ``DMR_API_KEY``, if that is set. Raises :class:`InvalidRequest` for one that is none."""
    key = environ.get(KEY_VARIABLE, "").strip()
    if not (key.isascii() and key.isprintable()):
        raise InvalidRequest(f"{KEY_VARIABLE} is not an API key", hint="set it to the key alone, in one line")
    return replace(endpoint, api_key=key)


def _useless(text: str, source: str) -> InvalidRequest:
    return InvalidRequest(
        f"{source}={text!r} is not an address of a service",
        hint=f"set {source} to something like http://localhost:12434 or unix:///path/to/dmr.sock, or unset it",
    )
