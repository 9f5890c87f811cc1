"""The app's entry in the desktop's menu, and in the list of what starts with the session (freedesktop.org).

Nothing is installed until the user asks. What is true is what the files say: another program may have changed them.
"""

import configparser
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dmr_desktop.settings import asset, self_command

NAME = "dmr-desktop.desktop"
ICON = "dmr-desktop"
_HIDDEN = "--hidden"
_RESERVED = set(" \t\n\"'\\><~|&;$*?#()`")


@dataclass(frozen=True, slots=True)
class EntryPaths:
    """Where the files go. ``from_environment`` follows ``XDG_DATA_HOME`` and ``XDG_CONFIG_HOME``."""

    application: Path
    icon: Path
    autostart: Path

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> "EntryPaths":
        home = Path.home()
        data, config = environ.get("XDG_DATA_HOME", ""), environ.get("XDG_CONFIG_HOME", "")
        data_dir = Path(data) if data.startswith("/") else home / ".local/share"
        config_dir = Path(config) if config.startswith("/") else home / ".config"
        return cls(
            data_dir / "applications" / NAME,
            data_dir / "icons/hicolor/scalable/apps" / f"{ICON}.svg",
            config_dir / "autostart" / NAME,
        )


def entry_text(command: list[str]) -> str:
    """A desktop entry (specification 1.5) that runs ``command``."""
    return "\n".join(
        (
            "[Desktop Entry]",
            "Type=Application",
            "Version=1.5",
            "Name=DMR Desktop",
            "GenericName=Local model runner",
            "Comment=Run language models on this computer",
            f"Exec={' '.join(_quoted(word) for word in command)}",
            f"Icon={ICON}",
            "Terminal=false",
            "Categories=Development;Utility;",
            "StartupNotify=false",
            "SingleMainWindow=true",
            "",
        )
    )


def install_entry(paths: EntryPaths) -> None:
    """Puts the app with its icon into the desktop's menu. Raises OSError."""
    paths.icon.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(asset("icons/dmr-desktop.svg"), paths.icon)
    _write(paths.application, entry_text(self_command("desktop")))


def remove_entry(paths: EntryPaths) -> None:
    """Takes entry and icon away; none there is fine. Raises OSError."""
    paths.application.unlink(missing_ok=True)
    paths.icon.unlink(missing_ok=True)


def starts_with_session(paths: EntryPaths) -> bool:
    """Whether the session starts the app: there is an autostart file and nobody has switched it off in it."""
    parser = configparser.RawConfigParser(strict=False)
    parser.optionxform = str  # type: ignore[assignment]  # keys are case-sensitive
    try:
        parser.read_string(paths.autostart.read_text(encoding="utf-8"))
    except (OSError, ValueError, configparser.Error):
        return False
    if not parser.has_section("Desktop Entry"):
        return False
    values = parser["Desktop Entry"]
    return values.get("Hidden", "false") != "true" and values.get("X-GNOME-Autostart-enabled", "true") != "false"


def start_with_session(paths: EntryPaths, wanted: bool) -> None:
    """From the next login on, in the tray without a window. Raises OSError."""
    if wanted:
        _write(paths.autostart, entry_text(self_command("desktop", _HIDDEN)))
    else:
        paths.autostart.unlink(missing_ok=True)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_text(text, encoding="utf-8")
    os.replace(temporary, path)


def _quoted(word: str) -> str:
    """One argument of ``Exec``: quoted where the specification reserves a character; ``%`` is a field code."""
    word = word.replace("%", "%%")
    if not _RESERVED & set(word):
        return word
    escaped = "".join(f"\\{char}" if char in '"`$\\' else char for char in word)
    return '"' + escaped.replace("\\", "\\\\") + '"'
