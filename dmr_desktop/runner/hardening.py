"""What a process that runs foreign model files gives up. Linux has most of it; elsewhere less applies."""

import ctypes
import logging
import os
import signal
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from dmr_desktop.runner.landlock import restrict

_logger = logging.getLogger(__name__)

_PR_SET_PDEATHSIG = 1
_PR_SET_NO_NEW_PRIVS = 38
_GPU_DEVICES = (Path("/dev/nvidiactl"), Path("/dev/kfd"))
_OOM_SCORE_ADJUSTMENT = "500"


def die_with_parent() -> None:
    """SIGKILL when the parent dies: sooner than any end of file, and also in the middle of a native call."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in a terminal is the service's to answer
    if sys.platform == "linux":
        _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def give_up_rights(readable: Iterable[Path]) -> None:
    """No new privileges, no core dumps, no network, and first to go when memory runs out.

    Without a GPU also: no file is written, and of the user's files only ``readable`` are read; GPU drivers keep
    compiled kernels in files of their own. Holds for threads started later.
    """
    if sys.platform == "win32":
        return
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform != "linux":
        return
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(_OOM_SCORE_ADJUSTMENT)
    has_gpu = any(device.exists() for device in _GPU_DEVICES)
    if not has_gpu:
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))  # pipes and sockets are not files
    try:
        restrict(readable, files=not has_gpu)
    except OSError as error:
        _logger.warning("running without Landlock: %s", error)


def _prctl(option: int, value: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    unused = ctypes.c_ulong(0)
    if libc.prctl(option, ctypes.c_ulong(value), unused, unused, unused) != 0:
        _logger.warning("prctl %d: %s", option, os.strerror(ctypes.get_errno()))
