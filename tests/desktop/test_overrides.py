"""Errors in methods that Qt calls do not end the app, and every such method is protected."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest
from PySide6.QtCore import QAbstractTableModel
from PySide6.QtGui import QSyntaxHighlighter
from PySide6.QtWidgets import QApplication, QCheckBox, QLabel, QPlainTextEdit, QTableWidget, QTextBrowser

import dmr_desktop.desktop

ROOT = Path(dmr_desktop.desktop.__file__).parent
# The classes of Qt that those of the panel derive from.
BASES = (QAbstractTableModel, QSyntaxHighlighter, QCheckBox, QLabel, QPlainTextEdit, QTableWidget, QTextBrowser)
NOT_VIRTUAL = {"setText"}

SCRIPT = """
import sys
from PySide6.QtWidgets import QApplication, QWidget
from dmr_desktop.desktop.overrides import qt_override

class Broken(QWidget):
    @qt_override
    def paintEvent(self, event):
        int("no number")

app = QApplication([])
try:
    Broken().grab()
except ValueError as error:
    print(error)
"""


def test_an_error_in_an_override_does_not_end_the_app(qapp: QApplication) -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, timeout=50, check=False)
    assert "invalid literal for int()" in done.stdout, (done.returncode, done.stderr)


@pytest.mark.parametrize("path", sorted(ROOT.rglob("*.py")), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_override_is_protected(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.ClassDef) or not node.bases:
            continue
        for method in node.body:
            if not isinstance(method, ast.FunctionDef) or method.name.startswith("_") or method.name in NOT_VIRTUAL:
                continue
            if any(hasattr(base, method.name) for base in BASES) and method.name != method.name.lower():
                names = [item.id for item in method.decorator_list if isinstance(item, ast.Name)]
                assert "qt_override" in names, f"{path.name}: {node.name}.{method.name} needs @qt_override"
