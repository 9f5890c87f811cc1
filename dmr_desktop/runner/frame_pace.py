"""When generated text is sent on: thirty times a second looks like a flow, and nobody reads as fast.

A small model makes a token in a few milliseconds. To carry each one alone through the sender, the service and
the client takes about a tenth of that time from the cores that compute the next one. What somebody
waits for never waits here: the first token, the end, an error.
"""

from collections.abc import Callable
from time import perf_counter

from dmr_desktop.engine.api import SequenceOutput

FRAME_SECONDS = 1 / 30


class FramePace:
    """Holds the engine's outputs between frames. ``add`` after every step; if ``is_due``, ``take`` and send them.

    No timer: a step that would end nearer to the frame's time than this one is waited for, so text is held for no
    longer than one and a half frames, and not at all where a step takes that long.
    """

    def __init__(self, clock: Callable[[], float] = perf_counter) -> None:
        self._clock = clock
        self._held: list[SequenceOutput] = []
        self._last_frame = self._last_step = clock()
        self.is_due = False

    @property
    def is_holding(self) -> bool:
        return bool(self._held)

    def add(self, outputs: list[SequenceOutput]) -> None:
        """What a step brought, which may be nothing."""
        now = self._clock()
        half_a_step = (now - self._last_step) / 2
        self._last_step = now
        self._held += outputs
        if self._held and (now + half_a_step - self._last_frame > FRAME_SECONDS or any(map(_is_urgent, outputs))):
            self.is_due = True

    def take(self) -> list[SequenceOutput]:
        """All that is held, in the order in which it came."""
        held, self._held = self._held, []
        self._last_frame = self._last_step
        self.is_due = False
        return held


def _is_urgent(output: SequenceOutput) -> bool:
    return output.first or output.finish is not None or output.error is not None
