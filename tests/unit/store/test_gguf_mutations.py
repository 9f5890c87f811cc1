"""Damaged files by the thousand: the check before loading raises nothing but its refusal, quickly, in little memory.

All 2,000 with ``DMR_ALL_MUTATIONS=1``.
"""

import os
import subprocess
import sys
import time
import tracemalloc
from pathlib import Path

import pytest

from dmr_desktop.engine.tiny_model import write_tiny_model
from dmr_desktop.store.gguf import GGUFError, read_header
from dmr_desktop.store.gguf_check import check_loadable
from tests.fakes.mutated_gguf import Mutator

COUNT = 2000 if os.environ.get("DMR_ALL_MUTATIONS") else 300
SECONDS = 1.0
BYTES = 100 << 20


@pytest.mark.timeout(600)
def test_mutated_files_are_read_or_refused(tmp_path: Path) -> None:
    sound, path = tmp_path / "sound.gguf", tmp_path / "mutant.gguf"
    write_tiny_model(sound)
    passed, slowest, largest, silent = 0, 0.0, 0, []
    tracemalloc.start()
    try:
        for seed, kind, data in Mutator(sound.read_bytes()).mutants(COUNT):
            path.write_bytes(data)
            tracemalloc.reset_peak()
            before, begun = tracemalloc.get_traced_memory()[0], time.perf_counter()
            try:
                check_loadable([read_header(path)])
                passed += 1
            except GGUFError as error:
                if not error.message.isprintable() or len(error.message) > 400:
                    silent.append((seed, kind, error.message))
            slowest = max(slowest, time.perf_counter() - begun)
            largest = max(largest, tracemalloc.get_traced_memory()[1] - before)
    finally:
        tracemalloc.stop()
    assert silent == []
    assert slowest < SECONDS
    assert largest < BYTES
    assert 0 < passed < COUNT / 3  # a check that refuses all, or nearly none, would prove nothing


def test_a_header_as_large_as_can_be(tmp_path: Path) -> None:
    """Half a million tokens, all different: what the largest header that is read at all costs."""
    count = 1 << 19
    tokens = b"".join((8).to_bytes(8, "little") + b"%08d" % number for number in range(count))
    key = b"tokenizer.ggml.tokens"
    head = b"GGUF" + (3).to_bytes(4, "little") + (0).to_bytes(8, "little") + (1).to_bytes(8, "little")
    head += len(key).to_bytes(8, "little") + key + (9).to_bytes(4, "little")
    path = tmp_path / "large.gguf"
    path.write_bytes(head + (8).to_bytes(4, "little") + count.to_bytes(8, "little") + tokens)
    code = (
        "import resource, sys, time; from pathlib import Path; from dmr_desktop.store.gguf import read_header\n"
        "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "before, begun = peak(), time.process_time(); found = read_header(Path(sys.argv[1]))\n"
        "print(found.array_lengths['tokenizer.ggml.tokens'], time.process_time() - begun, (peak() - before) * 1024)"
    )
    out = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True).stdout
    length, seconds, grown = out.split()
    assert int(length) == count
    assert float(seconds) < SECONDS
    assert int(grown) < BYTES
