"""Who must make way when all places are taken: those who wait get a turn.

A sequence that has streamed for its turn may be sent back to wait; it goes on where it was once it gets another. What
it had computed may have to be computed again, so a turn is the longer the more that is: at most a quarter of the time
goes into that. Knows sequences and the clock, neither slots nor cells.
"""

from collections.abc import Callable, Iterable

from dmr_desktop.engine.pace import PrefillPace
from dmr_desktop.engine.sequence import Sequence

PATIENCE_SECONDS = 5.0
"""How long those in line wait for a place to become free by itself."""
TURN_SECONDS = 15.0
_TURN_FOR_COMPUTING = 3.0
_PAUSE_SECONDS = 0.5


class Turns:
    def __init__(self, pace: PrefillPace, clock: Callable[[], float]) -> None:
        self._pace = pace
        self._clock = clock
        self._next_try = 0.0

    def queued(self, sequence: Sequence) -> None:
        """It waits from now on."""
        sequence.waits_since = self._clock()
        sequence.turn_began = None

    def caught_up(self, sequence: Sequence) -> None:
        """All its tokens are computed, so each step brings it one: its turn begins, if it has not."""
        if sequence.turn_began is None:
            sequence.turn_began = self._clock()

    def is_due(self, waiting: Iterable[Sequence]) -> bool:
        """Whether any has waited long enough for the first in line to ask for a place. Asked twice a second at most."""
        now = self._clock()
        if now < self._next_try:
            return False
        longest = max((now - sequence.waits_since for sequence in waiting), default=0.0)
        if longest < PATIENCE_SECONDS:
            return False
        self._next_try = now + _PAUSE_SECONDS
        return True

    def is_over(self, sequence: Sequence, num_lost: int | None = None) -> bool:
        """Whether a running sequence has had its turn, if ``num_lost`` tokens (None: all) will be computed again."""
        if sequence.turn_began is None:
            return False
        lost = sequence.num_tokens if num_lost is None else min(num_lost, sequence.num_tokens)
        turn = max(TURN_SECONDS, _TURN_FOR_COMPUTING * self._pace.seconds_for(lost))
        return self._clock() - sequence.turn_began >= turn

    def yielding(self, running: list[Sequence], to: Sequence, num_lost: int | None) -> list[Sequence]:
        """Those who must make way for ``to``, the first first: whose turn began the longest ago.

        The choices of one request do not take each other's place: nobody would have the sooner what all wait for.
        """
        others = (other for other in running if to.group is None or other.group != to.group)
        over = [other for other in others if self.is_over(other, num_lost)]
        return sorted(over, key=lambda other: other.turn_began or 0.0)
