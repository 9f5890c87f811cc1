"""Ours against llama-server, through the whole stack, interleaved (A B, B A, ...), as ratios.

    python benchmarks/compare.py [--rounds 7] [--shapes tiny,135m] [--workloads single,streams8,shared8]
                                 [--report benchmarks/results/NAME.md]

Both run the same GGUF with the same number of threads and sequences and the same context. Absolute figures of a
shared machine mean little; the ratios are medians over the rounds of ours to theirs in the same round. A round
takes short workloads several times in turn, each time with new prompts. No round and no turn is dropped; the range
shows how noisy they were.
"""

import argparse
import asyncio
import os
import platform
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from statistics import median

from build_peer import build, source_tree
from load import Figures, Server, joined, run
from models import make_model

ROOT = Path(__file__).resolve().parent.parent
WORK = ROOT / "build" / "peer"
TURNS = {"single": 6, "streams8": 2, "shared8": 1}  # of each server in a round; a turn takes about a second
GOALS = {"single": 1.0, "streams8": 1.1, "shared8": 3.0}
SEQUENCES = 8
CONTEXT = 16384  # eight times the shared prompt fits, because the peer does not share it


@dataclass(frozen=True, slots=True)
class Pair:
    """The two servers' figures of one workload in one round."""

    ours: Figures
    peer: Figures


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"{url}: the server ended with {process.returncode}")
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise RuntimeError(f"{url}: no answer in two minutes")


@contextmanager
def started(command: list[str], env: dict[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as out:
        process = subprocess.Popen(command, env=env, stdout=out, stderr=subprocess.STDOUT)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(timeout=20)


@contextmanager
def peer_server(binary: Path, model: Path, threads: int, log: Path) -> Iterator[Server]:
    port = free_port()
    command = [str(binary), "-m", str(model), "--host", "127.0.0.1", "--port", str(port), "--jinja"]
    command += ["-c", str(CONTEXT), "-np", str(SEQUENCES), "-kvu", "-t", str(threads), "-tb", str(threads)]
    with started(command, dict(os.environ), log) as process:
        wait_for(f"http://127.0.0.1:{port}/health", process)
        yield Server("llama-server", f"http://127.0.0.1:{port}/v1", "m", process.pid)


@contextmanager
def our_server(model: Path, threads: int, folder: Path) -> Iterator[Server]:
    port = free_port()
    env = dict(os.environ)
    env |= {
        "MODELS_PATH": str(folder / "models"),
        "MODEL_RUNNER_SOCK": str(folder / "dmr.sock"),
        "DMR_STATE_DIR": str(folder / "state"),
        "DMR_CONFIG_DIR": str(folder / "config"),
        "DMR_THREADS": str(threads),
        "DMR_NUM_SEQUENCES": str(SEQUENCES),
    }
    dmr = [sys.executable, "-m", "dmr_desktop"]
    with started([*dmr, "serve", "--tcp", str(port)], env, folder / "service.log") as process:
        wait_for(f"http://127.0.0.1:{port}/version", process)
        package = ["package", "--gguf", str(model), "--context-size", str(CONTEXT), "dmr.local/benchmark"]
        subprocess.run([*dmr, *package], env=env, check=True, stdout=subprocess.DEVNULL)
        yield Server("dmr", f"http://127.0.0.1:{port}/engines/v1", "dmr.local/benchmark", process.pid)


async def compare(ours: Server, peer: Server, workloads: list[str], rounds: int) -> dict[str, list[Pair]]:
    for server in (ours, peer):
        await run(server, "single", seed=-1)  # loads the model, builds lazy tables
    pairs: dict[str, list[Pair]] = {workload: [] for workload in workloads}
    for round_number in range(rounds):
        for workload in workloads:
            figures: dict[str, list[Figures]] = {ours.name: [], peer.name: []}
            for turn in range(TURNS[workload]):
                seed = round_number * TURNS[workload] + turn
                for server in (ours, peer) if (round_number + turn) % 2 == 0 else (peer, ours):
                    figures[server.name].append(await run(server, workload, seed))
            pairs[workload].append(Pair(joined(figures[ours.name]), joined(figures[peer.name])))
            print(f"  round {round_number} {workload}: {speed(pairs[workload][-1]):.2f}", flush=True)
    return pairs


def speed(pair: Pair) -> float:
    return pair.ours.tokens_s / pair.peer.tokens_s


def medians(pairs: list[Pair], name: str) -> str:
    """One figure's medians, theirs / ours."""
    return f"{median(getattr(p.peer, name) for p in pairs):.1f} / {median(getattr(p.ours, name) for p in pairs):.1f}"


def table(shape: str, pairs: dict[str, list[Pair]]) -> list[str]:
    """Markdown rows, one a workload."""
    rows = []
    for workload, found in pairs.items():
        ratios = sorted(speed(pair) for pair in found)
        cpu = median(pair.peer.cpu_ms_per_token / pair.ours.cpu_ms_per_token for pair in found)

        cells = [
            shape,
            workload,
            f"**{median(ratios):.2f}** ({ratios[0]:.2f} to {ratios[-1]:.2f})",
            f"{GOALS[workload]:.1f}",
            f"{cpu:.2f}",
            medians(found, "tokens_s"),
            medians(found, "ttft_ms"),
            medians(found, "itl_ms"),
            str(len(found)),
        ]
        rows.append("| " + " | ".join(cells) + " |")
    return rows


def machine() -> str:
    model = platform.processor()
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        model = next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        pass
    return f"{os.cpu_count()} x {model}, {platform.system()} {platform.release()}, Python {platform.python_version()}"


def report(rows: list[str], threads: int) -> str:
    head = ["shape", "workload", "tokens/s ratio, median (range)", "goal", "CPU ratio"]
    head += ["tokens/s, theirs / ours", "TTFT ms", "gap ms", "rounds"]
    return "\n".join(
        [
            "# Against llama-server",
            "",
            f"Machine: {machine()}. Load average at the end: {os.getloadavg()[0]:.1f}.",
            f"llama-cpp-python {version('llama-cpp-python')} and llama-server built from its vendored source; "
            f"{threads} threads, {SEQUENCES} sequences, {CONTEXT} tokens of unified context, Q8_0.",
            "",
            "Ratio over 1: ours is faster. CPU ratio over 1: ours spends less CPU time a generated token.",
            "`shared8` is eight requests at once after one new system prompt of about 1,500 tokens.",
            "",
            "| " + " | ".join(head) + " |",
            "|" + "---|" * len(head),
            *rows,
            "",
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--shapes", default="tiny,135m")
    parser.add_argument("--workloads", default=",".join(TURNS))
    parser.add_argument("--threads", type=int, default=max(1, os.cpu_count() or 2))
    parser.add_argument("--report", type=Path)
    options = parser.parse_args()
    binary, source = build(WORK), source_tree(WORK)
    rows: list[str] = []
    for shape in options.shapes.split(","):
        model = make_model(shape, WORK / f"{shape}.gguf", source)
        with tempfile.TemporaryDirectory(prefix="dmr-bench-") as name:
            folder = Path(name)
            print(f"{shape}:", flush=True)
            with (
                our_server(model, options.threads, folder) as ours,
                peer_server(binary, model, options.threads, folder / "peer.log") as peer,
            ):
                rows += table(shape, asyncio.run(compare(ours, peer, options.workloads.split(","), options.rounds)))
    text = report(rows, options.threads)
    print(text)
    if options.report:
        options.report.parent.mkdir(parents=True, exist_ok=True)
        options.report.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
