"""Where to save a file: the desktop's own dialog where it has one, else Qt's with the panel's icons."""

from pathlib import Path

from PySide6.QtCore import QFileInfo, QStandardPaths, Qt, QUrl
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QFileDialog, QFileIconProvider, QHeaderView, QToolButton, QTreeView, QWidget

from dmr_desktop.desktop.icons import panel_icon
from dmr_desktop.desktop.overrides import qt_override
from dmr_desktop.desktop.theme import Theme

BUTTONS = {
    "backButton": "arrow-left",
    "forwardButton": "arrow-right",
    "toParentButton": "arrow-up",
    "newFolderButton": "folder-new",
    "listModeButton": "overview",
    "detailModeButton": "logs",
}
"""Qt's tool buttons by their object names."""
_KIND = 2
"""The column of Qt's table."""
_PLACES = (
    QStandardPaths.StandardLocation.HomeLocation,
    QStandardPaths.StandardLocation.DocumentsLocation,
    QStandardPaths.StandardLocation.DownloadLocation,
    QStandardPaths.StandardLocation.DesktopLocation,
)


class SaveDialog(QFileDialog):
    """Begins in the user's documents with ``name``. Signals: Qt's ``fileSelected(path)``."""

    def __init__(self, title: str, name: str, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent, title, str(_documents() / name))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        self._icons = _Icons(theme)
        self.setIconProvider(self._icons)
        self.setSidebarUrls([QUrl.fromLocalFile(str(place)) for place in _places()])
        self.resize(720, 460)
        for button, icon in BUTTONS.items():
            found = self.findChild(QToolButton, button)
            if isinstance(found, QToolButton):  # there is none in a dialog of the desktop's own
                found.setIcon(panel_icon(icon, theme.tokens.text))
        table = self.findChild(QTreeView, "treeView")
        if isinstance(table, QTreeView):
            table.header().setStretchLastSection(False)
            table.header().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
            table.header().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
            table.setColumnHidden(_KIND, True)  # the name tells it, and there is no room


class _Icons(QFileIconProvider):
    """A folder or a sheet, whatever the file: telling kinds apart takes Qt a look into each of them."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._folder = panel_icon("folder", theme.tokens.accent_text)
        self._file = panel_icon("file", theme.tokens.dim)

    @qt_override
    def icon(self, kind: QFileInfo | QFileIconProvider.IconType) -> QIcon:
        if isinstance(kind, QFileInfo):
            return self._folder if kind.isDir() else self._file
        return self._file if kind is QFileIconProvider.IconType.File else self._folder


def _places() -> list[Path]:
    """Those that there are, each once."""
    found = [Path(QStandardPaths.writableLocation(place)) for place in _PLACES]
    return [place for place in dict.fromkeys(found) if place.is_dir()]


def _documents() -> Path:
    documents = Path(QStandardPaths.writableLocation(QStandardPaths.StandardLocation.DocumentsLocation))
    return documents if documents.is_dir() else Path.home()
