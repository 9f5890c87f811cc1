"""A private session bus with a StatusNotifierItem host on it, as a desktop's panel would be: sees items, reads them,
opens and clicks their menus over com.canonical.dbusmenu.

Not a part of the product: what the tray icon says there is asked over the bus, as a panel asks.
"""

import subprocess
import threading
import time
from dataclasses import dataclass
from typing import Any, Self

from jeepney import DBusAddress, HeaderFields, Message, MessageType, new_error, new_method_call, new_method_return
from jeepney.bus_messages import message_bus
from jeepney.io.blocking import DBusConnection, open_dbus_connection

WATCHER = "org.kde.StatusNotifierWatcher"
ITEM = "org.kde.StatusNotifierItem"
MENU = "com.canonical.dbusmenu"
PROPERTIES = "org.freedesktop.DBus.Properties"
INTROSPECTION = f"""<node><interface name="{WATCHER}">
<method name="RegisterStatusNotifierItem"><arg direction="in" type="s"/></method>
<method name="RegisterStatusNotifierHost"><arg direction="in" type="s"/></method>
<property name="RegisteredStatusNotifierItems" type="as" access="read"/>
<property name="IsStatusNotifierHostRegistered" type="b" access="read"/>
<property name="ProtocolVersion" type="i" access="read"/>
</interface></node>"""


class Bus:
    """``dbus-daemon`` of its own, ended by ``close``."""

    def __init__(self) -> None:
        command = ["dbus-daemon", "--session", "--nofork", "--nopidfile", "--print-address=1"]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        assert self._process.stdout is not None
        self.address = self._process.stdout.readline().strip()
        assert self.address

    def close(self) -> None:
        self._process.terminate()
        self._process.communicate(timeout=10)


@dataclass(frozen=True)
class MenuEntry:
    """``toggled`` None: not checkable."""

    id: int
    label: str
    enabled: bool
    toggled: bool | None
    children: tuple["MenuEntry", ...]


@dataclass(frozen=True)
class Pixmap:
    """``pixels``: ARGB, four bytes each, row by row."""

    width: int
    height: int
    pixels: bytes

    @property
    def colors(self) -> set[bytes]:
        return {self.pixels[at : at + 4] for at in range(0, len(self.pixels), 4)}

    def count(self, rgb: str) -> int:
        """How many opaque pixels have the colour ``#rrggbb``."""
        wanted = b"\xff" + bytes.fromhex(rgb.removeprefix("#"))
        return sum(self.pixels[at : at + 4] == wanted for at in range(0, len(self.pixels), 4))


class NotifierHost:
    """Watcher and host in one. ``has_host`` False is a watcher whose panel has not come up yet."""

    def __init__(self, address: str, *, has_host: bool = True) -> None:
        self.has_host = has_host
        self.signals: list[str] = []
        self._items: dict[str, str] = {}
        self._serving: DBusConnection = open_dbus_connection(address)
        self._asking: DBusConnection = open_dbus_connection(address)
        for rule in ("type='signal',sender='org.freedesktop.DBus',member='NameOwnerChanged'", "type='signal'"):
            self._serving.send_and_get_reply(message_bus.AddMatch(rule))
        self._serving.send_and_get_reply(message_bus.RequestName(WATCHER))
        self._is_closing = False
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    @property
    def items(self) -> tuple[str, ...]:
        """Bus names of the items that are there."""
        return tuple(self._items)

    def property(self, name: str, interface: str = ITEM) -> Any:
        path = "/StatusNotifierItem" if interface == ITEM else self.property("Menu")
        ((_, value),) = self._call(path, PROPERTIES, "Get", "ss", (interface, name))
        return value

    def pixmaps(self) -> list[Pixmap]:
        return [Pixmap(width, height, bytes(data)) for width, height, data in self.property("IconPixmap")]

    def tool_tip(self) -> str:
        _icon, _pixmaps, title, text = self.property("ToolTip")
        return f"{title}{text}"

    def activate(self) -> None:
        """A left click."""
        self._call("/StatusNotifierItem", ITEM, "Activate", "ii", (10, 10))

    def menu(self) -> tuple[MenuEntry, ...]:
        """What is visible, as a panel reads it right before it shows the menu."""
        path = self.property("Menu")
        self._call(path, MENU, "AboutToShow", "i", (0,))
        _revision, layout = self._call(path, MENU, "GetLayout", "iias", (0, -1, []))
        return _entries(layout)

    def click(self, label: str) -> None:
        """Chooses the entry of that label, wherever it is."""
        found = [entry for entry in _walk(self.menu()) if entry.label == label]
        assert len(found) == 1, f"{label}: {[entry.label for entry in _walk(self.menu())]}"
        self._call(self.property("Menu"), MENU, "Event", "isvu", (found[0].id, "clicked", ("s", ""), int(time.time())))

    def announce(self) -> None:
        """The panel comes up."""
        self.has_host = True
        message = DBusAddress("/StatusNotifierWatcher", WATCHER, WATCHER)
        from jeepney import new_signal

        self._asking.send(new_signal(message, "StatusNotifierHostRegistered"))

    def close(self) -> None:
        self._is_closing = True
        self._thread.join(5)
        self._serving.close()
        self._asking.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _call(self, path: str, interface: str, method: str, signature: str, body: tuple[Any, ...]) -> Any:
        (name,) = self._items
        address = DBusAddress(path, name, interface)
        reply = self._asking.send_and_get_reply(new_method_call(address, method, signature, body), timeout=5)
        assert reply.header.message_type is MessageType.method_return, reply.body
        return reply.body

    def _serve(self) -> None:
        while not self._is_closing:
            try:
                message = self._serving.receive(timeout=0.1)
            except TimeoutError:
                continue
            member = message.header.fields.get(HeaderFields.member, "")
            if message.header.message_type is MessageType.signal:
                self.signals.append(member)
                if member == "NameOwnerChanged" and not message.body[2]:
                    self._items.pop(message.body[0], None)
            elif message.header.message_type is MessageType.method_call:
                self._serving.send(self._answer(message, member))

    def _answer(self, message: Message, member: str) -> Message:
        known = {
            "RegisteredStatusNotifierItems": ("as", list(self._items)),
            "IsStatusNotifierHostRegistered": ("b", self.has_host),
            "ProtocolVersion": ("i", 0),
        }
        match member:
            case "Introspect":
                return new_method_return(message, "s", (INTROSPECTION,))
            case "Get":
                return new_method_return(message, "v", (known[message.body[1]],))
            case "GetAll":
                return new_method_return(message, "a{sv}", (known,))
            case "RegisterStatusNotifierItem":
                self._items[message.header.fields[HeaderFields.sender]] = message.body[0]
                return new_method_return(message)
        return new_error(message, "org.freedesktop.DBus.Error.UnknownMethod")


def _entries(layout: Any) -> tuple[MenuEntry, ...]:
    _id, _properties, children = layout
    found = []
    for _signature, child in children:
        number, raw, _ = child
        values = {name: value for name, (_, value) in raw.items()}
        if values.get("visible", True) and values.get("type", "standard") != "separator":
            toggled = values.get("toggle-state", -1) == 1 if values.get("toggle-type") else None
            label = str(values.get("label", "")).replace("__", "\0").replace("_", "").replace("\0", "_")
            found.append(MenuEntry(number, label, bool(values.get("enabled", True)), toggled, _entries(child)))
    return tuple(found)


def _walk(entries: tuple[MenuEntry, ...]) -> list[MenuEntry]:
    return [found for entry in entries for found in (entry, *_walk(entry.children))]
