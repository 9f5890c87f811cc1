"""A real n8n in a folder of its own: its command line, and its server."""

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.fixtures_service import free_port

START_SECONDS = 120.0
RUN_SECONDS = 200.0
STOP_SECONDS = 30.0


def find_n8n() -> Path | None:
    """``DMR_TEST_N8N`` names the program or the folder that npm installed it into; else the PATH is searched."""
    given = os.environ.get("DMR_TEST_N8N")
    if given is None:
        found = shutil.which("n8n")
        return Path(found) if found else None
    path = Path(given)
    return path / "node_modules" / ".bin" / "n8n" if path.is_dir() else path


class N8nFailed(AssertionError):
    """n8n did not do what it was told; the message is what it printed."""


@dataclass(frozen=True)
class Execution:
    """What ``n8n execute`` says of one run of a workflow."""

    status: str
    error: str
    """The message and its description, as a person sees them; "" if it went well."""
    runs: dict[str, list[Any]]

    def outputs(self, node: str, kind: str = "main") -> list[Any]:
        """The JSON items that a node gave, over all its runs."""
        return [
            item["json"]
            for run in self.runs[node]
            for branch in run.get("data", {}).get(kind, [])
            for item in branch or []
        ]


class N8n:
    """``home`` gets everything that n8n writes. ``settings`` are variables of its environment."""

    def __init__(self, program: Path, home: Path, settings: Mapping[str, str] | None = None) -> None:
        self._program = program
        self._home = home
        self._environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "N8N_USER_FOLDER": str(home),
            "N8N_LISTEN_ADDRESS": "127.0.0.1",
            "N8N_RUNNERS_BROKER_PORT": str(free_port()),
            # Code runs in a process that each command starts anew; on a busy machine that took over n8n's 60 seconds.
            "N8N_RUNNERS_TASK_REQUEST_TIMEOUT": str(int(RUN_SECONDS)),
            "N8N_SECURE_COOKIE": "false",
            "N8N_DIAGNOSTICS_ENABLED": "false",
            "N8N_VERSION_NOTIFICATIONS_ENABLED": "false",
            "N8N_TEMPLATES_ENABLED": "false",
            "N8N_PERSONALIZATION_ENABLED": "false",
            "N8N_LICENSE_AUTO_RENEW_ENABLED": "false",
            "EXTERNAL_FRONTEND_HOOKS_URLS": "",
            **(settings or {}),
        }

    def run(self, *arguments: str) -> str:
        """What it printed. It tells by its output, not its exit code, whether it worked."""
        done = subprocess.run(
            [self._program, *arguments],
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=RUN_SECONDS,
            check=False,
        )
        return done.stdout.decode(errors="replace")

    def import_credentials(self, credentials: Sequence[dict[str, Any]]) -> None:
        self._import("credentials", self._home / "credentials.json", list(credentials))

    def import_workflows(self, workflows: Sequence[dict[str, Any]]) -> None:
        self._import("workflow", self._home / "workflows.json", list(workflows))

    def _import(self, kind: str, file: Path, content: list[dict[str, Any]]) -> None:
        file.write_text(json.dumps(content))
        output = self.run(f"import:{kind}", f"--input={file}")
        if f"Successfully imported {len(content)} " not in output:
            raise N8nFailed(output)

    def publish(self, workflow_id: str) -> None:
        output = self.run("publish:workflow", f"--id={workflow_id}")
        if "GOT ERROR" in output:
            raise N8nFailed(output)

    def execute(self, workflow_id: str) -> Execution:
        output = self.run("execute", f"--id={workflow_id}", "--rawOutput")
        begin = output.find("{\n")
        if begin < 0:
            raise N8nFailed(output)
        found, _ = json.JSONDecoder().raw_decode(output[begin:])
        result = found["data"]["resultData"]
        error = result.get("error") or {}
        said = [str(error[name]) for name in ("message", "description") if error.get(name)]
        return Execution(found["status"], "\n".join(said), result["runData"])

    @contextmanager
    def serving(self) -> Iterator[httpx.Client]:
        """A client of the running server. Published workflows become active soon after: see :func:`chat`."""
        port = free_port()
        with (
            self._running("server", ["start"], ["Editor is now accessible"], N8N_PORT=str(port)),
            httpx.Client(
                base_url=f"http://127.0.0.1:{port}", headers={"browser-id": "tests"}, timeout=RUN_SECONDS
            ) as client,
        ):
            yield client

    @contextmanager
    def working(self) -> Iterator[Path]:
        """The log of a running worker of queue mode."""
        ports = {"QUEUE_HEALTH_CHECK_PORT": str(free_port()), "N8N_RUNNERS_BROKER_PORT": str(free_port())}
        with self._running("worker", ["worker", "--concurrency=2"], ["n8n worker is now ready"], **ports) as log:
            yield log

    @contextmanager
    def _running(self, name: str, arguments: list[str], ready: list[str], **settings: str) -> Iterator[Path]:
        log = self._home / f"{name}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [self._program, *arguments],
                env={**self._environment, **settings},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        try:
            deadline = time.monotonic() + START_SECONDS
            while not all(word in log.read_text(errors="replace") for word in ready):
                if process.poll() is not None or time.monotonic() > deadline:
                    raise N8nFailed(log.read_text(errors="replace"))
                time.sleep(0.2)
            yield log
        finally:
            _stop(process)


def chat(server: httpx.Client, webhook: str, text: str, session: str = "s") -> httpx.Response:
    """One message to a published chat, which may be about to become active."""
    body = {"action": "sendMessage", "sessionId": session, "chatInput": text}
    deadline = time.monotonic() + START_SECONDS
    while True:
        answer = server.post(f"/webhook/{webhook}/chat", json=body)
        if answer.status_code != 404 or time.monotonic() > deadline:
            assert answer.is_success, answer.text
            return answer
        time.sleep(0.5)


def _stop(process: "subprocess.Popen[bytes]") -> None:
    """Its task runners are in its process group, which is ours to end."""
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
