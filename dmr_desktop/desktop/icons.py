"""SVG files of ``assets/icons`` → QIcon, drawn at every size that is asked for.

Panel icons are stroke drawings in ``currentColor``. Tray icons bring their own colours: a mid-tone plate
that reads on light and dark panels, and a silhouette per state.
"""

from functools import cache

from PySide6.QtCore import QByteArray, QRectF, QSize, Qt
from PySide6.QtGui import QIcon, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer

from dmr_desktop.desktop.state import Shape
from dmr_desktop.settings import asset

TRAY_SIZES = (16, 22, 24, 32, 48, 64)
APP_SIZES = (16, 24, 32, 48, 64, 128, 256)


@cache
def tray_icon(shape: Shape) -> QIcon:
    return _icon(_svg(f"tray-{shape.value}"), TRAY_SIZES)


@cache
def app_icon() -> QIcon:
    return _icon(_svg("dmr-desktop"), APP_SIZES)


@cache
def panel_icon(name: str, color: str, size: int = 18, gap: int = 0) -> QIcon:
    """A stroke icon in ``color`` (``#rrggbb``), ``gap`` empty at its right, for one- to threefold pixel density."""
    icon = QIcon()
    for ratio in (1, 2, 3):
        icon.addPixmap(panel_pixmap(name, color, size, ratio, gap))
    return icon


def panel_pixmap(name: str, color: str, size: int, ratio: float, gap: int = 0) -> QPixmap:
    pixmap = _draw(_svg(name).replace("currentColor", color), round(size * ratio), round(gap * ratio))
    pixmap.setDevicePixelRatio(ratio)
    return pixmap


@cache
def _svg(name: str) -> str:
    return asset(f"icons/{name}.svg").read_text(encoding="utf-8")


def _icon(svg: str, sizes: tuple[int, ...]) -> QIcon:
    icon = QIcon()
    for size in sizes:
        icon.addPixmap(_draw(svg, size))
    return icon


def _draw(svg: str, pixels: int, gap: int = 0) -> QPixmap:
    pixmap = QPixmap(QSize(pixels + gap, pixels))
    pixmap.fill(Qt.GlobalColor.transparent)
    renderer = QSvgRenderer(QByteArray(svg.encode()))
    if not renderer.isValid():
        raise ValueError("not a drawable SVG")
    painter = QPainter(pixmap)
    renderer.render(painter, QRectF(0, 0, pixels, pixels))
    painter.end()
    return pixmap
