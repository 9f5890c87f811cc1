"""What the service says, in the language of the panel: every sentence is one of the service's, and is translated."""

import ast
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QCoreApplication, QTranslator
from pytestqt.qtbot import QtBot

import dmr_desktop
from dmr_desktop.desktop.service_words import SENTENCES, in_own_words
from dmr_desktop.settings import asset
from tests.fakes.desktop_parts import Parts
from tests.fakes.fake_service import FakeService

ROOMS = ("service", "store", "backends", "runner", "protocol")


@pytest.fixture
def german(qapp: QCoreApplication) -> Iterator[None]:
    translator = QTranslator()
    assert translator.load(asset("i18n/de.qm").as_posix())
    qapp.installTranslator(translator)
    yield
    qapp.removeTranslator(translator)


def literals() -> str:
    """All texts of the service and what it is made of, their insertions as ``{}``."""
    found = []
    for room in ROOMS:
        for path in (Path(dmr_desktop.__file__).parent / room).glob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.JoinedStr):
                    parts = (part.value if isinstance(part, ast.Constant) else "{}" for part in node.values)
                    found.append("".join(map(str, parts)))
                elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                    found.append(node.value)
    return "\n".join(found)


def test_each_sentence_is_one_that_the_service_says() -> None:
    said = literals()
    inserted = {"{} MiB": "{}", "another program": "another program"}  # `_mib` writes its unit itself
    for sentence in SENTENCES:
        general = re.sub(r"{\w+}", "{}", sentence)
        for written, made in inserted.items():
            if general not in said:
                general = general.replace(written, made)
        if sentence.endswith("another program"):
            general = general.replace("another program", "{}")
        assert general in said, sentence


@pytest.mark.usefixtures("german")
@pytest.mark.parametrize(
    ("said", "shown"),
    [
        (
            "port 12434 is in use by nginx (process 7): stop that program, or choose another port",
            "Port 12434 wird von nginx (Prozess 7) benutzt: beende dieses Programm oder wähle einen anderen Port",
        ),
        ("192.168.1.20: port 80 is reserved by the system", "192.168.1.20: Port 80 ist dem System vorbehalten"),
        (
            "ai/x: the model's process died: killed by SIGSEGV",
            "ai/x: der Prozess des Modells ist abgestürzt: beendet durch SIGSEGV",
        ),
        (
            "the rate limit of docker.io is reached: wait 900 seconds, or log in for a higher limit: "
            "docker login docker.io",
            "das Abruflimit von docker.io ist erreicht: warte 900 Sekunden oder melde dich für ein höheres Limit an: "
            "docker login docker.io",
        ),
        ("a file of the model is missing: a: b.gguf", "eine Datei des Modells fehlt: a: b.gguf"),
        ("Waiting for Godot: nobody knows this", "Waiting for Godot: nobody knows this"),
        ("", ""),
        ("try again later\nunknown", "versuche es später noch einmal\nunknown"),
        ("port \x1b[31m1 is in use by x", "Port \ufffd[31m1 wird von x benutzt"),
    ],
)
def test_it_is_said_in_german(said: str, shown: str) -> None:
    assert in_own_words(said) == shown


def test_in_english_nothing_changes() -> None:
    for sentence in SENTENCES:
        text = re.sub(r"{(\w+)}", r"a \1", sentence)
        assert in_own_words(text) == text
    assert in_own_words("x" * 700).endswith("…")
    began = time.process_time()
    in_own_words(": a requests for" * 100_000)
    assert time.process_time() - began < 0.5


@pytest.mark.usefixtures("german")
def test_a_problem_of_the_service_is_shown_in_the_panels_language(
    qtbot: QtBot, parts: Parts, service: FakeService
) -> None:
    service.answer("PUT", "/settings/tcp", 409, "port 12434 is in use by another program: choose a port above 1023")
    with qtbot.waitSignal(parts.commands.set_tcp(True).ended):
        pass
    assert "Port 12434 wird von einem anderen Programm benutzt" in parts.panel.banner.text
