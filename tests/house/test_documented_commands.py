"""Every `dmr` command that README and the pages show is one that `dmr` takes."""

import re
import shlex
from pathlib import Path

import pytest

from dmr_desktop.cli.parser import parse

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
_BLOCK = re.compile(r"^```[a-z]*\n(.*?)^```", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"`((?:dmr|\.venv/bin/dmr) [^`]+)`")
_COMMAND = re.compile(r"(?:^|[$;|(]|&&)\s*(?:\.venv/bin/)?dmr ([^\n;|&>#)]*)", re.MULTILINE)


def commands(text: str) -> list[str]:
    """What stands after ``dmr``, up to the end of the command."""
    blocks = [block.replace("\\\n", " ") for block in _BLOCK.findall(text)]
    inline = [part.translate({ord("["): None, ord("]"): None}) for part in _INLINE.findall(_BLOCK.sub("", text))]
    return [match for part in (*blocks, *inline) for match in _COMMAND.findall(part)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_are_taken(page: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One that is only mentioned may leave out what it is about (`dmr pull`)."""
    wrong = []
    for command in commands(page.read_text()):
        words = [word for word in shlex.split(command) if word not in ("...", "…")]
        if words[0] == "help" or (words[0] == "desktop" and "--" in command):
            continue  # any verb is meant; the tray app has a parser of its own
        try:
            parse(words)
        except SystemExit as ended:
            told = capsys.readouterr().err
            if ended.code != 0 and "are required" not in told and "expected one argument" not in told:
                wrong.append(f"{command}: {told.splitlines()[-1]}")
    assert not wrong


def test_the_pages_show_commands() -> None:
    assert sum(len(commands(page.read_text())) for page in PAGES) > 60
