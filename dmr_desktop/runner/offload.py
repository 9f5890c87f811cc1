"""A model that is larger than the graphics card's memory: as many layers there as fit, the rest on the processor."""

import logging
from collections.abc import Callable
from typing import TypeVar

from dmr_desktop.protocol.errors import RunnerStartFailed

T = TypeVar("T")
ALL_LAYERS = -1
_SHARES = (0.75, 0.5, 0.25, 0.0)

_logger = logging.getLogger(__name__)


def with_layers_that_fit(load: Callable[[int], T], num_layers: int) -> tuple[T, int]:
    """What ``load(number of layers on the card)`` gives, and that number: all (-1), else the largest that loads.

    ``num_layers`` are the model's. Only a lack of memory is tried again; every other :class:`RunnerStartFailed` is
    raised, and that of the last try.
    """
    try:
        return load(ALL_LAYERS), ALL_LAYERS
    except RunnerStartFailed as error:
        if not _lacks_memory(error) or num_layers < 1:
            raise
        _logger.warning("not all layers fit on the graphics card: %s", error.message)
    for share in _SHARES:
        layers = int(num_layers * share)
        try:
            return load(layers), layers
        except RunnerStartFailed as error:
            if share == _SHARES[-1] or not _lacks_memory(error):
                raise
            _logger.warning("%d layers do not fit either", layers)
    raise AssertionError("the last share ends the loop")


def fewer_note(layers: int, num_layers: int) -> str:
    return (
        f"{layers} of {num_layers} layers are on the graphics card, whose memory holds no more; the rest runs on the "
        "processor. A smaller context or a smaller quantization leaves room for more."
    )


def _lacks_memory(error: RunnerStartFailed) -> bool:
    """llama.cpp and the drivers say so in many words; all have one in common."""
    return "alloc" in f"{error.message} {error.evidence}".lower() or "out of memory" in error.evidence.lower()
