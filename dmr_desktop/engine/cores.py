"""How many cores this process may compute on."""

import math
import os
import subprocess
import sys
from pathlib import Path

_CPUS = Path("/sys/devices/system/cpu")
_QUOTA = Path("/sys/fs/cgroup/cpu.max")


def default_threads() -> int:
    """One thread for each physical core, but one core is left to the rest of the machine if there are over two."""
    cores = physical_cores()
    return cores - 1 if cores > 2 else cores


def physical_cores() -> int:
    """Cores without their hyper-threads, as far as this process is allowed to use them; at least 1."""
    if sys.platform == "linux":
        return max(1, min(_linux_cores(), _linux_quota()))
    elif sys.platform == "darwin":
        return _mac_cores()
    else:
        return max(1, (os.cpu_count() or 2) // 2)


def _linux_cores() -> int:
    allowed = os.sched_getaffinity(0)
    cores = set()
    for cpu in allowed:
        try:
            cores.add((_CPUS / f"cpu{cpu}" / "topology" / "thread_siblings_list").read_text())
        except OSError:
            return len(allowed)
    return len(cores)


def _linux_quota() -> int:
    """Whole CPUs that the control group grants (``cpu.max``: microseconds and period), rounded up."""
    try:
        quota, period = _QUOTA.read_text().split()
        return math.ceil(int(quota) / int(period))
    except (OSError, ValueError):
        return os.cpu_count() or 1


def _mac_cores() -> int:
    # On Apple silicon only the fast cores: the slow ones would hold up every barrier.
    for name in ("hw.perflevel0.physicalcpu", "hw.physicalcpu"):
        result = subprocess.run(["sysctl", "-n", name], capture_output=True, text=True, check=False)
        if result.returncode == 0 and result.stdout.strip().isdigit():
            return max(1, int(result.stdout))
    return os.cpu_count() or 1
