"""The demo model's folder, and its scripts as modules."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType

import pytest

DEMO = Path(__file__).resolve().parents[2] / "assets" / "demo"


def _script(name: str) -> ModuleType:
    """The scripts import each other, so their folder must be on the path while one is imported."""
    sys.path.insert(0, str(DEMO))
    try:
        return importlib.import_module(name)
    finally:
        sys.path.remove(str(DEMO))


@pytest.fixture(scope="session")
def evaluation() -> ModuleType:
    """The script that measures the model."""
    return _script("evaluate")


@pytest.fixture(scope="session")
def corpus() -> ModuleType:
    """The generator of what the model is trained on."""
    return _script("corpus")
