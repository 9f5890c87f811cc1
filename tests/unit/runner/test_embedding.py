"""What a runner says when it has made vectors: nothing that is too long for a frame."""

import base64
from typing import Any

import numpy as np
import pytest

from dmr_desktop.protocol.frames import MAX_FRAME_BYTES
from dmr_desktop.runner.embedding import EmbeddingService
from dmr_desktop.runner.pooled import Job


class Heard:
    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []

    def put_message(self, message: dict[str, Any]) -> None:
        self.messages.append(message)


@pytest.mark.parametrize(("count", "dim"), [(1, 8), (2048, 8192), (3, 2_000_000)])
def test_vectors_go_out_in_pieces(count: int, dim: int) -> None:
    heard = Heard()
    service = EmbeddingService.__new__(EmbeddingService)
    service._outbox = heard  # type: ignore[assignment]
    rows = np.broadcast_to(np.arange(count, dtype=np.float32)[:, None], (count, dim))
    service._send(Job(5, [[1]] * count), rows)
    assert all(len(message["vectors"]) < MAX_FRAME_BYTES / 4 for message in heard.messages)
    assert [message["more"] for message in heard.messages] == [True] * (len(heard.messages) - 1) + [False]
    firsts = []
    for message in heard.messages:
        assert (message["id"], message["dim"], message["prompt_tokens"]) == (5, dim, count)
        numbers = np.frombuffer(base64.b64decode(message["vectors"]), "<f4").reshape(message["count"], dim)
        firsts += numbers[:, 0].tolist()
    assert firsts == list(range(count))
