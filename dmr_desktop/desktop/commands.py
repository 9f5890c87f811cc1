"""What a user can ask for, once for the tray and the panel.

Turns wishes into calls and problems into one signal. Reads the state to fill in a call, never writes it.
"""

import sys

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QGuiApplication

from dmr_desktop.desktop.api import Call, ServiceApi
from dmr_desktop.desktop.deletions import Deletions
from dmr_desktop.desktop.link import ServiceLink
from dmr_desktop.desktop.load_options import LoadOptions
from dmr_desktop.desktop.names import familiar, printable
from dmr_desktop.desktop.problems import Problem
from dmr_desktop.desktop.pulls import Pulls
from dmr_desktop.desktop.state import DesktopState, ModelEntry
from dmr_desktop.desktop.wording import missing_gpus_hint, missing_gpus_sentence


class Commands(QObject):
    """The verbs.

    Signals: ``problem(Problem)``, ``said(str)`` for good news, ``panel_wanted(page)``, ``quit_wanted(stop_service)``.
    """

    problem = Signal(object)
    said = Signal(str)
    panel_wanted = Signal(str)
    quit_wanted = Signal(bool)

    def __init__(self, link: ServiceLink, api: ServiceApi, pulls: Pulls, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._link = link
        self._api = api
        self.pulls = pulls
        self.deletions = Deletions(self)
        self.deletions.due.connect(self.delete)
        api.failed.connect(self.problem)
        pulls.failed.connect(self.problem)
        pulls.finished.connect(self._on_pulled)
        self._was_connected = False
        self._missing_gpus: tuple[str, ...] = ()
        link.changed.connect(self._on_link)

    @property
    def state(self) -> DesktopState:
        return self._link.state

    def open_panel(self, page: str = "") -> None:
        self.panel_wanted.emit(page)

    def start_service(self) -> None:
        self._link.start_service()

    def set_tcp(self, enabled: bool, port: int | None = None) -> Call:
        return self._api.set_tcp(enabled, port)

    def set_origins(self, origins: tuple[str, ...]) -> Call:
        tcp = self.state.tcp
        return self._api.set_origins(tcp is not None and tcp.enabled, origins)

    def set_network(self, enabled: bool, is_new_key: bool) -> Call:
        """Lets the local network in, or not; the answer of the call tells a new key."""
        return self._api.set_network(enabled, is_new_key)

    def set_containers(self, enabled: bool) -> Call:
        return self._api.set_containers(enabled)

    def copy(self, text: str, what: str) -> None:
        """Puts ``text`` on the clipboard and says that ``what`` was copied."""
        QGuiApplication.clipboard().setText(text)
        self.said.emit(self.tr("{what} copied").format(what=what))

    def copy_base_url(self) -> None:
        url = self.state.base_url
        if url is not None:
            self.copy(url, url)

    def load(self, model: ModelEntry) -> Call:
        return self._api.load(model.reference, is_embedding=model.is_encoder)

    def load_with(self, model: ModelEntry, options: LoadOptions) -> Call:
        """Configures the model, then loads it."""
        call = self._api.configure(model.reference, options, is_embedding=model.is_encoder)
        call.ended.connect(lambda ok: self.load(model) if ok else None)
        return call

    def unload(self, reference: str) -> Call:
        return self._api.unload(reference)

    def delete(self, model: ModelEntry) -> Call:
        """Removes the model, unloaded first if it is loaded; one that has other names stays, and stays loaded."""
        if len(model.tags) > 1 or all(runner.model_id != model.id for runner in self.state.loaded):
            return self._api.delete(model.reference)
        call = self._api.unload(model.reference)
        call.ended.connect(lambda ok: self._api.delete(model.reference) if ok else None)
        return call

    def pull(self, reference: str) -> None:
        self.pulls.start(reference.strip())

    def quit_desktop(self) -> None:
        self.quit_wanted.emit(False)

    def quit_everything(self) -> None:
        self.quit_wanted.emit(True)

    def stop_service(self) -> Call:
        return self._api.stop_service()

    def _on_link(self, state: DesktopState) -> None:
        """A service that is back goes on with what its end has cut."""
        if state.is_connected and not self._was_connected:
            self.pulls.resume_cut()
        self._was_connected = state.is_connected
        self._tell_gpus(state)

    def _tell_gpus(self, state: DesktopState) -> None:
        """Once when a card is gone, once when all are back."""
        before, self._missing_gpus = self._missing_gpus, state.missing_gpus
        if self._missing_gpus and self._missing_gpus != before:
            hint = missing_gpus_hint(self._missing_gpus, sys.platform)
            title = self.tr("A graphics card is gone")
            self.problem.emit(Problem(title, missing_gpus_sentence(self._missing_gpus), hint))
        elif before and not self._missing_gpus and state.is_connected:
            self.said.emit(self.tr("{name} is back").format(name=printable(", ".join(before))))

    def _on_pulled(self, reference: str) -> None:
        self.said.emit(self.tr("{model} is ready to use").format(model=familiar(reference)))
