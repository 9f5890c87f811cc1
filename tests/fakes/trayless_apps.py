"""The real program on X displays without any tray, once in every look and scale, hidden."""

import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from tests.fakes.desktop_program import LOOKS, choose_look, own_environ, program, x_display
from tests.fakes.fake_service import FakeService
from tests.fakes.own_folder import own_folder


@dataclass(frozen=True)
class TraylessApp:
    """With a display, a home and a service of its own."""

    look: str
    scale: int
    display: str
    environ: dict[str, str]
    service: FakeService
    process: "subprocess.Popen[str]"


@contextmanager
def trayless_apps() -> Iterator[tuple[TraylessApp, ...]]:
    """Started together: each waits half a minute for a tray that might still come up."""
    with ExitStack() as stack:
        yield tuple(_started(stack, look, scale) for look in LOOKS for scale in (1, 2))


def _started(stack: ExitStack, look: str, scale: int) -> TraylessApp:
    home = stack.enter_context(own_folder())
    service = FakeService(home / "dmr.sock").start()
    stack.callback(service.crash)
    display = stack.enter_context(x_display())
    choose_look(home, look)
    environ = own_environ(home, service.socket_path) | {"DISPLAY": display, "QT_SCALE_FACTOR": str(scale)}
    process = stack.enter_context(program("--hidden", environ=environ))
    return TraylessApp(look, scale, display, environ, service, process)
