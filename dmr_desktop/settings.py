"""Settings: defaults < ``config.toml`` < environment < flags; and where things live.

Environment names are DMR's where DMR has one (``MODELS_PATH``, ``MODEL_RUNNER_SOCK``,
``MODEL_RUNNER_PORT``, ``DMR_ORIGINS``, ``DEFAULT_REGISTRY``); values are trimmed of blanks and quotes as
DMR does. A bad value is a :class:`SettingsError` that names the file or variable, never a silent default.
What the user switches at run time (TCP on or off) is state, owned by the service, not a setting.
"""

import errno
import ipaddress
import math
import os
import stat
import sys
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any

DEFAULT_PORT = 12434
MIN_API_KEY = 16
MAX_FILE_BYTES = 1 << 20
MAX_SOCKET_PATH = 104
"""Bytes that every system allows in the path of a Unix socket, the final NUL included."""


class SettingsError(ValueError):
    """A setting cannot be used; the text names its source and says what would be right."""


def _home() -> Path:
    return Path.home()


def _xdg(variable: str, fallback: str) -> Path:
    value = os.environ.get(variable, "")
    return Path(value) if value.startswith("/") else _home() / fallback


def default_config_dir() -> Path:
    return _xdg("XDG_CONFIG_HOME", ".config") / "dmr-desktop"


def default_state_dir() -> Path:
    return _xdg("XDG_STATE_HOME", ".local/state") / "dmr-desktop"


def default_socket_path() -> Path:
    """``$XDG_RUNTIME_DIR/dmr-desktop/dmr.sock``, or a private folder under the state directory."""
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    base = Path(runtime) / "dmr-desktop" if runtime.startswith("/") else default_state_dir() / "run"
    return base / "dmr.sock"


@dataclass(frozen=True, slots=True)
class Settings:
    """``idle_timeout_seconds`` unloads a model that nobody used for so long; ``max_queue`` requests may wait per model.

    ``tcp_port`` is the port offered by the TCP switch. ``origins`` are the web origins allowed besides
    loopback ones; ``*`` allows all. ``hosts`` are Host header values allowed besides loopback ones.
    ``extra_ports`` of loopback open and close with ``tcp_port``. ``container_addresses`` are where containers reach
    this machine, offered by the switch of container access; ``network_addresses`` where other machines do, offered by
    the switch of the local network (none: this machine's private addresses). At ``bind_addresses`` anybody who has
    ``api_key`` may use the service. ``keep_request_bodies``: whether the log of requests holds their texts.
    ``registry_mirrors`` are asked before Docker Hub; ``ca_file`` (PEM) holds authorities to be trusted besides the
    system's.
    """

    models_path: Path
    socket_path: Path
    state_dir: Path
    config_dir: Path
    tcp_port: int = DEFAULT_PORT
    origins: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    idle_timeout_seconds: float = 300.0
    max_queue: int = 64
    num_sequences: int = 8
    threads: int | None = None
    default_registry: str = "docker.io"
    insecure_registries: tuple[str, ...] = ()
    registry_mirrors: tuple[str, ...] = ()
    ca_file: Path | None = None
    log_level: str = "info"
    llama_args: str = ""
    keep_request_bodies: bool = True
    disable_metrics: bool = False
    extra_ports: tuple[int, ...] = ()
    bind_addresses: tuple[str, ...] = ()
    container_addresses: tuple[str, ...] = ("172.17.0.1",)
    network_addresses: tuple[str, ...] = ()
    api_key: str | None = field(default=None, repr=False)

    @property
    def log_dir(self) -> Path:
        return self.state_dir / "logs"

    def __post_init__(self) -> None:
        if not 1 <= self.tcp_port <= 65535:
            raise SettingsError(f"tcp_port {self.tcp_port} is not a port: use 1 to 65535")
        if self.idle_timeout_seconds < 0:
            raise SettingsError("idle_timeout_seconds must not be negative: 0 unloads at once")
        if self.threads is not None and self.threads < 1:
            raise SettingsError("threads must be at least 1")
        if not 1 <= self.num_sequences <= 64:
            raise SettingsError("num_sequences must be between 1 and 64")
        if self.max_queue < 1:
            raise SettingsError("max_queue must be at least 1")
        if self.log_level not in ("debug", "info", "warning", "error"):
            raise SettingsError(f"log_level {self.log_level!r}: use debug, info, warning or error")
        for port in self.extra_ports:
            if not 1 <= port <= 65535:
                raise SettingsError(f"extra_ports: {port} is not a port: use 1 to 65535")
        self._check_addresses()
        if len(os.fsencode(self.socket_path)) >= MAX_SOCKET_PATH:
            raise SettingsError(
                f"the socket path is too long ({self.socket_path}): set MODEL_RUNNER_SOCK to a shorter one"
            )

    def _check_addresses(self) -> None:
        for name in ("bind_addresses", "container_addresses", "network_addresses"):
            for address in getattr(self, name):
                try:
                    found = ipaddress.ip_address(address)
                except ValueError:
                    raise SettingsError(f"{name}: {address!r} is not an IP address") from None
                if found.is_unspecified and name == "network_addresses":
                    raise SettingsError(f"{name}: name the addresses of this computer instead of {address}")
        if self.api_key is not None and not (len(self.api_key) >= MIN_API_KEY and self.api_key.isascii()):
            raise SettingsError(f"api_key must be of at least {MIN_API_KEY} ASCII characters")
        if self.bind_addresses and self.api_key is None:
            raise SettingsError(
                f"bind_addresses ({', '.join(self.bind_addresses)}) would let anybody there use this machine: "
                "set api_key (DMR_API_KEY) too"
            )


