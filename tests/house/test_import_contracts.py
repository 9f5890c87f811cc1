"""The architecture's import contracts (pyproject.toml) hold."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_import_contracts_hold() -> None:
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()"]
    result = subprocess.run([*command, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout


def test_the_service_process_loads_no_engine() -> None:
    """Not only by the import graph: a real interpreter that loads the service holds no llama_cpp and no Qt."""
    code = (
        "import sys, dmr_desktop.service.main, dmr_desktop.service.app;"
        "bad = [m for m in sys.modules if m.split('.')[0] in ('llama_cpp', 'PySide6')];"
        "sys.exit(str(bad) if bad else 0)"
    )
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr


def test_the_langchain_package_needs_neither_qt_nor_the_engine() -> None:
    code = (
        "import sys, dmr_langchain; dmr_langchain.ChatDMR; dmr_langchain.DMREmbeddings;"
        "bad = [m for m in sys.modules if m.split('.')[0] in ('llama_cpp', 'PySide6', 'dmr_desktop', 'starlette')];"
        "sys.exit(str(bad) if bad else 0)"
    )
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
