"""After a sleep: what logind tells, and the link that is checked anew."""

import shutil

import pytest
from PySide6.QtDBus import QDBusConnection
from pytestqt.qtbot import QtBot

from dmr_desktop.desktop.awakening import Awakening

pytest.importorskip("jeepney")
from jeepney import DBusAddress, new_signal
from jeepney.bus_messages import message_bus
from jeepney.io.blocking import open_dbus_connection

from tests.fakes.notifier_host import Bus

pytestmark = [
    pytest.mark.qt,
    pytest.mark.skipif(shutil.which("dbus-daemon") is None, reason="not installed: dbus-daemon (see docs/desktop.md)"),
]

LOGIN = "org.freedesktop.login1"


def test_it_tells_the_end_of_a_sleep_not_its_start(qtbot: QtBot) -> None:
    bus = Bus()
    mine = QDBusConnection.connectToBus(bus.address, "awakening")
    logind = open_dbus_connection(bus.address)
    logind.send_and_get_reply(message_bus.RequestName(LOGIN))
    manager = DBusAddress("/org/freedesktop/login1", LOGIN, f"{LOGIN}.Manager")
    awakening = Awakening(bus=mine)
    told: list[bool] = []
    awakening.woke.connect(lambda: told.append(True))
    try:
        logind.send(new_signal(manager, "PrepareForSleep", "b", (True,)))
        qtbot.wait(200)
        assert told == []
        logind.send(new_signal(manager, "PrepareForSleep", "b", (False,)))
        qtbot.waitUntil(lambda: told == [True])
    finally:
        logind.close()
        QDBusConnection.disconnectFromBus("awakening")
        bus.close()
