"""``serve`` as a process: how it starts, refuses to start, and ends."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.own_folder import own_folder
from tests.fixtures_live import LiveService, start_live_service, stop_live_service
from tests.fixtures_service import free_port

pytestmark = pytest.mark.slow


@pytest.fixture
def directory() -> Iterator[Path]:
    with own_folder("dmr-serve-") as found:
        yield found


def serve(service: LiveService, *arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    """A second ``serve`` in the environment of the first; it must end by itself."""
    return subprocess.run(
        [sys.executable, "-m", "dmr_desktop", "serve", *arguments],
        env=service.environment | variables,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_one_service_a_user_and_an_orderly_end(directory: Path) -> None:
    service = start_live_service(directory)
    with service.http() as http:
        assert http.get("/").text == "Docker Model Runner is running"
    again = serve(service)
    assert (again.returncode, f"process {service.process.pid}" in again.stdout) == (0, True)
    elsewhere = serve(service, "--socket", str(directory / "other.sock"))
    assert (elsewhere.returncode, "already running" in elsewhere.stdout) == (1, True)
    assert stop_live_service(service) == 0
    assert not service.socket_path.exists()
    assert "stopping" in (directory / "state" / "logs" / "inference.log").read_text()


@pytest.mark.skipif(sys.platform == "win32", reason="no such limit")
def test_connections_do_not_use_up_the_files_that_may_be_open(directory: Path) -> None:
    """macOS lets a program begin with 256."""
    import resource

    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, before[1]))
    port = free_port()
    try:
        service = start_live_service(directory, "--tcp", str(port))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    crowd = [socket.create_connection(("127.0.0.1", port)) for _ in range(300)]
    with service.http() as http:
        assert http.get("/models").status_code == 200
    for connection in crowd:
        connection.close()
    assert stop_live_service(service) == 0


def test_a_killed_service_is_replaced_without_ado(directory: Path) -> None:
    service = start_live_service(directory)
    service.process.kill()
    service.process.wait()
    assert service.socket_path.exists()
    service = start_live_service(directory)
    assert stop_live_service(service) == 0


def test_a_second_service_on_one_store_names_the_first(directory: Path) -> None:
    service = start_live_service(directory)
    second = directory / "second"
    second.mkdir()
    elsewhere = {
        "HOME": str(second),
        "DMR_STATE_DIR": str(second / "state"),
        "MODEL_RUNNER_SOCK": str(second / "dmr.sock"),
        "DMR_CONFIG_DIR": str(second / "config"),
    }
    refused = serve(service, **elsewhere)
    assert refused.returncode == 1
    (line,) = refused.stderr.splitlines()
    assert f"process {service.process.pid}" in line
    assert f"MODEL_RUNNER_HOST=unix://{service.socket_path} dmr stop" in line
    assert not (second / "dmr.sock").exists()
    with service.http() as http:
        assert http.get("/models").status_code == 200
    # Whatever way the first one goes, the store is free then.
    service.process.kill()
    service.process.wait()
    after = start_live_service(second, "--models-path", service.environment["MODELS_PATH"])
    assert stop_live_service(after) == 0


def test_stop_by_request(directory: Path) -> None:
    service = start_live_service(directory)
    with service.http() as http:
        assert http.post("/service/stop").status_code == 202
    assert service.process.wait(15) == 0


def test_interrupt_ends_it_too(directory: Path) -> None:
    service = start_live_service(directory)
    service.process.send_signal(signal.SIGINT)
    assert service.process.wait(15) == 0


def test_tcp_by_flag_is_for_this_time_only(directory: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    service = start_live_service(directory, "--tcp", str(port))
    with service.http() as http:
        assert http.get("/settings").json()["tcp"]["listening"] is True
    assert stop_live_service(service) == 0
    service = start_live_service(directory)
    with service.http() as http:
        assert http.get("/settings").json()["tcp"]["enabled"] is False
    assert stop_live_service(service) == 0


@pytest.mark.parametrize(
    ("arguments", "variables", "code", "says"),
    [
        (("--tcp", "x"), {}, 2, "--tcp"),
        (("--tcp", "99999"), {}, 1, "99999"),
        (("--tcp", "1", "--no-tcp"), {}, 2, "not allowed with"),
        ((), {"MODEL_RUNNER_PORT": "many"}, 1, "MODEL_RUNNER_PORT"),
        ((), {"MODEL_RUNNER_SOCK": "/" + "x" * 120}, 1, "too long"),
        ((), {"LOG_LEVEL": "loud"}, 1, "log_level"),
    ],
)
def test_bad_settings_are_one_clear_line(
    directory: Path, arguments: tuple[str, ...], variables: dict[str, str], code: int, says: str
) -> None:
    result = _try(directory, *arguments, **variables)
    assert result.returncode == code
    assert says in result.stderr.splitlines()[-1]
    assert "Traceback" not in result.stderr


def test_a_port_in_use_by_flag_stops_the_start_and_is_named(directory: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        result = _try(directory, "--tcp", str(port))
    assert result.returncode == 1
    assert f"port {port} is in use by" in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_a_store_that_is_somebody_elses_folder(directory: Path) -> None:
    (directory / "models").mkdir()
    (directory / "models" / "diary.txt").write_text("dear diary")
    result = _try(directory)
    assert result.returncode == 1
    assert len(result.stderr.splitlines()) == 1
    assert os.listdir(directory / "models") == ["diary.txt"]


def test_a_state_directory_that_cannot_be(directory: Path) -> None:
    (directory / "state").write_text("a file")
    result = _try(directory)
    assert (result.returncode, "state directory" in result.stderr) == (1, True)


def _try(directory: Path, *arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(directory),
        "MODELS_PATH": str(directory / "models"),
        "MODEL_RUNNER_SOCK": str(directory / "dmr.sock"),
        "DMR_STATE_DIR": str(directory / "state"),
        "DMR_CONFIG_DIR": str(directory / "config"),
        **variables,
    }
    return subprocess.run(
        [sys.executable, "-m", "dmr_desktop", "serve", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
