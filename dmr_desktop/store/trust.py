"""Whose certificates are believed: the system's authorities, the user's own, and docker's folders for one registry."""

import functools
import os
import ssl
from pathlib import Path

import certifi

from dmr_desktop.protocol.errors import RegistryError

_CERTS_D = ("/etc/docker/certs.d", "~/.docker/certs.d", "~/.config/docker/certs.d")
"""Where docker looks for ``<registry>/*.crt``: who runs an own registry has put its authority there already."""


def trust_of(netloc: str, ca_file: Path | None) -> ssl.SSLContext:
    """What a connection to ``netloc`` (``host[:port]``) is verified with.

    ``ca_file`` (PEM) adds to the system's authorities; ``SSL_CERT_FILE`` and ``SSL_CERT_DIR`` replace these, as
    everywhere. Raises :class:`RegistryError` when ``ca_file`` is no use.
    """
    folders = (Path(os.path.expanduser(folder)) / netloc for folder in _CERTS_D)
    own = [path for folder in folders for path in sorted(folder.glob("*.crt"))]
    authorities = (*([ca_file] if ca_file else []), *own)
    changes = tuple(_changed(path) for path in authorities)
    return _context(authorities, changes, os.environ.get("SSL_CERT_FILE", ""))


def _changed(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


@functools.lru_cache(maxsize=32)
def _context(authorities: tuple[Path, ...], changes: tuple[int, ...], system: str) -> ssl.SSLContext:
    """``changes`` and ``system`` only tell the cache what is out of date: OpenSSL reads the variable itself."""
    context = ssl.create_default_context()
    if not system:
        # Python on macOS comes without the system's authorities.
        context.load_verify_locations(certifi.where())
    for path in authorities:
        try:
            context.load_verify_locations(path)
        except (OSError, ssl.SSLError):
            raise RegistryError(
                f"the file with the registry's authority cannot be used: {path.name}",
                hint="it must hold certificates in PEM form",
            ) from None
    return context


@functools.cache
def unverified() -> ssl.SSLContext:
    """For asking whether somebody speaks TLS at all; nothing is ever sent through it."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
