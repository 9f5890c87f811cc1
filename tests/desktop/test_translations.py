"""The translations: complete, in step with the code, and shown."""

import re
from pathlib import Path

import pytest
import translations
from PySide6.QtCore import QCoreApplication, QLocale, QTranslator

from dmr_desktop.desktop.language import LANGUAGES, language_of
from dmr_desktop.desktop.state import Shape
from dmr_desktop.desktop.wording import shape_word
from dmr_desktop.settings import asset

TRANSLATED = [code for code in LANGUAGES if code != "en"]


@pytest.mark.parametrize("language", TRANSLATED)
def test_every_sentence_of_the_code_is_translated_with_its_placeholders(language: str) -> None:
    known = translations.read(asset(f"i18n/{language}.ts"))
    wanted = {(context, text) for context, texts in translations.sentences().items() for text in texts}
    assert set(known) == wanted, "run scripts/translations.py update"
    for (context, text), translation in known.items():
        assert translation, f"{context}: {text}"
        assert sorted(re.findall(r"{\w+}", translation)) == sorted(re.findall(r"{\w+}", text)), text


@pytest.mark.parametrize("language", TRANSLATED)
def test_the_compiled_file_is_up_to_date(tmp_path: Path, language: str) -> None:
    fresh = tmp_path / "fresh.qm"
    translations.compile_file(asset(f"i18n/{language}.ts"), fresh)
    assert asset(f"i18n/{language}.qm").read_bytes() == fresh.read_bytes(), "run scripts/translations.py compile"


def test_an_installed_language_is_shown(qapp: QCoreApplication) -> None:
    translator = QTranslator()
    assert translator.load(asset("i18n/de.qm").as_posix())
    qapp.installTranslator(translator)
    try:
        assert shape_word(Shape.READY) == "Bereit"
    finally:
        qapp.removeTranslator(translator)
    assert shape_word(Shape.READY) == "Ready"


def test_the_language_is_the_choice_then_the_systems_then_english() -> None:
    assert language_of("de") == "de"
    assert language_of("xx") == "en"
    assert language_of("system", QLocale("de_AT")) == "de"
    assert language_of("system", QLocale("fr_FR")) == "en"
