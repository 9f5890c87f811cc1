"""The loaded library: started once, and its log kept quiet.

Knows no model. llama.cpp says why a model or a context failed only in its log, so the last warnings and
errors are kept as evidence for the error that follows.
"""

import ctypes
import logging
from collections import deque
from functools import cache

import llama_cpp

_WARNING, _ERROR = 3, 4
_KEPT_LINES = 20

_logger = logging.getLogger("dmr_desktop.engine.llama")
_complaints: deque[str] = deque(maxlen=_KEPT_LINES)


@llama_cpp.llama_log_callback  # type: ignore[untyped-decorator]
def _on_log(level: int, text: bytes | None, _user_data: object) -> None:
    # Runs on llama.cpp's threads and takes the interpreter lock: its chatter ends here.
    if level not in (_WARNING, _ERROR):
        return
    line = (text or b"").decode("utf-8", "replace").rstrip()
    if line:
        _complaints.append(line)
        # Its warnings are mostly remarks on the model's metadata.
        _logger.log(logging.WARNING if level == _ERROR else logging.DEBUG, "%s", line)


@cache
def start() -> None:
    """Starts llama.cpp, once a process. Anything that must happen before it (see ``amx``) comes earlier."""
    llama_cpp.llama_log_set(_on_log, ctypes.c_void_p(0))
    llama_cpp.llama_backend_init()


def uses_cards() -> bool:
    """Whether this build can give a model's layers to a graphics card."""
    return bool(llama_cpp.llama_supports_gpu_offload())


def forget_complaints() -> None:
    _complaints.clear()


def complaints() -> str:
    """llama.cpp's warnings and errors since :func:`forget_complaints`, one a line."""
    return "\n".join(_complaints)
