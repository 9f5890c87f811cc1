"""What somebody who looks into a bug needs, as one text that can be shown to strangers. Pure.

Keys and tokens are taken out, and the name of the user's home.
"""

import platform
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import qVersion

from dmr_desktop import __version__
from dmr_desktop.desktop.quantities import format_bytes
from dmr_desktop.desktop.state import DesktopState, trouble_of

HIDDEN = "[hidden]"
_SECRETS = (
    re.compile(r"(?i)\b((?:bearer|basic) +)[A-Za-z0-9._~+/=-]{6,}"),
    re.compile(r"()\b(?:hf_|sk-|ghp_|gho_|github_pat_|dckr_pat_|xox[bp]-)[A-Za-z0-9_-]{6,}"),
    re.compile(r"""(?i)\b([\w-]*(?:key|token|password|secret)"?\s*[=:]\s*"?)[^\s"',;&]{4,}"""),
    re.compile(r"(://)[^/\s:@]+:[^/\s@]+(?=@)"),
)
"""What stays in front of a secret is the first group."""


def bug_report(state: DesktopState, lines: Sequence[str], home: Path | None = None) -> str:
    """``lines`` of the log. ``home`` is written as ``~``; None: this user's."""
    head = [
        f"DMR Desktop {__version__}, service {state.version or 'not connected'} ({state.link.value})",
        f"{platform.system()} {platform.release()} {platform.machine()}, Python {platform.python_version()}, "
        f"Qt {qVersion()}, {sys.platform}",
    ]
    if state.telemetry:
        now = state.telemetry[-1]
        cards = ", ".join(f"{gpu.name} ({format_bytes(gpu.memory_total_bytes)})" for gpu in now.gpus) or "none"
        head.append(f"memory {format_bytes(now.memory_total_bytes)}, GPUs: {cards}")
    if state.fault or trouble_of(state):
        head.append(f"trouble: {state.fault or trouble_of(state)}")
    for model in state.models:
        runner = state.runner_of(model)
        words = model.architecture, model.parameters, model.quantization, runner.state.value if runner else "not loaded"
        head.append(f"model {model.name}: {', '.join(word for word in words if word)}")
    text = "\n".join((*head, "", *lines)) + "\n"
    return without_secrets(text, home or Path.home())


def without_secrets(text: str, home: Path) -> str:
    for pattern in _SECRETS:
        text = pattern.sub(rf"\g<1>{HIDDEN}", text)
    folder = str(home)
    return text.replace(folder, "~") if len(folder) > 1 else text
