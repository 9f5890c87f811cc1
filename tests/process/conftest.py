"""Every test in this folder leaves no process behind."""

from collections.abc import Iterator

import psutil
import pytest


@pytest.fixture(autouse=True)
def no_process_is_left_behind() -> Iterator[None]:
    me = psutil.Process()
    before = set(me.children(recursive=True))
    yield
    left = [child for child in me.children(recursive=True) if child not in before]
    _, left = psutil.wait_procs(left, timeout=5)  # some are on their way out
    described = [f"{child.pid} {child.status()}" for child in left if child.is_running()]
    for child in left:
        child.kill()
    assert described == []
