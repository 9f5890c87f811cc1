import pytest
from pytestqt.qtbot import QtBot


def test_x(parts, qtbot):
    qtbot.wait(100)
    parts.panel.grab().save("/tmp/x.png")
