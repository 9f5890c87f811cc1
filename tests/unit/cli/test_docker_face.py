import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dmr_desktop.cli.docker_plugin import main, metadata, split_globals
from dmr_desktop.cli.face import DMR, DOCKER
from dmr_desktop.cli.launcher import is_ours, launcher_text, plugin_directory
from dmr_desktop.cli.parser import parse
from dmr_desktop.cli.plugin_verb import plugin
from dmr_desktop.protocol.errors import Conflict


@pytest.mark.parametrize(
    ("argv", "globals_given", "words"),
    [
        (["model", "ls"], {}, ["model", "ls"]),
        (["--config", "/d", "-D", "model", "ls"], {"--config": "/d", "-D": ""}, ["model", "ls"]),
        (["--config=/d", "--tlsverify", "ls", "--json"], {"--config": "/d", "--tlsverify": ""}, ["ls", "--json"]),
        (["-H", "unix:///x", "-c"], {"-H": "unix:///x", "-c": ""}, []),
        (["--unknown", "model"], {}, ["--unknown", "model"]),
    ],
)
def test_dockers_options_are_taken_off(argv: list[str], globals_given: dict[str, str], words: list[str]) -> None:
    assert split_globals(argv) == (globals_given, words)


def test_metadata_loads_nothing() -> None:
    code = (
        "import sys\n"
        "from dmr_desktop.__main__ import main\n"
        "code = main(['docker-model', 'docker-cli-plugin-metadata'])\n"
        "heavy = {'httpx', 'argparse', 'subprocess', 'dmr_desktop.settings'} & set(sys.modules)\n"
        "sys.exit(f'loaded {heavy}' if heavy or code else 0)\n"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout) == json.loads(metadata())


def test_no_hooks_and_no_words_for_them(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["model", "docker-cli-plugin-hooks", "{}"]) == 0
    assert capsys.readouterr().out == ""


def test_hints_name_the_commands_that_were_typed() -> None:
    hint = "`dmr stop`, then `dmr quickstart`; dmr alone stays"
    assert DMR.words(hint) == hint
    assert DOCKER.words(hint) == "`docker model stop-runner`, then `docker model quickstart`; dmr alone stays"


def run_launcher(text: str, directory: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    file = directory / "docker-model"
    file.write_text(text)
    file.chmod(0o755)
    return subprocess.run(
        [str(file), *words], capture_output=True, text=True, check=False, env={"PATH": os.environ["PATH"]}
    )


def test_the_launcher_hands_every_word_on(tmp_path: Path) -> None:
    show = "import os, sys; print(sys.argv[1:], os.environ.get('PYTHONPATH'))"
    text = launcher_text([sys.executable, "-c", show, "docker-model"], python_path="/a b")
    assert run_launcher(text, tmp_path, "run", "two words", "", "$HOME").stdout == (
        "['docker-model', 'run', 'two words', '', '$HOME'] /a b\n"
    )
    said = run_launcher(text, tmp_path, "docker-cli-plugin-metadata")
    assert json.loads(said.stdout)["SchemaVersion"] == "0.1.0"


def test_the_launcher_survives_odd_paths_and_misses_a_gone_program(tmp_path: Path) -> None:
    odd = tmp_path / "it's here"
    odd.symlink_to(sys.executable)
    text = launcher_text([str(odd), "-c", "print('ran')"])
    assert run_launcher(text, tmp_path).stdout == "ran\n"
    odd.unlink()
    said = run_launcher(text, tmp_path, "ls")
    assert said.returncode == 1
    assert str(odd) in said.stderr


def test_install_replaces_only_its_own(screen_for: Callable[..., Any], tmp_path: Path) -> None:
    def act(*words: str) -> tuple[int, str]:
        screen = screen_for()
        return plugin(screen.session, parse(["plugin", *words, "--dir", str(tmp_path / "d")])), screen.out

    file = tmp_path / "d" / "docker-model"
    assert act("status") == (1, "Not installed\n")
    assert act("uninstall")[0] == 0
    assert act("install")[0] == 0
    assert is_ours(file)
    assert os.access(file, os.X_OK)
    assert act("install")[0] == 0
    file.unlink()
    file.symlink_to("/Applications/Docker.app/docker-model")  # dangling, and Docker's
    with pytest.raises(Conflict):
        act("install")
    assert "kept as" in act("install", "--force")[1]
    assert is_ours(file)
    assert "is back" in act("uninstall")[1]
    assert file.readlink() == Path("/Applications/Docker.app/docker-model")


def test_where_docker_looks_first() -> None:
    assert plugin_directory({"DOCKER_CONFIG": "/etc/d"}) == Path("/etc/d/cli-plugins")
    assert plugin_directory({}) == Path.home() / ".docker" / "cli-plugins"
