"""``dmr desktop``: checks what Qt needs before Qt is asked, then runs the desktop until it is quit."""

import argparse
import os
import sys

from dmr_desktop.settings import Settings, SettingsError, default_socket_path, load_settings

BAD_USAGE = 2


def main(argv: list[str]) -> int:
    """Exit code: 0 after a quit or when the first instance was raised, 1 on trouble, 2 on bad usage or settings."""
    parser = argparse.ArgumentParser(prog="dmr desktop", description="Run the tray app and its panel.")
    parser.add_argument("--hidden", action="store_true", help="start in the tray without opening the panel")
    parser.add_argument("--install-entry", action="store_true", help="add the app to the applications menu, and end")
    parser.add_argument("--remove-entry", action="store_true", help="take it out of the menu again, and end")
    options = parser.parse_args(argv)
    if options.install_entry or options.remove_entry:
        return _change_entry(is_wanted=options.install_entry)
    try:
        settings = load_settings()
    except SettingsError as error:
        print(f"dmr desktop: {error}", file=sys.stderr)
        return BAD_USAGE
    try:
        from PySide6.QtCore import qVersion
    except ImportError as error:
        return _headless(settings, f"Qt is not installed ({error}); install dmr-desktop[desktop]")
    if sys.version_info < (3, 12) and qVersion() == "6.12.0":
        print("dmr desktop: PySide6 6.12.0 crashes on Python 3.11: install PySide6-Essentials<6.12", file=sys.stderr)
        return 1
    from dmr_desktop.desktop.display import NoDisplay, choose_platform, import_trouble

    if trouble := import_trouble():
        return _headless(settings, trouble)
    try:
        platform = choose_platform(os.environ)
    except NoDisplay as error:
        return _headless(settings, str(error))
    return _run(settings, platform, is_hidden=options.hidden)


def _change_entry(*, is_wanted: bool) -> int:
    from dmr_desktop.desktop.entry import EntryPaths, install_entry, remove_entry

    paths = EntryPaths.from_environment(os.environ)
    try:
        (install_entry if is_wanted else remove_entry)(paths)
    except OSError as error:
        print(f"dmr desktop: {error.filename}: {error.strerror}", file=sys.stderr)
        return 1
    print(f"{'Added' if is_wanted else 'Removed'} {paths.application}")
    return 0


def _headless(settings: Settings, reason: str) -> int:
    from dmr_desktop.desktop.headless import run_headless

    return run_headless(settings, reason)


def _run(settings: Settings, platform: str, *, is_hidden: bool) -> int:
    from PySide6.QtWidgets import QApplication

    from dmr_desktop.desktop.app import Desktop
    from dmr_desktop.desktop.icons import app_icon
    from dmr_desktop.desktop.instance import Instance, InstanceError
    from dmr_desktop.desktop.language import install_language
    from dmr_desktop.desktop.preferences import Preferences
    from dmr_desktop.desktop.service_process import ServiceProcess
    from dmr_desktop.desktop.signals import TerminationSignals

    arguments = ["dmr-desktop", "-platform", platform] if platform else ["dmr-desktop"]
    # The names must be set before the tray icon exists: a D-Bus tray shows them.
    QApplication.setApplicationName("dmr-desktop")
    QApplication.setApplicationDisplayName("DMR Desktop")
    QApplication.setDesktopFileName("dmr-desktop")
    app = QApplication(arguments)
    app.setWindowIcon(app_icon())
    install_language(app, Preferences(settings.config_dir).language)
    instance = Instance(default_socket_path().parent, settings.socket_path)
    try:
        if not instance.claim():
            if instance.raise_first():
                print("DMR Desktop runs already; its panel was opened.")
                return 0
            print("dmr desktop: another instance holds the lock and does not answer", file=sys.stderr)
            return 1
    except InstanceError as error:
        print(f"dmr desktop: {error}", file=sys.stderr)
        return 1
    desktop = Desktop(app, settings, instance, ServiceProcess(settings))
    sys.excepthook = desktop.report_bug
    signals = TerminationSignals(app)
    signals.received.connect(desktop.quit)
    desktop.ended.connect(app.quit)
    desktop.start(is_hidden=is_hidden)
    code: int = app.exec()
    sys.excepthook = sys.__excepthook__
    return code
