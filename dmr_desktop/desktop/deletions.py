"""Models about to be deleted: each wish waits for ten seconds, in which it can be taken back.

Nothing is asked of the service before. A wish that still waits when the app quits is forgotten: the model stays.
"""

from PySide6.QtCore import QObject, QTimer, Signal

from dmr_desktop.desktop.state import ModelEntry

UNDO_MS = 10_000


class Deletions(QObject):
    """Signals: ``changed()`` when the set changed, ``due(ModelEntry)`` when the time to undo has passed."""

    changed = Signal()
    due = Signal(object)

    def __init__(self, parent: QObject | None = None, undo_ms: int = UNDO_MS) -> None:
        super().__init__(parent)
        self.undo_ms = undo_ms
        self._waiting: dict[str, tuple[ModelEntry, QTimer]] = {}

    @property
    def waiting(self) -> tuple[ModelEntry, ...]:
        return tuple(model for model, _ in self._waiting.values())

    def want(self, model: ModelEntry) -> None:
        """A second wish for the same model changes nothing."""
        if model.id in self._waiting:
            return
        timer = QTimer(self)
        timer.setSingleShot(True)
        timer.timeout.connect(lambda: self._pass(model))
        self._waiting[model.id] = (model, timer)
        timer.start(self.undo_ms)
        self.changed.emit()

    def undo(self, model_id: str) -> None:
        """Takes the wish back; none there is fine."""
        _, timer = self._waiting.pop(model_id, (None, None))
        if timer is not None:
            timer.stop()
            timer.deleteLater()
            self.changed.emit()

    def undo_all(self) -> None:
        for model in self.waiting:
            self.undo(model.id)

    def _pass(self, model: ModelEntry) -> None:
        self.undo(model.id)
        self.due.emit(model)
