"""Every scene of the pictures in every language: no text is cut, and nothing lies over something else."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from picture_scenes import SCENES
from picture_studio import Studio
from PySide6.QtCore import QEvent, QLocale, QModelIndex, Qt, QTranslator
from PySide6.QtGui import QFont
from PySide6.QtWidgets import (
    QAbstractButton,
    QApplication,
    QComboBox,
    QFileDialog,
    QLabel,
    QLineEdit,
    QPushButton,
    QScrollArea,
    QStyle,
    QStyleOptionComboBox,
    QTabBar,
    QTableView,
    QWidget,
)

from dmr_desktop.desktop.panel.name_delegate import INDENT, lines_of
from dmr_desktop.desktop.panel.scroll_page import MARGIN
from dmr_desktop.desktop.panel.widgets import ElidedLabel, Title, room_for
from dmr_desktop.desktop.panel.window import LEAST_HEIGHT, LEAST_WIDTH
from dmr_desktop.desktop.theme import Theme
from dmr_desktop.settings import asset

LOOKS = [("en", 9), ("de", 9), ("de", 11)]
"""Languages, the longer one with large letters too: their size in points."""
SIZES = ("smallest", "1080x680")
"""The smallest that a window can be, and the size of the pictures in the documentation."""


@pytest.fixture(scope="module", params=LOOKS, ids=lambda look: f"{look[0]}-{look[1]}pt")
def studio(
    request: pytest.FixtureRequest, qapp: QApplication, theme: Theme, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Studio]:
    """The panel with its example data, in one language."""
    (language, points), locale, font = request.param, QLocale(), QApplication.font()
    large = QFont(font)
    large.setPointSizeF(points)
    QApplication.setFont(large)
    translator = QTranslator()
    if language != "en":
        assert translator.load(asset(f"i18n/{language}.qm").as_posix())
        qapp.installTranslator(translator)
        QLocale.setDefault(QLocale(language))
    with tempfile.TemporaryDirectory(prefix="dmr") as home:
        made = Studio(Path(home), theme, patience=0.1)
        yield made
        made.close()
        made.panel.close()
        made.panel.deleteLater()
        made.root.deleteLater()
        QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    qapp.removeTranslator(translator)
    QApplication.setFont(font)
    QLocale.setDefault(locale)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("scene", SCENES)
def test_nothing_is_cut(studio: Studio, scene: str, size: str) -> None:
    width, height = least_size(studio.panel) if size == "smallest" else (1080, 680)
    shown = studio.play(SCENES[scene], width, height)
    try:
        if isinstance(shown, QFileDialog):
            return  # Qt's or the desktop's own
        found = [trouble for widget in visible_in(shown) if (trouble := trouble_of(widget))]
        assert not found
        if shown is studio.panel:
            assert (shown.width(), shown.height()) == (width, height)
            assert not overlaps(shown)
    finally:
        studio.clear()


@pytest.mark.timeout(60)
def test_every_page_begins_and_ends_at_the_same_places(studio: Studio) -> None:
    """Also where a scroll bar stands."""
    heads, ends = set(), set()
    width, height = least_size(studio.panel)
    for page in ("overview", "models", "chat", "integrations", "requests", "logs", "settings"):
        studio.play(SCENES[page], width, height)
        title = next(widget for widget in visible_in(studio.panel) if isinstance(widget, Title))
        heads.add(title.mapTo(studio.panel, title.rect().center()).y())
        cards = [widget for widget in visible_in(studio.panel) if is_card(widget)]
        ends.add(max(card.mapTo(studio.panel, card.rect().topRight()).x() for card in cards))
        studio.clear()
    assert (max(heads) - min(heads) <= 1, ends) == (True, {width - MARGIN - 1})


def least_size(panel: QWidget) -> tuple[int, int]:
    """Of a window on a screen with room for it; the one of the tests has 800 pixels."""
    return room_for(LEAST_WIDTH, panel), room_for(LEAST_HEIGHT, panel)


def is_card(widget: QWidget) -> bool:
    return bool(widget.property("card") or widget.property("bubble")) or widget.objectName() == "log"


def visible_in(window: QWidget) -> list[QWidget]:
    return [widget for widget in window.findChildren(QWidget) if widget.isVisible()]


def trouble_of(widget: QWidget) -> str:
    """What is cut in a widget, "" if nothing is."""
    name = f"{type(widget).__name__} {widget.accessibleName() or widget.objectName()}"
    metrics, room = widget.fontMetrics(), widget.contentsRect()
    match widget:
        case ElidedLabel():
            return f"{name}: {widget.text()}" if widget.text().endswith("…") else ""
        case QLabel() if widget.wordWrap():
            too_low = widget.heightForWidth(widget.width()) > widget.height()
            return f"{name}: lines missing of {widget.text()}" if too_low else ""
        case QLabel():
            widest = max((metrics.horizontalAdvance(line) for line in widget.text().split("\n")), default=0)
            is_cut = widest > room.width() or (widget.text() and metrics.height() > widget.height() + 1)
            return f"{name}: {widget.text()}" if is_cut else ""
        case QPushButton():
            needed = widget.sizeHint()
            is_cut = needed.width() > widget.width() or needed.height() > widget.height()
            return f"{name}: {widget.text()}" if is_cut else ""
        case QComboBox():
            option = QStyleOptionComboBox()
            widget.initStyleOption(option)
            field = widget.style().subControlRect(
                QStyle.ComplexControl.CC_ComboBox, option, QStyle.SubControl.SC_ComboBoxEditField, widget
            )
            is_cut = metrics.horizontalAdvance(widget.currentText()) > field.width()
            return f"{name}: {widget.currentText()}" if is_cut else ""
        case QLineEdit():
            texts = (widget.text() or widget.placeholderText(),)
            is_cut = max(map(metrics.horizontalAdvance, texts)) > widget.width() - 20
            return f"{name}: {texts[0]}" if is_cut else ""
        case QTabBar():
            is_cut = widget.sizeHint().width() > widget.width()
            return f"{name}: tabs" if is_cut else ""
        case QTableView():
            return table_trouble(widget)
        case QScrollArea() if widget.widget() is not None:
            is_cut = widget.widget().minimumSizeHint().width() > widget.viewport().width()
            return f"{name}: wider than its room" if is_cut else ""
    return ""


def table_trouble(table: QTableView) -> str:
    """The first title or cell that has less room than text."""
    model, header = table.model(), table.horizontalHeader()
    for column in range(model.columnCount()):
        if table.isColumnHidden(column):
            continue
        width = table.columnWidth(column)
        title = str(model.headerData(column, Qt.Orientation.Horizontal))
        if header.fontMetrics().horizontalAdvance(title) > width - 34:
            return f"{table.accessibleName()}: {title}"
        for row in range(model.rowCount()):
            index = model.index(row, column, QModelIndex())
            icon = 22 if index.data(Qt.ItemDataRole.DecorationRole) is not None else 0
            text = str(index.data())
            if table.itemDelegateForColumn(column) is not None:
                text = lines_of(text, table.fontMetrics(), width - 2 * INDENT)[0]
            if table.fontMetrics().horizontalAdvance(text) > width - 34 - icon:
                return f"{table.accessibleName()}: {text}"
    return ""


def overlaps(window: QWidget) -> list[str]:
    """Controls and texts that lie over each other, or outside of what holds them."""
    kinds = QAbstractButton | QLabel | QComboBox | QLineEdit
    found = []
    for parent in [window, *visible_in(window)]:
        children = [child for child in parent.children() if isinstance(child, kinds) and child.isVisible()]
        if isinstance(parent, kinds):
            continue
        for position, child in enumerate(children):
            if not parent.rect().contains(child.geometry()):
                found.append(f"{child.accessibleName()} leaves {type(parent).__name__}")
            found += [
                f"{child.accessibleName()} over {other.accessibleName()}"
                for other in children[position + 1 :]
                if child.geometry().intersects(other.geometry())
            ]
    return found
