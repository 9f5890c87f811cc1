"""A model that is larger than the graphics card's memory."""

import pytest

from dmr_desktop.protocol.errors import RunnerStartFailed
from dmr_desktop.runner.offload import with_layers_that_fit

TOO_MUCH = "ggml_backend_cuda_buffer_type_alloc_buffer: allocating 9000.00 MiB on device 0: cudaMalloc failed"


class Card:
    """Holds ``room`` layers of a model of 32."""

    def __init__(self, room: int, evidence: str = TOO_MUCH) -> None:
        self.room = room
        self.evidence = evidence
        self.tries: list[int] = []

    def load(self, layers: int) -> str:
        self.tries.append(layers)
        if (32 if layers < 0 else layers) > self.room:
            raise RunnerStartFailed("the model cannot be loaded", evidence=self.evidence)
        return "model"


@pytest.mark.parametrize(("room", "layers", "tries"), [(32, -1, 1), (25, 24, 2), (20, 16, 3), (9, 8, 4), (3, 0, 5)])
def test_as_many_layers_as_fit(room: int, layers: int, tries: int) -> None:
    card = Card(room)
    assert with_layers_that_fit(card.load, 32) == ("model", layers)
    assert len(card.tries) == tries


def test_nothing_fits() -> None:
    card = Card(-1)
    with pytest.raises(RunnerStartFailed):
        with_layers_that_fit(card.load, 32)
    assert card.tries == [-1, 24, 16, 8, 0]


def test_another_reason_is_told_at_once() -> None:
    card = Card(0, evidence="unknown model architecture: 'x'")
    with pytest.raises(RunnerStartFailed, match="cannot be loaded"):
        with_layers_that_fit(card.load, 32)
    assert card.tries == [-1]
