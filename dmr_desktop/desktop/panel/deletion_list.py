"""Models that are about to be deleted, one row each with Undo."""

from PySide6.QtWidgets import QVBoxLayout, QWidget

from dmr_desktop.desktop.deletions import Deletions
from dmr_desktop.desktop.panel.widgets import Button, Card, ElidedLabel
from dmr_desktop.desktop.quantities import format_bytes, format_seconds
from dmr_desktop.desktop.state import ModelEntry


class DeletionRow(Card):
    """One wish."""

    def __init__(self, deletions: Deletions, model: ModelEntry) -> None:
        super().__init__(row=True, margins=(16, 9, 16, 9))
        has_others = len(model.tags) > 1
        text = (
            self.tr("The name {model} will be removed in {time}")
            if has_others
            else self.tr("{model} ({size}) will be deleted in {time}")
        )
        text = text.format(
            model=model.name, size=format_bytes(model.size_bytes), time=format_seconds(deletions.undo_ms / 1000)
        )
        self.undo = Button(self.tr("Undo"), name=self.tr("Keep {model}").format(model=model.name))
        self.undo.clicked.connect(lambda: deletions.undo(model.id))
        self.text = ElidedLabel(text)
        self.body.addWidget(self.text, 1)
        self.body.addWidget(self.undo)


class DeletionList(QWidget):
    """Hidden while nothing is to be deleted."""

    def __init__(self, deletions: Deletions) -> None:
        super().__init__()
        self._deletions = deletions
        self._rows: dict[str, DeletionRow] = {}
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(8)
        deletions.changed.connect(self._render)
        self._render()

    @property
    def rows(self) -> tuple[DeletionRow, ...]:
        return tuple(self._rows.values())

    def _render(self) -> None:
        waiting = {model.id: model for model in self._deletions.waiting}
        for key in self._rows.keys() - waiting.keys():
            row = self._rows.pop(key)
            row.hide()
            row.deleteLater()
        for key in waiting.keys() - self._rows.keys():
            self._rows[key] = DeletionRow(self._deletions, waiting[key])
            self._column.addWidget(self._rows[key])
        self.setVisible(bool(self._rows))
