"""The snippets of the Integrations page, run as they are copied, against the real service and its demo model."""

import importlib.util
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from dmr_desktop.desktop.snippets import snippets
from dmr_desktop.settings import asset
from tests.fakes.own_folder import own_folder
from tests.fixtures_live import DEMO, LiveService, start_live_service, stop_live_service
from tests.fixtures_service import free_port

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not asset("demo/demo.gguf").is_file(), reason="the demo model is not in this tree"),
]
PROGRAMS = {
    "LangChain": "dmr_langchain",
    "OpenAI SDK": "openai",
    "Anthropic SDK": "anthropic",
    "LiteLLM": "litellm",
    "Ollama clients": "ollama",
}
"""Those in Python, with the package that each needs."""


@pytest.fixture(scope="module")
def port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def live(port: int) -> Iterator[LiveService]:
    with own_folder() as folder:
        service = start_live_service(folder, "--tcp", str(port))
        yield service
        stop_live_service(service)


def text_of(title: str, live: LiveService, port: int, *, is_listening: bool = True) -> str:
    found = {item.title: item for item in snippets(port, str(live.socket_path), DEMO, is_listening=is_listening)}
    return found[title].text


@pytest.mark.timeout(120)
@pytest.mark.parametrize("title", PROGRAMS)
def test_python(title: str, live: LiveService, port: int, tmp_path: Path) -> None:
    if importlib.util.find_spec(PROGRAMS[title]) is None:
        pytest.skip(f"{PROGRAMS[title]} is not installed")
    (tmp_path / "snippet.py").write_text(text_of(title, live, port))
    ended = subprocess.run(
        [sys.executable, tmp_path / "snippet.py"], env=live.environment, capture_output=True, text=True, timeout=100
    )
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.strip()


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
@pytest.mark.parametrize("is_listening", [True, False], ids=["tcp", "socket"])
def test_curl(is_listening: bool, live: LiveService, port: int) -> None:
    command = text_of("curl", live, port, is_listening=is_listening)
    assert ("--unix-socket" in command) is not is_listening
    ended = subprocess.run(
        ["sh", "-c", f"set -e\n{command}"], env=live.environment, capture_output=True, text=True, timeout=60
    )
    assert ended.returncode == 0, ended.stderr
    assert '"role":"assistant"' in ended.stdout.replace(" ", "")
