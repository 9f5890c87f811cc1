"""What a process that runs foreign model files gives up. Linux has most of it; elsewhere less applies."""

import ctypes
import logging
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path

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


def give_up_rights() -> None:
    """No new privileges, no core dumps, no files written, and first to go when memory runs out."""
    if sys.platform == "win32":
        return
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform != "linux":
        return
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(_OOM_SCORE_ADJUSTMENT)
    # GPU drivers keep compiled kernels in files; pipes and sockets are not files.
    if not any(device.exists() for device in _GPU_DEVICES):
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


def _prctl(option: int, value: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    unused = ctypes.c_ulong(0)
    if libc.prctl(option, ctypes.c_ulong(value), unused, unused, unused) != 0:
        _logger.warning("prctl %d: %s", option, os.strerror(ctypes.get_errno()))
