import json
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from dmr_desktop.cli.main import main
from tests.fakes.own_folder import own_folder


@pytest.fixture
def private_home(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Of a path short enough for a socket in it."""
    for name in [name for name in os.environ if name.startswith(("DMR_", "MODEL", "XDG_"))]:
        monkeypatch.delenv(name)
    with own_folder() as folder:
        monkeypatch.setenv("HOME", str(folder))
        yield folder


def test_a_failure_is_one_title_one_message_one_hint(private_home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ls"]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    title, hint = captured.err.splitlines()
    assert title.startswith("DMR Desktop is not running: no service answers at unix://")
    assert hint.startswith("→ start it with `dmr serve")


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("MODEL_RUNNER_PORT", "many", "MODEL_RUNNER_PORT: 'many' is not a usable value"),
        ("MODEL_RUNNER_HOST", "ftp://x", "MODEL_RUNNER_HOST='ftp://x' is not an address"),
    ],
)
def test_bad_settings_are_named(
    private_home: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: str,
    value: str,
    words: str,
) -> None:
    monkeypatch.setenv(name, value)
    assert main(["ls"]) == 1
    assert words in capsys.readouterr().err


def test_json_stays_json_when_nothing_runs(private_home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["running"] is False


def test_a_terminal_without_utf_8_gets_plain_letters(private_home: Path) -> None:
    environ = {**os.environ, "PYTHONIOENCODING": "latin-1"}
    command = [sys.executable, "-m", "dmr_desktop", "pull", "caf\u00e9/\u65e5"]
    result = subprocess.run(
        command, env={**environ, "MODEL_RUNNER_HOST": "http://127.0.0.1:1"}, capture_output=True, check=False
    )
    assert b"\n-> the address is that of MODEL_RUNNER_HOST" in result.stderr
    command = [sys.executable, "-m", "dmr_desktop", "show", "../caf\u00e9-\u65e5"]
    result = subprocess.run(command, env=environ, capture_output=True, check=False)
    assert b"'../caf\xe9-\\u65e5' is not a model name" in result.stderr


def test_output_that_cannot_be_written_is_told(private_home: Path, tmp_path: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("there is no /dev/full here")
    command = [sys.executable, "-m", "dmr_desktop", "version"]
    with Path("/dev/full").open("w") as full:
        result = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert result.returncode == 1
    assert result.stderr == "Output lost: standard output cannot be written: No space left on device\n"


def test_a_closed_output_is_nobodys_problem(private_home: Path) -> None:
    command = f"{shlex.quote(sys.executable)} -m dmr_desktop version >&-"
    result = subprocess.run(["sh", "-c", command], stderr=subprocess.PIPE, text=True, check=False)
    assert (result.returncode, result.stderr) == (0, "")


def test_asking_the_service_loads_no_library() -> None:
    """They would take as long as all the rest of ``dmr ls``."""
    code = (
        "import sys, dmr_desktop.client.client\n"
        "heavy = {'httpx', 'click', 'rich', 'pygments', 'asyncio', 'importlib.metadata'} & set(sys.modules)\n"
        "sys.exit(f'loaded {heavy}' if heavy else 0)\n"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr


def test_the_command_line_needs_nothing_that_is_not_pythons(private_home: Path) -> None:
    """``-S``: no installed package can be imported."""
    root = Path(__file__).resolve().parents[3]
    for verb in ("ls", "status", "pull ai/x", "run ai/x hi", "logs"):
        command = [sys.executable, "-S", "-m", "dmr_desktop", *verb.split()]
        environ = {**os.environ, "MODEL_RUNNER_HOST": "http://127.0.0.1:1"}
        result = subprocess.run(command, cwd=root, env=environ, capture_output=True, text=True, check=False)
        assert result.returncode == 1
        assert "no service answers at http://127.0.0.1:1" in result.stderr
    command = [sys.executable, "-S", "-m", "dmr_desktop", "serve"]
    result = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert result.stderr.startswith("Not installed: the package ")
    assert "make setup" in result.stderr


def test_help_loads_neither_http_nor_qt_nor_the_engine() -> None:
    code = (
        "import sys\n"
        "from dmr_desktop.__main__ import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'httpx', 'PySide6', 'llama_cpp', 'starlette', 'asyncio'} & set(sys.modules)\n"
        "sys.exit(f'loaded {heavy}' if heavy else 0)\n"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert "quickstart" in result.stdout
