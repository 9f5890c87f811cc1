"""Large bodies are worked on apart from the event loop, small ones where they come."""

import threading

import pytest

from dmr_desktop.protocol.errors import InvalidRequest
from dmr_desktop.service.bodies import LARGE_BODY_BYTES, apart_if_large, parsed


@pytest.mark.parametrize(("num_bytes", "is_apart"), [(LARGE_BODY_BYTES, False), (LARGE_BODY_BYTES + 1, True)])
async def test_where_the_work_is_done(num_bytes: int, is_apart: bool) -> None:
    there = await apart_if_large(num_bytes, threading.current_thread)
    assert (there is not threading.current_thread()) == is_apart


@pytest.mark.parametrize("padding", [0, LARGE_BODY_BYTES])
async def test_bodies_are_read_alike(padding: int) -> None:
    blanks = b" " * padding
    assert await parsed(b'{"a": [1]}' + blanks) == {"a": [1]}
    with pytest.raises(InvalidRequest, match="twice"):
        await parsed(b'{"a": 1, "a": 2}' + blanks)
