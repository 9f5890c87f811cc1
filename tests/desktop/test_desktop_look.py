"""Colours, icons, the chart: what can be checked of a look."""

import itertools

import pytest
from PySide6.QtCore import QPointF
from PySide6.QtGui import QColor, QImage
from PySide6.QtWidgets import QApplication, QLabel
from pytestqt.qtbot import QtBot

from dmr_desktop.desktop.history import POINTS
from dmr_desktop.desktop.icons import TRAY_SIZES, app_icon, tray_icon
from dmr_desktop.desktop.sparkline import Sparkline
from dmr_desktop.desktop.state import Shape
from dmr_desktop.desktop.theme import Theme
from dmr_desktop.desktop.tokens import CONTRAST, DARK, LIGHT, Tokens

TEXT_ON = [
    ("text", "window"),
    ("text", "card"),
    ("text", "side"),
    ("text", "selected"),
    ("text", "hover"),
    ("dim", "window"),
    ("off", "window"),
    ("off", "card"),
    ("dim", "card"),
    ("dim", "side"),
    ("dim", "error_soft"),
    ("dim", "warn_soft"),
    ("on_accent", "accent"),
    ("accent_text", "selected"),
    ("ok", "ok_soft"),
    ("warn", "warn_soft"),
    ("error", "error_soft"),
    ("error", "card"),
]


def luminance(color: str) -> float:
    """Relative luminance of WCAG 2."""
    rgb = QColor(color)
    parts = [rgb.redF(), rgb.greenF(), rgb.blueF()]
    red, green, blue = (c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(tokens: Tokens, one: str, other: str) -> float:
    bright, dark = sorted((luminance(getattr(tokens, one)), luminance(getattr(tokens, other))), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


@pytest.mark.parametrize(("tokens", "least"), [(LIGHT, 4.5), (DARK, 4.5), (CONTRAST, 7.0)], ids=["light", "dark", "hc"])
@pytest.mark.parametrize(("text", "ground"), TEXT_ON)
def test_contrast(tokens: Tokens, least: float, text: str, ground: str) -> None:
    assert contrast(tokens, text, ground) >= least


@pytest.mark.parametrize("ground", ["window", "card", "side", "hover", "selected"])
@pytest.mark.parametrize("mark", ["line", "accent", "ok", "warn", "error", "violet"])
def test_in_high_contrast_borders_and_curves_stand_out_too(mark: str, ground: str) -> None:
    assert contrast(CONTRAST, mark, ground) >= 4.5


def silhouette(shape: Shape, size: int) -> list[bool]:
    """Which pixels are light, with colour taken away and the icon on a middle grey."""
    image = tray_icon(shape).pixmap(size, size).toImage().convertToFormat(QImage.Format.Format_ARGB32)
    grays = []
    for y, x in itertools.product(range(size), range(size)):
        color = image.pixelColor(x, y)
        grays.append((color.alpha() > 128 and color.lightness() > 200) or color.alpha() < 128)
    return grays


@pytest.mark.parametrize("size", TRAY_SIZES)
def test_tray_shapes_differ_without_colour(qapp: QApplication, size: int) -> None:
    shapes = {shape: silhouette(shape, size) for shape in Shape}
    for one, other in itertools.combinations(Shape, 2):
        different = sum(a != b for a, b in zip(shapes[one], shapes[other], strict=True))
        assert different >= 0.06 * size * size, (one, other)


def test_icons_have_all_sizes(qapp: QApplication) -> None:
    for shape in Shape:
        assert {size.width() for size in tray_icon(shape).availableSizes()} == set(TRAY_SIZES)
    assert not app_icon().isNull()


def test_theme_switches_palette_and_tells(qtbot: QtBot, theme: Theme) -> None:
    with qtbot.waitSignal(theme.changed):
        theme.choose("dark")
    assert theme.tokens is DARK
    assert QApplication.palette().window().color().name() == DARK.window
    theme.choose("contrast")
    assert QApplication.palette().window().color().name() == CONTRAST.window
    theme.choose("light")
    assert QApplication.palette().window().color().name() == LIGHT.window


def test_sparkline_leaves_gaps_and_ends_at_the_right_edge(qtbot: QtBot) -> None:
    chart = Sparkline("#ff0000")
    qtbot.addWidget(chart)
    chart.resize(POINTS * 2 - 2, 52)
    chart.set_values([0.0, 1.0, None, 0.5])
    first, last = chart.runs()
    assert [point.y() for point in first] == [51.0, 1.0]
    assert last[0] == QPointF(chart.width(), 26.0)
    chart.set_values([])
    assert chart.runs() == []
    chart.set_values([5.0, -5.0])
    assert [point.y() for point in chart.runs()[0]] == [1.0, 51.0]


def test_a_place_in_the_chart_tells_value_and_age(qtbot: QtBot) -> None:
    chart = Sparkline("#ff0000")
    qtbot.addWidget(chart)
    chart.resize(POINTS * 2 - 2, 52)
    chart.set_values([0.25, None, 0.5])
    assert chart.text_at(chart.width()) == "50 % · 0 s ago"
    assert chart.text_at(chart.width() - 2) == ""
    assert chart.text_at(chart.width() - 4) == "25 % · 2 s ago"
    assert chart.text_at(0) == ""


def test_sparkline_paints_its_colour(qtbot: QtBot) -> None:
    chart = Sparkline("#ff0000")
    qtbot.addWidget(chart)
    chart.resize(238, 52)
    chart.set_values([0.5] * POINTS)
    image = chart.grab().toImage()
    assert image.pixelColor(100, 26).red() > image.pixelColor(100, 26).green() + 60
    assert image.pixelColor(100, 5) != image.pixelColor(100, 26)


def test_qt_does_not_eat_references_to_none(qtbot: QtBot) -> None:
    """PySide6 6.12.0 on Python 3.11 releases one reference to None per call and aborts after minutes."""
    import sys

    label = QLabel()
    qtbot.addWidget(label)
    before = sys.getrefcount(None)
    for number in range(200):
        label.setText(str(number))
    assert sys.getrefcount(None) > before - 100
