"""The stored models in a combo box, following the state without losing the choice."""

from PySide6.QtCore import Qt

from dmr_desktop.desktop.panel.widgets import ChoiceBox, plain_tool_tip
from dmr_desktop.desktop.sorting import natural
from dmr_desktop.desktop.state import DesktopState


class ModelBox(ChoiceBox):
    """A name that has no room is whole in the box's tool tip and in those of the list.

    A chosen model that is gone, as all are while the service is away, is chosen again when it is back.
    """

    def __init__(self, name: str) -> None:
        super().__init__()
        self.setAccessibleName(name)
        self._wanted = ""
        self.currentTextChanged.connect(self._choose)

    def fill(self, state: DesktopState, otherwise: str = "") -> None:
        """The names of the stored models in order, or ``otherwise`` alone; ``currentIndexChanged`` is not emitted."""
        found = [model.name for model in state.models] or ([otherwise] if otherwise else [])
        names = sorted(found, key=natural)
        if names == [self.itemText(index) for index in range(self.count())]:
            return
        chosen = next((name for name in (self._wanted, self.currentText(), *found) if name in names), "")
        was_blocked = self.blockSignals(True)
        self.clear()
        for index, name in enumerate(names):
            self.addItem(name)
            self.setItemData(index, plain_tool_tip(name), Qt.ItemDataRole.ToolTipRole)
        self.setCurrentIndex(self.findText(chosen))
        self.blockSignals(was_blocked)
        self._show_whole(self.currentText())

    def _choose(self, name: str) -> None:
        self._wanted = name
        self._show_whole(name)

    def _show_whole(self, name: str) -> None:
        self.setToolTip(plain_tool_tip(name) if name else "")
