"""Asks how a model is to be loaded, and says while it is chosen whether it will fit."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QComboBox, QDialog, QDialogButtonBox, QFormLayout, QVBoxLayout, QWidget

from dmr_desktop.desktop.fit import Estimate, Fit
from dmr_desktop.desktop.panel.widgets import Label, Pill
from dmr_desktop.desktop.quantities import format_bytes
from dmr_desktop.desktop.state import ModelEntry

CONTEXTS = (2048, 4096, 8192, 16384, 32768, 65536, 131072)
KEEP_ALIVES = ("5m", "30m", "1h", "8h", "-1")
TIGHT = 0.85
"""A model that takes more of the free memory than this share leaves little for the rest."""


class LoadDialog(QDialog):
    """Signals: ``chosen(context_size: int | None, keep_alive: str)``."""

    chosen = Signal(object, str)

    def __init__(self, model: ModelEntry, fit: Fit, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._model = model
        self._fit = fit
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(self.tr("Load model"))
        self.context = QComboBox()
        self.context.setAccessibleName(self.tr("Context size"))
        self.context.addItem(self.tr("the model's own"), None)
        for size in CONTEXTS:
            self.context.addItem(self.tr("{count} tokens").format(count=f"{size:,}"), size)
        self.keep_alive = QComboBox()
        self.keep_alive.setAccessibleName(self.tr("Unload when idle"))
        titles = (
            self.tr("after 5 minutes"),
            self.tr("after 30 minutes"),
            self.tr("after 1 hour"),
            self.tr("after 8 hours"),
            self.tr("never"),
        )
        for title, value in zip(titles, KEEP_ALIVES, strict=True):
            self.keep_alive.addItem(title, value)
        self.verdict = Pill()
        self.details = Label(tone="dim")
        self.details.setWordWrap(True)
        self.buttons = QDialogButtonBox()
        self.load_button = self.buttons.addButton(self.tr("Load"), QDialogButtonBox.ButtonRole.AcceptRole)
        self.load_button.setProperty("kind", "primary")
        self.buttons.addButton(QDialogButtonBox.StandardButton.Cancel)
        self._lay_out()
        self.context.currentIndexChanged.connect(self._ask)
        self.buttons.accepted.connect(self._accept)
        self.buttons.rejected.connect(self.reject)
        fit.answered.connect(self.show_estimate)
        self.finished.connect(fit.cancel)
        self._ask()

    def show_estimate(self, estimate: Estimate | None) -> None:
        """Green, amber or red, with words."""
        if estimate is None:
            self.verdict.show_word(self.tr("Unknown"), "dim")
            self.details.setText(self.tr("How much memory this model needs cannot be told."))
            return
        need, have = format_bytes(estimate.total_bytes), format_bytes(estimate.available_bytes)
        text = self.tr("Needs about {need}; {have} are free.").format(need=need, have=have)
        if not estimate.fits:
            self.verdict.show_word(self.tr("Does not fit"), "error")
            if estimate.max_context:
                text += " " + self.tr("Up to {count} tokens of context would fit.").format(
                    count=f"{estimate.max_context:,}"
                )
            else:
                text += " " + self.tr("Unload other models or choose a smaller one.")
        elif estimate.total_bytes > TIGHT * estimate.available_bytes:
            self.verdict.show_word(self.tr("Tight"), "warn")
        else:
            self.verdict.show_word(self.tr("Fits"), "ok")
        self.details.setText(text)

    def _ask(self) -> None:
        self._fit.ask(self._model.reference, self.context.currentData())

    def _accept(self) -> None:
        self.chosen.emit(self.context.currentData(), self.keep_alive.currentData())
        self.accept()

    def _lay_out(self) -> None:
        form = QFormLayout()
        form.setHorizontalSpacing(16)
        form.setVerticalSpacing(10)
        form.addRow(self.tr("Context size"), self.context)
        form.addRow(self.tr("Unload when idle"), self.keep_alive)
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 18, 20, 16)
        column.setSpacing(14)
        column.addWidget(Label(self._model.name, size=1.2, bold=True))
        column.addLayout(form)
        column.addWidget(self.verdict)
        column.addWidget(self.details)
        column.addWidget(self.buttons)
        self.setMinimumWidth(420)