_ENVIRONMENT = {
    "MODELS_PATH": "models_path",
    "MODEL_RUNNER_SOCK": "socket_path",
    "MODEL_RUNNER_PORT": "tcp_port",
    "DMR_ORIGINS": "origins",
    "DMR_HOSTS": "hosts",
    "DMR_STATE_DIR": "state_dir",
    "DMR_CONFIG_DIR": "config_dir",
    "DMR_IDLE_TIMEOUT": "idle_timeout_seconds",
    "DMR_MAX_QUEUE": "max_queue",
    "DMR_NUM_SEQUENCES": "num_sequences",
    "DMR_THREADS": "threads",
    "DEFAULT_REGISTRY": "default_registry",
    "DMR_INSECURE_REGISTRIES": "insecure_registries",
    "MODEL_RUNNER_REGISTRY_MIRRORS": "registry_mirrors",
    "DMR_CA_FILE": "ca_file",
    "LOG_LEVEL": "log_level",
    "LLAMA_ARGS": "llama_args",
    "DMR_KEEP_REQUEST_BODIES": "keep_request_bodies",
    "DISABLE_METRICS": "disable_metrics",
    "DMR_EXTRA_PORTS": "extra_ports",
    "DMR_BIND_ADDRESSES": "bind_addresses",
    "DMR_CONTAINER_ADDRESSES": "container_addresses",
    "DMR_NETWORK_ADDRESSES": "network_addresses",
    "DMR_API_KEY": "api_key",
}


def load_settings(environ: Mapping[str, str] | None = None, **flags: object) -> Settings:
    """The settings in force. ``flags`` whose value is None count as not given. Raises :class:`SettingsError`."""
    environ = os.environ if environ is None else environ
    config_dir = Path(_trim(environ.get("DMR_CONFIG_DIR", "")) or default_config_dir())
    values: dict[str, Any] = {
        "models_path": _home() / ".docker" / "models",
        "socket_path": default_socket_path(),
        "state_dir": default_state_dir(),
        "config_dir": config_dir,
    }
    values |= _from_file(config_dir / "config.toml")
    for variable, name in _ENVIRONMENT.items():
        text = _trim(environ.get(variable, ""))
        if text:
            values[name] = _convert(name, text, variable)
    for name, value in flags.items():
        if value is not None:
            values[name] = _convert(name, value, f"--{name.replace('_', '-')}")
    return Settings(**values)


def read_small_file(path: Path, most_bytes: int = MAX_FILE_BYTES) -> bytes:
    """What a file of settings or state holds.

    Raises OSError, also for what would never end (a pipe, a device) and for more than ``most_bytes``.
    """
    fd = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    with open(fd, "rb") as file:
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "it is not a file")
        if status.st_size > most_bytes:
            raise OSError(errno.EINVAL, f"it has more than {most_bytes} bytes")
        return file.read(most_bytes)


def _trim(text: str) -> str:
    return text.strip().strip("\"'").strip()


