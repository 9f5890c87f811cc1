"""The modules of ``scripts/`` by their names, as the scripts themselves see each other."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[2] / "scripts"))
