"""Whether a tray is there, found out before Qt looks: Qt asks the session bus once and keeps a "no" for good.

So a desktop's panel that comes up after the app would never get its icon. Linux only; elsewhere Qt is asked at once.
"""

import ctypes
import os

from PySide6.QtDBus import QDBusConnection, QDBusMessage, QDBusVariant
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QSystemTrayIcon

WATCHER = "org.kde.StatusNotifierWatcher"
ANSWER_TIMEOUT_MS = 500


def has_tray() -> bool:
    """True once an icon would be seen: a host of StatusNotifierItems, or an XEmbed tray."""
    platform = QGuiApplication.platformName()
    if platform in ("xcb", "wayland"):
        is_there = has_notifier_host() or (platform == "xcb" and _has_xembed_tray(os.environ.get("DISPLAY", "")))
        if not is_there:
            return False
    return QSystemTrayIcon.isSystemTrayAvailable()


def has_notifier_host() -> bool:
    """Whether the watcher of StatusNotifierItems knows a panel that shows them; Qt then uses it rather than XEmbed."""
    if QGuiApplication.platformName() not in ("xcb", "wayland"):
        return False
    bus = QDBusConnection.sessionBus()
    if not bus.isConnected() or not bus.interface().isServiceRegistered(WATCHER).value():
        return False
    question = QDBusMessage.createMethodCall(
        WATCHER, "/StatusNotifierWatcher", "org.freedesktop.DBus.Properties", "Get"
    )
    question.setArguments([WATCHER, "IsStatusNotifierHostRegistered"])
    answer = bus.call(question, timeout=ANSWER_TIMEOUT_MS)
    values = [value.variant() for value in answer.arguments() if isinstance(value, QDBusVariant)]
    return values == [True]


class _Number(ctypes.Structure):
    """The start of the two replies that are read here: both hold their number at the ninth byte."""

    _fields_ = (("head", ctypes.c_uint8 * 8), ("number", ctypes.c_uint32))


class _Cookie(ctypes.Structure):
    _fields_ = (("sequence", ctypes.c_uint),)


def _has_xembed_tray(display: str) -> bool:
    """Whether somebody owns the selection ``_NET_SYSTEM_TRAY_Sn`` of the display's screen."""
    try:
        xcb, libc = ctypes.CDLL("libxcb.so.1"), ctypes.CDLL(None)
    except OSError:
        return False
    xcb.xcb_connect.restype = ctypes.c_void_p
    for call in (xcb.xcb_connection_has_error, xcb.xcb_disconnect):
        call.argtypes = [ctypes.c_void_p]
    screen = ctypes.c_int(0)
    connection = xcb.xcb_connect(os.fsencode(display), ctypes.byref(screen))
    try:
        if xcb.xcb_connection_has_error(connection):
            return False
        name = b"_NET_SYSTEM_TRAY_S%d" % screen.value
        xcb.xcb_intern_atom.argtypes = [ctypes.c_void_p, ctypes.c_uint8, ctypes.c_uint16, ctypes.c_char_p]
        xcb.xcb_get_selection_owner.argtypes = [ctypes.c_void_p, ctypes.c_uint32]

        def ask(call: str, *arguments: object) -> int:
            question, reply_of = getattr(xcb, call), getattr(xcb, f"{call}_reply")
            question.restype = _Cookie
            reply_of.argtypes = [ctypes.c_void_p, _Cookie, ctypes.c_void_p]
            reply_of.restype = ctypes.POINTER(_Number)
            reply = reply_of(connection, question(connection, *arguments), None)
            number = reply.contents.number if reply else 0
            libc.free(reply)
            return int(number)

        atom = ask("xcb_intern_atom", 1, len(name), name)  # 1: an atom that nobody made yet is 0
        return bool(atom) and ask("xcb_get_selection_owner", atom) != 0
    finally:
        xcb.xcb_disconnect(connection)
