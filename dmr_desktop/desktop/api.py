"""The service's management calls, one method each.

Results that matter arrive as events on ``/events``; a call only tells that it ended and, if it failed,
why. Owns no state.
"""

import json
from collections.abc import Callable
from urllib.parse import quote

from PySide6.QtCore import QObject, Signal
from PySide6.QtNetwork import QNetworkReply

from dmr_desktop.desktop.load_options import LoadOptions
from dmr_desktop.desktop.names import familiar
from dmr_desktop.desktop.problems import Problem, problem_from_reply
from dmr_desktop.desktop.transport import Transport, status_of
from dmr_desktop.protocol.json_types import JSON


class Call(QObject):
    """One command under way; deletes itself after it ended. Signals: ``ended(ok: bool)`` once.

    ``answer`` is the JSON that came with its success, until then None.
    """

    ended = Signal(bool)
    answer: object = None


class ServiceApi(QObject):
    """Typed calls. Every failure is also signalled as ``failed(Problem)``."""

    failed = Signal(object)

    def __init__(self, transport: Transport, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._transport = transport

    def set_tcp(self, enabled: bool, port: int | None = None) -> Call:
        """Opens or closes the TCP door; ``port`` None keeps the port."""
        body: dict[str, JSON] = {"enabled": enabled}
        if port is not None:
            body["port"] = port
        on, off = self.tr("TCP host access stays off"), self.tr("TCP host access stays on")
        return self._call(on if enabled else off, "PUT", "/settings/tcp", body, about="tcp")

    def set_origins(self, enabled: bool, origins: tuple[str, ...]) -> Call:
        """Which web pages may use the TCP door, which stays as it is (``enabled``)."""
        title = self.tr("Could not change which web pages may use the models")
        return self._call(
            title, "PUT", "/settings/tcp", {"enabled": enabled, "origins": list(origins)}, about="origins"
        )

    def set_network(self, enabled: bool, is_new_key: bool) -> Call:
        """Opens or closes the local network's side of the open TCP door; ``answer["api_key"]`` is a new key."""
        on, off = self.tr("The local network stays out"), self.tr("The local network stays in")
        body: dict[str, JSON] = {"enabled": True, "network": enabled, "new_key": is_new_key}
        return self._call(on if enabled else off, "PUT", "/settings/tcp", body, about="network")

    def set_containers(self, enabled: bool) -> Call:
        """Opens or closes the door for containers."""
        on, off = self.tr("Container access stays off"), self.tr("Container access stays on")
        return self._call(on if enabled else off, "PUT", "/settings/containers", {"enabled": enabled})

    def load(self, reference: str, *, is_embedding: bool) -> Call:
        """Loads a model without asking it anything; ends when it is ready."""
        title = self.tr("Could not load {model}").format(model=familiar(reference))
        headers = {"X-Preload-Only": "true"}
        if is_embedding:
            return self._call(title, "POST", "/engines/v1/embeddings", {"model": reference, "input": []}, headers)
        return self._call(title, "POST", "/engines/v1/chat/completions", {"model": reference, "messages": []}, headers)

    def configure(self, reference: str, options: LoadOptions, *, is_embedding: bool) -> Call:
        """How the model is loaded from now on, by whomever. Not while it answers somebody."""
        title = self.tr("Could not change how {model} is loaded").format(model=familiar(reference))
        body = options.as_body(reference, is_embedding=is_embedding)
        return self._call(title, "POST", "/engines/_configure", body, about="configure")

    def unload(self, reference: str, backend: str = "") -> Call:
        """Stops a model's idle runners. None stopped (it is answering somebody) counts as a failure."""
        title = self.tr("Could not unload {model}").format(model=familiar(reference))
        body: dict[str, JSON] = {"all": False, "backend": backend, "models": [reference]}
        return self._call(title, "POST", "/engines/unload", body, check=self._none_unloaded)

    def delete(self, reference: str) -> Call:
        """Removes a tag, and the model with its last tag."""
        title = self.tr("Could not delete {model}").format(model=familiar(reference))
        return self._call(title, "DELETE", f"/models/{quote(reference, safe='/:@')}")

    def stop_service(self) -> Call:
        return self._call(self.tr("Could not stop the service"), "POST", "/service/stop")

    def _none_unloaded(self, title: str, answer: object) -> Problem | None:
        if isinstance(answer, dict) and answer.get("unloaded_runners") == 0:
            message = self.tr("The model is answering a request.")
            return Problem(title, message, self.tr("Wait until it is idle, then unload it."), 409)
        return None

    def _call(
        self,
        title: str,
        method: str,
        path: str,
        body: JSON = None,
        headers: dict[str, str] | None = None,
        check: Callable[[str, object], Problem | None] | None = None,
        about: str = "",
    ) -> Call:
        reply = self._transport.send(method, path, body, headers)
        call = Call(self)
        reply.finished.connect(lambda: self._finish(call, reply, title, check, about))
        return call

    def _finish(
        self,
        call: Call,
        reply: QNetworkReply,
        title: str,
        check: Callable[[str, object], Problem | None] | None,
        about: str,
    ) -> None:
        status, body = status_of(reply), bytes(reply.readAll().data())
        if 200 <= status < 300 and reply.error() is QNetworkReply.NetworkError.NoError:
            call.answer = _parsed(body)
            problem = check(title, call.answer) if check else None
        else:
            problem = problem_from_reply(title, status, body, reply.errorString(), about)
        if problem is not None:
            self.failed.emit(problem)
        call.ended.emit(problem is None)
        reply.deleteLater()
        call.deleteLater()


def _parsed(body: bytes) -> object:
    try:
        return json.loads(body) if body else None
    except ValueError:
        return None
