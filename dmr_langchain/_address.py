"""Where the service may be: an explicit address, or the places to try one after the other. Opens nothing.

The path rules and the order are documented for users in ``ChatDMR``.
"""

import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

DEFAULT_PORT = 12434
DEFAULT_BASE_URL = f"http://localhost:{DEFAULT_PORT}/engines/v1"
BASE_URL_VARIABLES = ("DMR_BASE_URL", "MODEL_RUNNER_HOST", "DOCKER_MODEL_RUNNER_API_BASE")
"""Read in this order. The second is Docker Model Runner's own, the third LiteLLM's."""

_CONTAINER_MARKS = ("/.dockerenv", "/run/.containerenv")
_CONTAINER_BASES = (
    "http://model-runner.docker.internal/engines/v1",
    f"http://host.docker.internal:{DEFAULT_PORT}/engines/v1",
)


@dataclass(frozen=True, slots=True)
class Place:
    """One place where the service may listen: a URL, and the Unix socket to reach it through, if any."""

    base_url: str
    socket_path: str | None = None

    @property
    def root(self) -> str:
        """The base without ``/engines/v1`` and the like: below it are the management routes."""
        return re.sub(r"(/engines(/[^/]+)?)?(/v1)?$", "", self.base_url)

    @property
    def unversioned(self) -> str:
        """The base without ``/v1``: where Docker Model Runner has ``rerank`` and ``_configure``."""
        return self.base_url.removesuffix("/v1")

    def __str__(self) -> str:
        return f"unix://{self.socket_path}" if self.socket_path else self.base_url


def find_places(
    base_url: str | None,
    socket_path: str | None,
    environ: Mapping[str, str] | None = None,
    *,
    in_container: bool | None = None,
) -> tuple[Place, ...]:
    """What the arguments or the environment name; if they name nothing, every usual place, best first.

    Raises ValueError on an address that is none.
    """
    environ = os.environ if environ is None else environ
    if socket_path:
        return (_socket(socket_path, "socket_path"),)
    if base_url:
        return (_place(base_url, "base_url"),)
    for variable in BASE_URL_VARIABLES:
        if text := _value(environ, variable):
            return (_place(text, variable, _scheme(environ, variable)),)
    if text := _value(environ, "DMR_SOCKET"):
        return (_socket(text, "DMR_SOCKET"),)
    places = [Place(DEFAULT_BASE_URL)]
    if sys.platform != "win32":
        places.insert(0, Place(DEFAULT_BASE_URL, str(default_socket_path(environ))))
    if in_container is None:
        in_container = any(os.path.exists(mark) for mark in _CONTAINER_MARKS)
    if in_container:
        places += [Place(url) for url in _CONTAINER_BASES]
    return tuple(places)


def default_socket_path(environ: Mapping[str, str]) -> Path:
    """Where DMR Desktop listens for programs of the same user."""
    if text := _value(environ, "MODEL_RUNNER_SOCK"):
        return Path(text).expanduser().absolute()
    runtime = environ.get("XDG_RUNTIME_DIR", "")
    if runtime.startswith("/"):
        return Path(runtime) / "dmr-desktop" / "dmr.sock"
    state = environ.get("XDG_STATE_HOME", "")
    base = Path(state) if state.startswith("/") else Path.home() / ".local" / "state"
    return base / "dmr-desktop" / "run" / "dmr.sock"


def _scheme(environ: Mapping[str, str], variable: str) -> str:
    """Of an address without one: Docker Model Runner's variable has another beside it that asks for TLS."""
    is_tls = variable == "MODEL_RUNNER_HOST" and _value(environ, "MODEL_RUNNER_TLS").lower() in ("1", "t", "true")
    return "https" if is_tls else "http"


def _place(text: str, source: str, scheme: str = "http") -> Place:
    text = text.strip()
    if text.startswith("unix://"):
        return _socket(text.removeprefix("unix://"), source)
    return Place(normalize_base_url(text, source, scheme))


def _socket(path: str, source: str) -> Place:
    path = path.removeprefix("unix://")
    if not Path(path).expanduser().is_absolute():
        raise ValueError(f"{source}: {path!r} is not an absolute path of a Unix socket")
    return Place(DEFAULT_BASE_URL, str(Path(path).expanduser()))


def normalize_base_url(text: str, source: str = "base_url", scheme: str = "http") -> str:
    """``host:port``, ``http://host``, ``.../engines``, ``.../engines/llama.cpp``: all end in ``/v1`` afterwards.

    ``scheme`` is what an address without one gets. A path of another kind is taken as it is. Raises ValueError.
    """
    if "://" not in text:
        text = f"{scheme}://{text}"
    try:
        parts = urlsplit(text)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or re.search(r"\s", text):
        raise ValueError(
            f"{source}: {text!r} is not the address of a service; use something like {DEFAULT_BASE_URL} "
            "or unix:///path/to/dmr.sock"
        )
    path = parts.path.rstrip("/")
    if path == "":
        path = "/engines/v1"
    elif re.fullmatch(r".*/engines(/[^/]+)?", path) and not path.endswith("/v1"):
        path += "/v1"
    return f"{parts.scheme}://{parts.netloc}{path}"


def _value(environ: Mapping[str, str], variable: str) -> str:
    return environ.get(variable, "").strip().strip("\"'").strip()
