"""The stored models in a combo box, following the state without losing the choice."""

from PySide6.QtWidgets import QComboBox

from dmr_desktop.desktop.state import DesktopState


def fill_models(box: QComboBox, state: DesktopState, otherwise: str = "") -> None:
    """The names of the stored models, or ``otherwise`` alone; ``currentIndexChanged`` is not emitted."""
    names = [model.name for model in state.models] or ([otherwise] if otherwise else [])
    if names == [box.itemText(index) for index in range(box.count())]:
        return
    chosen = box.currentText()
    was_blocked = box.blockSignals(True)
    box.clear()
    box.addItems(names)
    box.setCurrentIndex(max(0, box.findText(chosen)))
    box.blockSignals(was_blocked)
