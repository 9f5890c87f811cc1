"""Asks how a model is to be loaded, and says while it is chosen whether it will fit."""

import shlex

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QIntValidator
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QHBoxLayout,
    QLineEdit,
    QVBoxLayout,
    QWidget,
)

from dmr_desktop.desktop import terminal
from dmr_desktop.desktop.fit import Estimate, Fit
from dmr_desktop.desktop.load_options import Configured, LoadOptions
from dmr_desktop.desktop.panel.widgets import ChoiceBox, Label, Pill, room_for
from dmr_desktop.desktop.quantities import format_bytes, format_number
from dmr_desktop.desktop.state import ModelEntry

CONTEXTS = (2048, 4096, 8192, 16384, 32768, 65536, 131072)
KEEP_ALIVES = ("", "5m", "30m", "1h", "8h", "-1")
MAX_THREADS = 1024
MAX_LAYERS = 9999
TIGHT = 0.85
"""A model that takes more of the free memory than this share leaves little for the rest."""
_THREADS, _LAYERS = "--threads", "--n-gpu-layers"


class LoadDialog(QDialog):
    """Begins with what the service remembers of the model. Signals: ``chosen(LoadOptions)``, ``copied(text, what)``."""

    chosen = Signal(object)
    copied = Signal(str, str)

    def __init__(self, model: ModelEntry, fit: Fit, configured: Configured, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._model = model
        self._fit = fit
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(self.tr("Load model"))
        self.context = ChoiceBox()
        self.context.setAccessibleName(self.tr("Context size"))
        self.context.addItem(self.tr("The model's own"), None)
        for size in CONTEXTS:
            self.context.addItem(self._tokens(size), size)
        self.keep_alive = ChoiceBox()
        self.keep_alive.setAccessibleName(self.tr("Unload when idle"))
        titles = (
            self.tr("As the service is set"),
            self.tr("After 5 minutes"),
            self.tr("After 30 minutes"),
            self.tr("After 1 hour"),
            self.tr("After 8 hours"),
            self.tr("Never"),
        )
        for title, value in zip(titles, KEEP_ALIVES, strict=True):
            self.keep_alive.addItem(title, value)
        self.layers = self._number(self.tr("Layers on the GPU"), self.tr("All that fit"), MAX_LAYERS)
        self.threads = self._number(self.tr("Threads"), self.tr("As many as this computer has cores"), MAX_THREADS)
        self.flags = QLineEdit()
        self.flags.setAccessibleName(self.tr("More flags"))
        self.flags.setPlaceholderText(self.tr("Of llama-server, e.g. --flash-attn on"))
        self.verdict = Pill()
        self.details = Label(tone="dim")
        self.details.setWordWrap(True)
        self.buttons = QDialogButtonBox()
        self.load_button = self.buttons.addButton(self.tr("Load"), QDialogButtonBox.ButtonRole.AcceptRole)
        self.load_button.setProperty("kind", "primary")
        self.buttons.addButton(QDialogButtonBox.StandardButton.Cancel)
        self.command_button = self.buttons.addButton(self.tr("Copy as command"), QDialogButtonBox.ButtonRole.ResetRole)
        self._lay_out()
        self.context.currentIndexChanged.connect(self._ask)
        self.flags.textChanged.connect(self._check_flags)
        self.command_button.clicked.connect(self._copy)
        self.buttons.accepted.connect(self._accept)
        self.buttons.rejected.connect(self.reject)
        fit.answered.connect(self.show_estimate)
        configured.answered.connect(self.show_options)
        self.finished.connect(fit.cancel)
        self.finished.connect(configured.cancel)
        configured.ask(model.reference)
        self._ask()

    @property
    def options(self) -> LoadOptions:
        """What is chosen now."""
        words = []
        for flag, field in ((_LAYERS, self.layers), (_THREADS, self.threads)):
            if field.text().strip():
                words += [flag, field.text().strip()]
        flags = f"{shlex.join(words)} {self.flags.text()}".strip()
        return LoadOptions(self.context.currentData(), self.keep_alive.currentData(), flags)

    def show_options(self, options: LoadOptions | None) -> None:
        """What was set before, unless something was chosen meanwhile."""
        if options is None or self.options != LoadOptions():
            return
        size, keep = options.context_size, options.keep_alive
        if size is not None and self.context.findData(size) < 0:
            self.context.addItem(self._tokens(size), size)
        if self.keep_alive.findData(keep) < 0:
            self.keep_alive.addItem(self.tr("After {time}").format(time=keep), keep)
        words = shlex.split(options.flags)
        for flag, field in ((_LAYERS, self.layers), (_THREADS, self.threads)):
            if flag in words[:-1] and words[words.index(flag) + 1].isdigit():
                at = words.index(flag)
                field.setText(words[at + 1])
                del words[at : at + 2]
        self.flags.setText(shlex.join(words))
        self.keep_alive.setCurrentIndex(self.keep_alive.findData(keep))
        self.context.setCurrentIndex(self.context.findData(size))

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
                    count=format_number(estimate.max_context)
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

    def _check_flags(self) -> None:
        try:
            shlex.split(self.flags.text())
        except ValueError:
            self.load_button.setEnabled(False)
        else:
            self.load_button.setEnabled(True)

    def _accept(self) -> None:
        self.chosen.emit(self.options)
        self.accept()

    def _copy(self) -> None:
        command = terminal.configure_command(self._model, self.options)
        self.copied.emit(command, command)

    def _tokens(self, count: int) -> str:
        return self.tr("{count} tokens").format(count=format_number(count))

    def _number(self, name: str, otherwise: str, most: int) -> QLineEdit:
        field = QLineEdit()
        field.setAccessibleName(name)
        field.setPlaceholderText(otherwise)
        field.setValidator(QIntValidator(0, most, field))
        return field

    def _lay_out(self) -> None:
        form = QFormLayout()
        form.setHorizontalSpacing(16)
        form.setVerticalSpacing(10)
        form.setLabelAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        for field in (self.context, self.keep_alive, self.layers, self.threads, self.flags):
            label = Label(field.accessibleName())
            label.setMinimumHeight(field.sizeHint().height())
            form.addRow(label, field)
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 18, 20, 16)
        column.setSpacing(14)
        column.addWidget(Label(self._model.name, size=1.2, bold=True))
        column.addLayout(form)
        estimate = QHBoxLayout()
        estimate.setSpacing(10)
        estimate.addWidget(self.verdict, 0, Qt.AlignmentFlag.AlignTop)
        estimate.addWidget(self.details, 1)
        column.addLayout(estimate)
        column.addWidget(self.buttons)
        self.setMinimumWidth(room_for(520, self))
