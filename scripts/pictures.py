"""Pictures of every page of the panel, with example data, drawn without a display.

    python scripts/pictures.py FOLDER [--themes light,dark] [--sizes 1080x680,820x560] [--scale 2] [--language de]
                                      [--scenes overview,models,...]

``SCENE-THEME-WIDTHxHEIGHT.png`` each, and ``tray.png`` with the icons of the tray: to look at them before a release,
and for the documentation. Needs the packages of the tests.
"""

import argparse
import os
import sys
import tempfile
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # the fake service is in the tests

from picture_scenes import SCENES
from picture_studio import Studio
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QImage, QPainter
from PySide6.QtWidgets import QApplication

from dmr_desktop.desktop.icons import app_icon, tray_icon
from dmr_desktop.desktop.language import install_language
from dmr_desktop.desktop.state import Shape


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--themes", default="light,dark")
    parser.add_argument("--sizes", default="1080x680,820x560")
    parser.add_argument("--scale", default="1")
    parser.add_argument("--language", default="en")
    parser.add_argument("--scenes", default="")
    options = parser.parse_args()
    os.environ["QT_SCALE_FACTOR"] = options.scale
    options.folder.mkdir(parents=True, exist_ok=True)

    app = QApplication(["dmr-desktop"])
    app.setWindowIcon(app_icon())
    install_language(app, options.language)
    with tempfile.TemporaryDirectory(prefix="dmr") as home:
        for name in ("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"):
            os.environ[name] = home
        studio = Studio(Path(home))
        wanted = options.scenes.split(",") if options.scenes else list(SCENES)
        for theme in options.themes.split(","):
            studio.theme.choose(theme)
            for size in options.sizes.split(","):
                width, height = (int(part) for part in size.split("x"))
                for scene in wanted:
                    studio.shoot(SCENES[scene], width, height, options.folder / f"{scene}-{theme}-{size}.png")
        studio.close()
    if not options.scenes:
        tray_sheet().save(str(options.folder / "tray.png"))


def tray_sheet() -> QImage:
    """Every state of the tray icon at the sizes of panels, on a light and on a dark one, four times as large."""
    sizes, cell, zoom = (16, 22, 24, 32), 40, 4
    image = QImage(cell * len(Shape), cell * len(sizes) * 2, QImage.Format.Format_RGB32)
    painter = QPainter(image)
    for row, (ground, size) in enumerate((ground, size) for ground in ("#f2f2f2", "#1f1f1f") for size in sizes):
        painter.fillRect(0, row * cell, image.width(), cell, QColor(ground))
        for column, shape in enumerate(Shape):
            inset = (cell - size) // 2
            painter.drawPixmap(column * cell + inset, row * cell + inset, tray_icon(shape).pixmap(size, size))
    painter.end()
    return image.scaled(image.size() * zoom, mode=Qt.TransformationMode.FastTransformation)


if __name__ == "__main__":
    main()
