"""The real program on X displays without any tray, once in every look and scale, hidden."""

import subprocess
from contextlib import ExitStack
from dataclasses import dataclass

from tests.fakes.desktop_program import LOOKS, choose_look, own_environ, program, x_display
from tests.fakes.fake_service import FakeService
from tests.fakes.own_folder import own_folder


@dataclass(frozen=True)
class App:
    """With a display, a home and a service of its own."""

    look: str
    scale: int
    display: str
    environ: dict[str, str]
    service: FakeService
    process: "subprocess.Popen[str]"


class TraylessApps:
    """Started together: each waits half a minute for a tray that might still come up."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self.apps: list[App] = []

    def start(self) -> None:
        try:
            self.apps = [self._started(look, scale) for look in LOOKS for scale in (1, 2)]
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Ends all that still runs. May come twice."""
        self._stack.close()

    def _started(self, look: str, scale: int) -> App:
        home = self._stack.enter_context(own_folder())
        service = FakeService(home / "dmr.sock").start()
        self._stack.callback(service.crash)
        display = self._stack.enter_context(x_display())
        choose_look(home, look)
        environ = own_environ(home, service.socket_path) | {"DISPLAY": display, "QT_SCALE_FACTOR": str(scale)}
        process = self._stack.enter_context(program("--hidden", environ=environ))
        return App(look, scale, display, environ, service, process)
