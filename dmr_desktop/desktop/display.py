"""Whether a window can be shown here, found out before Qt tries: Qt aborts the process when it cannot.

Linux only; elsewhere there is always a display.
"""

import ctypes
import os
import socket
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeAlias

from PySide6.QtCore import QLibrary, QLibraryInfo

Check: TypeAlias = Callable[[Mapping[str, str]], str]


class NoDisplay(Exception):
    """No window can be shown; the text says why in one sentence."""


def choose_platform(environ: Mapping[str, str]) -> str:
    """The Qt platform plugin to ask for, "" to leave it to Qt. Raises :class:`NoDisplay`."""
    if sys.platform != "linux" or environ.get("QT_QPA_PLATFORM"):
        return ""
    reasons = []
    for platform, check in _in_order(environ):
        reason = check(environ) or _plugin_trouble(platform)
        if not reason:
            return platform
        reasons.append(reason)
    raise NoDisplay("; ".join(reasons) or "neither DISPLAY nor WAYLAND_DISPLAY is set")


def import_trouble() -> str:
    """Why Qt's widgets cannot be imported (a missing system library), "" when they can."""
    try:
        import PySide6.QtWidgets  # noqa: F401  # only to see whether it loads
    except ImportError as error:
        return f"Qt cannot be loaded: {error}"
    return ""


def _in_order(environ: Mapping[str, str]) -> list[tuple[str, Check]]:
    checks: list[tuple[str, Check]] = []
    if environ.get("WAYLAND_DISPLAY"):
        checks.append(("wayland", _wayland_trouble))
    if environ.get("DISPLAY"):
        checks.append(("xcb", _x11_trouble))
    return checks


def _wayland_trouble(environ: Mapping[str, str]) -> str:
    name = environ["WAYLAND_DISPLAY"]
    path = Path(environ.get("XDG_RUNTIME_DIR", "")) / name
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(2)
        try:
            probe.connect(str(path))
        except OSError:
            return f"the Wayland display {name} does not answer"
    return ""


def _x11_trouble(environ: Mapping[str, str]) -> str:
    display = environ["DISPLAY"]
    try:
        xcb = ctypes.CDLL("libxcb.so.1")
    except OSError:
        return "libxcb.so.1 is not installed"
    xcb.xcb_connect.restype = ctypes.c_void_p
    xcb.xcb_connection_has_error.argtypes = xcb.xcb_disconnect.argtypes = [ctypes.c_void_p]
    connection = xcb.xcb_connect(os.fsencode(display), None)
    failed = xcb.xcb_connection_has_error(connection)
    xcb.xcb_disconnect(connection)
    return f"the X display {display} does not answer" if failed else ""


def _plugin_trouble(platform: str) -> str:
    folder = Path(QLibraryInfo.path(QLibraryInfo.LibraryPath.PluginsPath)) / "platforms"
    names = {"xcb": ["libqxcb.so"], "wayland": ["libqwayland.so", "libqwayland-generic.so"]}[platform]
    found = [folder / name for name in names if (folder / name).exists()]
    if not found:
        return f"Qt's {platform} plugin is not installed"
    library = QLibrary(str(found[0]))
    return "" if library.load() else f"Qt's {platform} plugin cannot be loaded: {library.errorString()}"
