"""The ``serve`` role: from a command line to a running service, and to its orderly end.

Exit codes: 0 ended as asked, or a service with this socket was running already · 1 could not start · 2 wrong usage.
"""

import argparse
import asyncio
import contextlib
import gc
import logging
import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from dmr_desktop import __version__
from dmr_desktop.backends import built_in
from dmr_desktop.protocol.errors import DMRError
from dmr_desktop.protocol.notices import TcpStatus
from dmr_desktop.service.app import Service
from dmr_desktop.service.lock import LockHeld, ProcessLock
from dmr_desktop.service.logs import Logs
from dmr_desktop.service.open_files import allow_many
from dmr_desktop.settings import Settings, SettingsError, load_settings

log = logging.getLogger(__name__)


def main(argv: Sequence[str]) -> int:
    options = _parse(argv)
    try:
        settings = load_settings(
            tcp_port=options.tcp,
            models_path=options.models_path,
            socket_path=options.socket,
            state_dir=options.state_dir,
            log_level=options.log_level,
        )
    except SettingsError as error:
        return _fail(str(error))
    lock = ProcessLock(settings.state_dir / "service.lock")
    try:
        settings.state_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock.take(f"process {os.getpid()}, {settings.socket_path}")
    except LockHeld as held:
        _say(f"the service is already running{f' ({held.holder})' if held.holder else ''}")
        return 0 if held.holder.endswith(f", {settings.socket_path}") else 1
    except OSError as error:
        return _fail(f"the state directory {settings.state_dir} cannot be used: {error.strerror}")
    try:
        return _serve(settings, options)
    finally:
        lock.release()


def _parse(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="dmr serve", description="Run the service in this terminal.")
    door = parser.add_mutually_exclusive_group()
    door.add_argument("--tcp", type=int, metavar="PORT", help="also listen on this TCP port of localhost")
    door.add_argument("--no-tcp", action="store_true", help="do not listen on TCP this time")
    parser.add_argument("--models-path", metavar="DIR", help="where models are stored")
    parser.add_argument("--socket", metavar="PATH", help="the Unix socket to listen on")
    parser.add_argument("--state-dir", metavar="DIR", help="where logs and the service's state are kept")
    parser.add_argument("--log-level", choices=("debug", "info", "warning", "error"))
    return parser.parse_args(argv)


def _serve(settings: Settings, options: argparse.Namespace) -> int:
    logs = Logs(settings.log_dir)
    try:
        logs.open(settings.log_level, to_stderr=sys.stderr is not None and sys.stderr.isatty())
    except OSError as error:
        return _fail(f"the log directory {settings.log_dir} cannot be used: {error.strerror}")
    allow_many()
    try:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            return runner.run(_run(settings, options, logs))
    except DMRError as error:
        log.error("the service could not start: %s", error.message)
        return _fail(f"{error.message}{f' ({error.hint})' if error.hint else ''}")
    finally:
        logs.close()


async def _run(settings: Settings, options: argparse.Namespace, logs: Logs) -> int:
    """Raises DMRError if the service cannot start."""
    service = Service(settings, built_in(settings.state_dir), logs)
    _stop_on_signals(service.stopping)
    try:
        await service.start(opens_tcp=options.tcp is None and not options.no_tcp)
        if options.tcp is not None or options.no_tcp:
            await service.tcp.set(not options.no_tcp, options.tcp, remember=False)
        log.info("dmr-desktop %s serves %s, models in %s", __version__, settings.socket_path, settings.models_path)
        _say(
            greeting(settings.socket_path, service.tcp.status, for_eyes=sys.stdout is not None and sys.stdout.isatty())
        )
        # What exists now lives as long as the service: spare the collector looking at it again and again.
        gc.collect()
        gc.freeze()
        await service.stopping.wait()
        log.info("stopping")
    finally:
        await service.close()
    return 0


def greeting(socket_path: Path, tcp: TcpStatus, *, for_eyes: bool) -> str:
    """Where the service is; a person in front of it learns how to go on, too."""
    text = f"serving {socket_path}{f' and http://localhost:{tcp.port}' if tcp.listening else ''}"
    if not for_eyes:
        return text
    if not tcp.listening:
        text += f"\nTCP is off: `dmr enable --tcp` opens http://localhost:{tcp.port} to programs on this machine."
    return f"{text}\nCtrl-C stops the service."


def _stop_on_signals(stopping: asyncio.Event) -> None:
    """The first signal ends the service in order, a second one at once."""
    loop = asyncio.get_running_loop()

    def stop(number: int) -> None:
        if stopping.is_set():
            os._exit(128 + number)
        stopping.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        try:
            loop.add_signal_handler(number, stop, number)
        except NotImplementedError:  # Windows
            signal.signal(number, lambda received, _: loop.call_soon_threadsafe(stop, received))


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    try:
        import uvloop
    except ImportError:  # there is none for Windows
        return asyncio.new_event_loop
    return uvloop.new_event_loop


def _say(text: str) -> None:
    with contextlib.suppress(OSError):
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()


def _fail(text: str) -> int:
    with contextlib.suppress(OSError):
        sys.stderr.write(f"dmr serve: {text}\n")
    return 1
