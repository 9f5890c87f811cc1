"""Which language the desktop speaks: the user's choice, else the system's, else English.

A translation is a ``.qm`` file in ``assets/i18n``; ``scripts/translations.py`` makes them.
"""

from PySide6.QtCore import QCoreApplication, QLibraryInfo, QLocale, QTranslator

from dmr_desktop.settings import asset

LANGUAGES = {"en": "English", "de": "Deutsch"}
"""Code to the language's own name."""


def language_of(choice: str, system: QLocale | None = None) -> str:
    """The language for a choice (``system`` or a code); one that is not there gives English."""
    if choice == "system":
        choice = QLocale.languageToCode((system or QLocale.system()).language())
    return choice if choice in LANGUAGES else "en"


def install_language(app: QCoreApplication, choice: str) -> str:
    """Translates the app and Qt's own buttons; call it before the first widget is made. Returns the language."""
    language = language_of(choice)
    if QLocale.languageToCode(QLocale.system().language()) != language:
        QLocale.setDefault(QLocale(language))  # digits and dates speak the language of the words
    if language == "en":
        return language
    folder = QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath)
    for path in (f"{folder}/qtbase_{language}.qm", asset(f"i18n/{language}.qm").as_posix()):
        translator = QTranslator(app)
        if translator.load(path):
            app.installTranslator(translator)
    return language
