"""Damaged models that the check lets pass, loaded by real runners of the real service: it stays up, whatever they do.

A few by default; with ``DMR_ALL_MUTATIONS=1`` forty.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from dmr_desktop.engine.tiny_model import write_tiny_model
from dmr_desktop.store.gguf import GGUFError, read_header
from dmr_desktop.store.gguf_check import check_loadable
from tests.fakes.mutated_gguf import Mutator
from tests.fixtures_live import DEMO, LiveService

COUNT = 40 if os.environ.get("DMR_ALL_MUTATIONS") else 5
pytestmark = [pytest.mark.slow, pytest.mark.timeout(60 + 10 * COUNT)]


def survivors(folder: Path) -> Iterator[tuple[int, Path]]:
    sound, path = folder / "sound.gguf", folder / "mutant.gguf"
    write_tiny_model(sound)
    # Not all alike: one in seven of those that pass.
    passed = 0
    for seed, _, data in Mutator(sound.read_bytes()).mutants(100_000):
        path.write_bytes(data)
        try:
            check_loadable([read_header(path)])
        except GGUFError:
            continue
        passed += 1
        if passed % 7 == 0:
            yield seed, path


def test_the_service_survives_what_the_check_lets_pass(live_service: LiveService, tmp_path: Path) -> None:
    statuses = []
    with live_service.http() as http:
        for _, (seed, path) in zip(range(COUNT), survivors(tmp_path), strict=False):
            packaged = http.post("/models/package", json={"gguf": str(path), "target": "ai/mutant"})
            assert packaged.status_code == 201, (seed, packaged.text)
            answer = http.post("/v1/completions", json={"model": "ai/mutant", "prompt": "the water", "max_tokens": 4})
            statuses.append(answer.status_code)
            # 507: numbers that are possible, but would take more memory than there is.
            assert answer.status_code in (200, 400, 422, 500, 507), (seed, answer.text)
            if answer.status_code != 200:
                assert answer.json()["error"]["message"], seed
            assert http.delete("/models/ai/mutant?force").status_code == 200
        assert live_service.process.poll() is None
        after = http.post("/v1/completions", json={"model": DEMO, "prompt": "hello", "max_tokens": 4})
        assert after.status_code == 200
        assert http.post("/engines/unload", json={"all": True}).status_code == 200
    assert len(statuses) == COUNT
    assert 200 in statuses
