"""What the tray app costs: memory, processor time and wake-ups, hidden and with the panel open.

    python benchmarks/desktop.py [--seconds 30] [--soak MINUTES]

Starts a service of its own and the app on a virtual display (Xvfb), and reads /proc. Linux only.
"""

import argparse
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
SETTLE_SECONDS = 8.0


@dataclass(frozen=True, slots=True)
class Cost:
    """``pss_mb`` is the process's share of memory; ``wakeups`` are voluntary context switches of all its threads."""

    pss_mb: float
    cpu_percent: float
    wakeups_per_second: float


def read_pss(pid: int) -> float:
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return next(int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:")) / 1024


def read_ticks(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def read_switches(pid: int) -> int:
    total = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        try:
            text = (task / "status").read_text()
        except OSError:
            continue  # a thread that has just ended
        total += next(int(line.split()[1]) for line in text.splitlines() if line.startswith("voluntary"))
    return total


def measure(pid: int, seconds: float) -> Cost:
    ticks, switches, began = read_ticks(pid), read_switches(pid), time.monotonic()
    time.sleep(seconds)
    passed = time.monotonic() - began
    return Cost(
        read_pss(pid),
        100 * (read_ticks(pid) - ticks) / TICKS / passed,
        (read_switches(pid) - switches) / passed,
    )


@contextmanager
def ended(process: "subprocess.Popen[bytes]") -> Iterator["subprocess.Popen[bytes]"]:
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def display() -> Iterator[str]:
    reader, writer = os.pipe()
    command = ["Xvfb", "-displayfd", str(writer), "-screen", "0", "1280x800x24", "-nolisten", "tcp"]
    with ended(subprocess.Popen(command, pass_fds=[writer], stderr=subprocess.DEVNULL)):
        os.close(writer)
        with os.fdopen(reader) as answer:
            yield f":{answer.readline().strip()}"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=30.0, help="how long each state is watched")
    parser.add_argument("--soak", type=float, default=0.0, metavar="MINUTES", help="then watch the memory grow")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="dmr-bench-") as folder, display() as screen:
        environ = os.environ | {
            "DISPLAY": screen,
            "HOME": folder,
            "XDG_RUNTIME_DIR": folder,
            "XDG_CONFIG_HOME": f"{folder}/config",
            "XDG_STATE_HOME": f"{folder}/state",
            "MODELS_PATH": f"{folder}/models",
            "MODEL_RUNNER_SOCK": f"{folder}/dmr.sock",
            "MODEL_RUNNER_PORT": str(free_port()),
        }
        dmr = [sys.executable, "-m", "dmr_desktop"]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        with ended(subprocess.Popen([*dmr, "serve"], env=environ, **quiet)) as service:
            for state, arguments, budget in (
                ("hidden", ["desktop", "--hidden"], Cost(80, 0.1, 2)),
                ("panel open", ["desktop"], Cost(110, 1.5, float("inf"))),
            ):
                with ended(subprocess.Popen([*dmr, *arguments], env=environ, **quiet)) as app:
                    time.sleep(SETTLE_SECONDS)
                    cost, service_cost = measure(app.pid, options.seconds), measure(service.pid, 5)
                    print(
                        f"{state:11} PSS {cost.pss_mb:6.1f} MB (budget {budget.pss_mb:.0f})  "
                        f"CPU {cost.cpu_percent:5.2f} % ({budget.cpu_percent})  "
                        f"wake-ups {cost.wakeups_per_second:5.1f}/s ({budget.wakeups_per_second:g})  "
                        f"service CPU {service_cost.cpu_percent:.2f} %",
                        flush=True,
                    )
                    if options.soak and state == "panel open":
                        soak(app.pid, options.soak)


def soak(pid: int, minutes: float) -> None:
    first = read_pss(pid)
    end = time.monotonic() + 60 * minutes
    while time.monotonic() < end:
        time.sleep(min(60.0, max(0.0, end - time.monotonic())))
        print(f"  soak: {read_pss(pid) - first:+.2f} MB", flush=True)


if __name__ == "__main__":
    main()
