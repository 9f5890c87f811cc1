"""Our pull against ``skopeo copy`` of the same artifact, from docker-registry on loopback, interleaved, as ratios.

    python benchmarks/pull.py [--rounds 5] [--mib 1024] [--layers 4]

Both fetch the layers in parallel and verify every digest; ours also flushes them to the disk before it lists the model.
Ours is timed inside a process that has done its imports, as the service has; skopeo's time is its process's. The ratio
is skopeo's time by ours: above 1, ours is faster. Peak memory is the puller's own, before and after the pull.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from dmr_desktop.store.layers import describe_layer, manifest_of  # noqa: E402
from dmr_desktop.store.manifest import CONFIG_V01, GGUF  # noqa: E402
from dmr_desktop.store.store import ModelStore  # noqa: E402
from tests.real_registry import SKOPEO, Registry  # noqa: E402

PULLER = """
import re, sys, threading, time
from pathlib import Path
import dmr_desktop.store.distribution
from dmr_desktop.store.store import ModelStore
peak = lambda: int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
store, before, started = ModelStore(Path(sys.argv[1])), peak(), time.perf_counter()
store.pull(sys.argv[2], progress=lambda line: None, cancelled=threading.Event())
print(time.perf_counter() - started, before, peak())
"""


def publish(host: str, work: Path, num_layers: int, layer_bytes: int) -> str:
    """An artifact of random layers, pushed by us; its reference."""
    store = ModelStore(work / "source")
    blobs = store._blobs
    layers = []
    for number in range(num_layers):
        path = work / f"layer{number}"
        with path.open("wb") as file:
            for _ in range(layer_bytes >> 20):
                file.write(os.urandom(1 << 20))
        digest, size = blobs.put_file(path, lambda _: None)
        path.unlink()
        layers.append(describe_layer(f"layer{number}", GGUF, digest, size, datetime.fromtimestamp(0, UTC)))
    manifest = manifest_of(blobs, CONFIG_V01, b'{"config":{"format":"gguf"}}', layers)
    reference = f"{host}/bench/model:latest"
    store._catalog.add(manifest, reference)
    store.push(reference, progress=lambda _: None, cancelled=threading.Event())
    return reference


def ours(reference: str, target: Path) -> tuple[float, float]:
    """Seconds, and MiB that the peak of memory grew by."""
    command = [sys.executable, "-c", PULLER, str(target), reference]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT)
    seconds, before, after = map(float, done.stdout.split())
    return seconds, (after - before) / 1024


def theirs(reference: str, target: Path) -> float:
    assert SKOPEO is not None
    command = [SKOPEO, "copy", "--insecure-policy", "--src-tls-verify=false", f"docker://{reference}", f"dir:{target}"]
    started = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--mib", type=int, default=1024)
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--folder", type=Path, help="where to work; the system's temporary folder by default")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=given.folder) as name, Registry(Path(name) / "registry") as registry:
        work = Path(name)
        reference = publish(registry.host, work, given.layers, (given.mib // given.layers) << 20)
        shutil.rmtree(work / "source")
        ratios = []
        for number in range(given.rounds):
            figures: dict[str, float] = {}
            grown = 0.0
            for who in ("ours", "skopeo") if number % 2 else ("skopeo", "ours"):
                target = work / f"{who}{number}"
                if who == "ours":
                    figures[who], grown = ours(reference, target)
                else:
                    figures[who] = theirs(reference, target)
                shutil.rmtree(target)
            ratios.append(figures["skopeo"] / figures["ours"])
            speed = given.mib / figures["ours"]
            print(
                f"round {number + 1}: ours {figures['ours']:.2f} s ({speed:.0f} MiB/s), "
                f"skopeo {figures['skopeo']:.2f} s, ratio {ratios[-1]:.2f}, memory +{grown:.0f} MiB",
                flush=True,
            )
        print(f"ratio {median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f}), goal 0.9")


if __name__ == "__main__":
    main()
