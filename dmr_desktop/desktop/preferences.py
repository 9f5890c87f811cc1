"""What the desktop itself remembers: look, language, the window, what was explained. All else is the service's."""

from pathlib import Path
from typing import cast

from PySide6.QtCore import QByteArray, QSettings

from dmr_desktop.desktop.theme import ThemeChoice


class Preferences:
    """Backed by ``desktop.ini`` in the configuration folder; a broken value counts as not set."""

    def __init__(self, config_dir: Path) -> None:
        self._settings = QSettings(str(config_dir / "desktop.ini"), QSettings.Format.IniFormat)

    @property
    def theme(self) -> ThemeChoice:
        value = self._settings.value("theme")
        return cast(ThemeChoice, value) if value in ("system", "light", "dark", "contrast") else "system"

    @theme.setter
    def theme(self, choice: ThemeChoice) -> None:
        self._settings.setValue("theme", choice)

    @property
    def language(self) -> str:
        """``system``, or the code of a language."""
        value = self._settings.value("language")
        return value if isinstance(value, str) and value else "system"

    @language.setter
    def language(self, choice: str) -> None:
        self._settings.setValue("language", choice)

    @property
    def shows_half_hour(self) -> bool:
        """Whether the curves span half an hour rather than two minutes."""
        return bool(self._settings.value("shows_half_hour") == "yes")

    @shows_half_hour.setter
    def shows_half_hour(self, wanted: bool) -> None:
        self._settings.setValue("shows_half_hour", "yes" if wanted else "no")

    @property
    def welcomed(self) -> bool:
        """Whether the first steps were taken or skipped."""
        return bool(self._settings.value("welcomed") == "yes")

    @welcomed.setter
    def welcomed(self, welcomed: bool) -> None:
        self._settings.setValue("welcomed", "yes" if welcomed else "no")

    @property
    def window_geometry(self) -> QByteArray:
        """Qt's own record of size and place of the panel, empty if there is none."""
        value = self._settings.value("window_geometry")
        return value if isinstance(value, QByteArray) else QByteArray()

    @window_geometry.setter
    def window_geometry(self, geometry: QByteArray) -> None:
        self._settings.setValue("window_geometry", geometry)

    @property
    def tray_explained(self) -> bool:
        return bool(self._settings.value("tray_explained") == "yes")

    @tray_explained.setter
    def tray_explained(self, explained: bool) -> None:
        self._settings.setValue("tray_explained", "yes" if explained else "no")