def _from_file(path: Path) -> dict[str, Any]:
    try:
        data = tomllib.loads(read_small_file(path).decode("utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} cannot be read: {error}") from error
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path} is not valid TOML: {error}") from error
    known = [f.name for f in fields(Settings)]
    found = {}
    for name, value in data.items():
        if name not in known:
            near = get_close_matches(name, known, 1)
            meant = f", did you mean {near[0]!r}?" if near else ""
            print(f"warning: {path}: unknown setting {name!r}{meant}", file=sys.stderr)
            continue
        found[name] = _convert(name, value, f"{path}: {name}")
    return found


@dataclass(frozen=True, slots=True)
class _Kind:
    """``read`` raises ValueError, TypeError or KeyError for what ``wanted`` does not describe."""

    read: Callable[[Any], object]
    wanted: str


def _path(value: str | Path) -> Path:
    return Path(value).expanduser().absolute()


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _level(value: object) -> str:
    level = _text(value)
    return "warning" if level.lower() == "warn" else level  # Docker Model Runner's word


def _switch(value: object) -> bool:
    return value if isinstance(value, bool) else _SWITCHES[_text(value).lower()]


def _whole(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise TypeError
    return int(value)


def _seconds(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise TypeError
    seconds = float(value)
    if not math.isfinite(seconds):
        raise ValueError
    return seconds


def _several(value: object) -> list[object]:
    if isinstance(value, str):
        value = [item.strip() for item in value.split(",") if item.strip()]
    if not isinstance(value, list | tuple):
        raise TypeError
    return list(value)


def _texts(value: object) -> tuple[str, ...]:
    return tuple(text for item in _several(value) if (text := _text(item).strip()))


def _ports(value: object) -> tuple[int, ...]:
    return tuple(map(_whole, _several(value)))


_SWITCHES = {"1": True, "t": True, "true": True, "0": False, "f": False, "false": False}

_PATH = _Kind(_path, "the path of a file or folder")
_TEXT = _Kind(_text, "a text")
_TEXTS = _Kind(_texts, "texts, separated by commas or in an array")
_WHOLE = _Kind(_whole, "a whole number")
_SWITCH = _Kind(_switch, "true or false")

_KINDS = {
    "models_path": _PATH,
    "socket_path": _PATH,
    "state_dir": _PATH,
    "config_dir": _PATH,
    "tcp_port": _WHOLE,
    "max_queue": _WHOLE,
    "num_sequences": _WHOLE,
    "threads": _WHOLE,
    "idle_timeout_seconds": _Kind(_seconds, "a number of seconds"),
    "origins": _TEXTS,
    "hosts": _TEXTS,
    "insecure_registries": _TEXTS,
    "registry_mirrors": _TEXTS,
    "ca_file": _PATH,
    "default_registry": _TEXT,
    "log_level": _Kind(_level, "debug, info, warning or error"),
    "llama_args": _TEXT,
    "keep_request_bodies": _SWITCH,
    "disable_metrics": _SWITCH,
    "extra_ports": _Kind(_ports, "ports, separated by commas or in an array"),
    "bind_addresses": _TEXTS,
    "container_addresses": _TEXTS,
    "network_addresses": _TEXTS,
    "api_key": _TEXT,
}


def _convert(name: str, value: object, source: str) -> object:
    kind = _KINDS[name]
    try:
        return kind.read(value)
    except (ValueError, TypeError, KeyError):
        shown = "the value" if name == "api_key" else repr(value)
        raise SettingsError(f"{source}: {shown} is not a usable value: use {kind.wanted}") from None


def asset(relative: str) -> Path:
    """A file of ``assets/``: beside the package in a source tree, inside it in an installed wheel."""
    inside = Path(__file__).parent / "assets" / relative
    return inside if inside.exists() else Path(__file__).parent.parent / "assets" / relative


def self_command(*arguments: str) -> list[str]:
    """The command line that starts this program in another role, e.g. ``self_command("runner")``."""
    if getattr(sys, "frozen", False):
        return [sys.executable, *arguments]
    # -P where this package is found without it: else a folder `dmr_desktop` where the user happens to be would be run.
    is_installed = sys.flags.safe_path or str(Path(__file__).resolve().parents[1]) in sys.path[1:]
    return [sys.executable, *(["-P"] if is_installed else []), "-m", "dmr_desktop", *arguments]
