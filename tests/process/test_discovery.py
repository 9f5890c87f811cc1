"""Starting the service: from both sides of a race, and when it will not come up. Real processes."""

import contextlib
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from dmr_desktop.client.discovery import is_reachable, start_service, wait_until_gone
from dmr_desktop.client.endpoint import UnixEndpoint
from dmr_desktop.protocol.errors import ServiceUnreachable
from dmr_desktop.settings import Settings

# Takes the lock or ends with code 0, then answers /version: what discovery knows of the service.
STAND_IN = """
    import fcntl, http.server, os, socketserver, sys
    lock, path, pids, winners = sys.argv[1:5]
    with open(pids, "a") as file:
        file.write(f"{os.getpid()}\\n")
    held = open(lock, "a")
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        sys.exit(0)
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            body = b'{"version": "1"}'
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        def address_string(self):
            return ""
        def log_message(self, *arguments):
            pass
    class Server(socketserver.ThreadingUnixStreamServer):
        daemon_threads = True
    with open(winners, "a") as file:
        file.write("won\\n")
    Server(path, Handler).serve_forever()
"""

HOLDER = (
    "import fcntl, sys; f = open(sys.argv[1], 'a'); fcntl.flock(f, fcntl.LOCK_EX); print(flush=True); sys.stdin.read()"
)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(tmp_path / "models", tmp_path / "dmr.sock", tmp_path / "state", tmp_path / "config")


@pytest.fixture
def stand_in(tmp_path: Path, settings: Settings) -> Iterator[Callable[[], list[str]]]:
    pids = tmp_path / "pids"
    arguments = [str(tmp_path / "lock"), str(settings.socket_path), str(pids), str(tmp_path / "winners")]
    yield lambda: [sys.executable, "-c", textwrap.dedent(STAND_IN), *arguments]
    for line in pids.read_text().splitlines() if pids.exists() else []:
        with contextlib.suppress(ProcessLookupError, ChildProcessError):  # a loser that was already reaped
            os.kill(int(line), signal.SIGKILL)
            os.waitpid(int(line), 0)


@pytest.mark.filterwarnings("ignore:subprocess .* is still running:ResourceWarning")
def test_many_starters_find_one_service(settings: Settings, stand_in: Callable[[], list[str]], tmp_path: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda _: start_service(settings, command=stand_in()), range(4)))
    assert any(results)
    assert (tmp_path / "winners").read_text() == "won\n"
    assert is_reachable(UnixEndpoint(settings.socket_path))
    assert start_service(settings, command=["/bin/false"]) is False


@pytest.mark.filterwarnings("ignore:subprocess .* is still running:ResourceWarning")
def test_one_on_its_way_out_is_followed_by_a_new_one(
    settings: Settings, stand_in: Callable[[], list[str]], tmp_path: Path
) -> None:
    """The lock is still held, nobody answers any more, and then the holder ends."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path / "lock")], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        with ThreadPoolExecutor(1) as pool:
            started = pool.submit(start_service, settings, command=stand_in())
            while not (settings.log_dir / "service.out").exists():
                assert not started.done()
            holder.communicate()
            assert started.result(30) is True
    assert is_reachable(UnixEndpoint(settings.socket_path))


def test_one_that_fails_is_reported_at_once_with_its_words(settings: Settings) -> None:
    command = [sys.executable, "-c", "import sys; sys.exit('the store is not usable')"]
    with pytest.raises(ServiceUnreachable, match="ended at once") as caught:
        start_service(settings, command=command, seconds=600)
    assert caught.value.evidence == "the store is not usable"
    assert "service.out" in caught.value.hint


def test_a_command_that_cannot_run(settings: Settings) -> None:
    with pytest.raises(ServiceUnreachable, match="could not be started"):
        start_service(settings, command=["/nonexistent/program"])


def test_what_is_not_there_is_gone(tmp_path: Path) -> None:
    assert wait_until_gone(UnixEndpoint(tmp_path / "none.sock"), seconds=1)
