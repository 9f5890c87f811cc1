"""A runner's or the service's sudden death, as its clients see it."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import psutil
import pytest

from dmr_desktop.settings import asset
from tests.fixtures_live import DEMO, LiveService, start_live_service, stop_live_service

pytestmark = pytest.mark.slow

SECOND = "dmr.local/second"


@pytest.fixture
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveService]:
    """One of its own, with a second model: the same weights under another manifest, hence another runner."""
    directory = tmp_path_factory.mktemp("dmr")
    service = start_live_service(directory)
    command = ["package", "--gguf", str(asset("demo/demo.gguf")), "--context-size", "2048", SECOND]
    dmr(service, *command)
    try:
        yield service
    finally:
        stop_live_service(service)


def dmr(service: LiveService, *arguments: str) -> str:
    command = [sys.executable, "-m", "dmr_desktop", *arguments]
    return subprocess.run(command, env=service.environment, check=True, capture_output=True, text=True).stdout


class LongStream(threading.Thread):
    """Reads a long streamed answer; ``lines`` are its data lines, ``ended_at`` the monotonic time of its end."""

    def __init__(self, service: LiveService, model: str, max_tokens: int) -> None:
        super().__init__(daemon=True)
        self.lines: list[str] = []
        self.ended_at = 0.0
        self.problem: Exception | None = None
        self.is_flowing = threading.Event()
        self._service = service
        self._body = {
            "model": model,
            "messages": [{"role": "user", "content": "Count from 1 to 50"}],
            "stream": True,
            "temperature": 0,
            "max_tokens": max_tokens,
            "ignore_eos": True,
        }

    def run(self) -> None:
        try:
            with (
                self._service.http() as http,
                http.stream("POST", "/engines/v1/chat/completions", json=self._body) as response,
            ):
                assert response.status_code == 200, response.read()
                for line in response.iter_lines():
                    if line.startswith("data: "):
                        self.lines.append(line[6:])
                    if len(self.lines) > 3:
                        self.is_flowing.set()
        except Exception as error:
            self.problem = error
        self.ended_at = time.monotonic()
        self.is_flowing.set()


def pid_of(service: LiveService, model: str) -> int:
    """The runner's process: the only one that appears when ``model`` is loaded."""
    before = {child.pid for child in psutil.Process(service.process.pid).children()}
    ask(service, model)
    after = {child.pid for child in psutil.Process(service.process.pid).children()}
    (pid,) = after - before
    return pid


def ask(service: LiveService, model: str) -> dict[str, Any]:
    body = {"model": model, "messages": [{"role": "user", "content": "Hello"}], "max_tokens": 8}
    with service.http() as http:
        response = http.post("/engines/v1/chat/completions", json=body)
    answer: dict[str, Any] = response.json()
    assert response.status_code == 200, answer
    return answer


def test_a_segfault_in_mid_stream_ends_that_stream_with_an_error_and_nothing_else(service: LiveService) -> None:
    victim = pid_of(service, DEMO)
    pid_of(service, SECOND)
    doomed = LongStream(service, DEMO, 3500)
    other = LongStream(service, SECOND, 1800)
    doomed.start()
    other.start()
    assert doomed.is_flowing.wait(30)
    assert other.is_flowing.wait(30)
    os.kill(victim, signal.SIGSEGV)
    killed_at = time.monotonic()
    doomed.join(30)
    assert doomed.problem is None
    assert doomed.ended_at - killed_at < 2.0
    error = json.loads(next(line for line in doomed.lines if '"error"' in line))["error"]
    assert error["code"] == "runner_crashed"
    assert "SIGSEGV" in error["message"]
    assert doomed.lines[-1] != "[DONE]" or '"error"' in doomed.lines[-2]
    other.join(60)
    assert other.problem is None
    assert other.lines[-1] == "[DONE]"
    assert ask(service, DEMO)["choices"][0]["message"]["content"]


def test_killing_the_service_leaves_no_runner(service: LiveService) -> None:
    pids = [pid_of(service, DEMO), pid_of(service, SECOND)]
    stream = LongStream(service, DEMO, 3500)
    stream.start()
    assert stream.is_flowing.wait(30)
    processes = [psutil.Process(pid) for pid in pids]
    service.process.kill()
    service.process.wait()
    _, alive = psutil.wait_procs(processes, timeout=5)
    assert [process.pid for process in alive] == []
    stream.join(10)


def test_a_second_service_says_that_one_is_running(service: LiveService) -> None:
    command = [sys.executable, "-m", "dmr_desktop", "serve"]
    result = subprocess.run(command, env=service.environment, capture_output=True, text=True, timeout=30, check=False)
    assert "already" in result.stdout + result.stderr
    assert service.process.poll() is None
    with service.http() as http:
        assert http.get("/version").status_code == 200


def test_a_service_can_start_where_another_was_killed(service: LiveService) -> None:
    service.process.kill()
    service.process.wait()
    again = start_live_service(service.directory)
    try:
        with again.http() as http:
            tags = [tag for model in http.get("/models").json() for tag in model["tags"]]
        assert any(tag.startswith(SECOND) for tag in tags)
    finally:
        assert stop_live_service(again) == 0


def test_a_stopped_service_takes_its_socket_along(service: LiveService) -> None:
    assert stop_live_service(service) == 0
    assert not service.socket_path.exists()
