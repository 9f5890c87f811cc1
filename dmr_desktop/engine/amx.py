"""Keeps llama.cpp from using a CPU's AMX matrix unit, for builds whose AMX code is broken.

gcc 12 at -O3 drops the stores that set the unit up; the first prompt of a quantised model then dies with
SIGILL. A build with ``-fno-dse -fno-tree-dse`` is right, see ``pyproject.toml``; this is for the others.
"""

import ctypes
import sys

from dmr_desktop.protocol.errors import RunnerError

# Linux grants AMX only to a process whose alternate signal stacks could hold its 8 KiB of registers
# besides all others (arch/x86/kernel/fpu/xstate.c: validate_sigaltstack).
_TOO_SMALL = 8192


class _SignalStack(ctypes.Structure):
    _fields_ = [("ss_sp", ctypes.c_void_p), ("ss_flags", ctypes.c_int), ("ss_size", ctypes.c_size_t)]


_stack = ctypes.create_string_buffer(_TOO_SMALL)


def refuse_amx() -> bool:
    """Makes the kernel deny AMX to this process; llama.cpp then takes its next best code, 2 to 4 times slower.

    Call it in the main thread before anything of llama.cpp starts. False where AMX is not granted on
    request (not Linux), so that nothing can be denied. Raises :class:`RunnerError` if the kernel objects.
    """
    if sys.platform != "linux":
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    stack = _SignalStack(ctypes.addressof(_stack), 0, _TOO_SMALL)
    if libc.sigaltstack(ctypes.byref(stack), None) != 0:
        raise RunnerError("The kernel refused an alternate signal stack.", evidence=f"errno {ctypes.get_errno()}")
    return True
