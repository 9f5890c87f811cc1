"""The spelling of request paths, before anything is looked up by them."""

import posixpath

DESKTOP_PREFIX = "/exp/vDD4.40"
"""Under which Docker Desktop's engine socket shows the same API."""


def normalise_path(path: str) -> str:
    """``path`` is percent-decoded once. Only a path with ``//`` is cleaned, which drops a final slash."""
    if path.startswith(DESKTOP_PREFIX) and path[len(DESKTOP_PREFIX) :][:1] in ("", "/"):
        path = path[len(DESKTOP_PREFIX) :] or "/"
    if "//" in path:
        # posixpath keeps two leading slashes, which POSIX gives a meaning of their own.
        path = "/" + posixpath.normpath(path).lstrip("/")
    return path
