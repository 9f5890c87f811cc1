"""The self-test as it is used: in a child process, with and without AMX."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize("arguments", [[], ["--refuse-amx"]])
def test_this_build_computes_here(arguments: list[str]) -> None:
    command = [sys.executable, "-m", "dmr_desktop.engine.selftest", *arguments]
    result = subprocess.run(command, capture_output=True, text=True, timeout=50, check=False)
    assert result.returncode == 0, result.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux grants AMX on request")
def test_refusing_makes_the_kernel_deny_the_matrix_unit() -> None:
    program = """
import ctypes, pathlib
from dmr_desktop.engine.amx import refuse_amx
if "amx_tile" not in pathlib.Path("/proc/cpuinfo").read_text():
    raise SystemExit(77)
assert refuse_amx()
libc = ctypes.CDLL(None, use_errno=True)
ARCH_PRCTL, REQUEST_PERMISSION, TILE_DATA = 158, 0x1023, 18
assert libc.syscall(ARCH_PRCTL, REQUEST_PERMISSION, TILE_DATA) == -1
"""
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=50, check=False)
    if result.returncode == 77:
        pytest.skip("this CPU has no AMX")
    assert result.returncode == 0, result.stderr
