"""Who must make way when all places are taken: those who wait get a turn.

A sequence that has streamed for its turn may be sent back to wait; it goes on where it was once it gets another. A
newcomer needs the place of one that has had 15 seconds; who was there before takes only the place of one that has had
as long as itself, so that long answers change places ever more rarely. What makes way may have to be computed again:
at most a quarter of the time goes into that. Knows sequences and the clock, neither slots nor cells.
"""

from collections.abc import Callable, Iterable

from dmr_desktop.engine.pace import PrefillPace
from dmr_desktop.engine.sequence import Sequence

PATIENCE_SECONDS = 5.0
"""How long those in line wait for a place to become free by itself."""
TURN_SECONDS = 15.0
_LONGEST_TURN_SECONDS = 120.0
_OVERDUE_SECONDS = 60.0
_WORK_FOR_COMPUTING = 3.0
_PAUSE_SECONDS = 0.5


class Turns:
    """``clock`` in seconds, of any beginning."""

    def __init__(self, pace: PrefillPace, clock: Callable[[], float]) -> None:
        self._pace = pace
        self._clock = clock
        self._next_change = 0.0

    def queued(self, sequence: Sequence) -> None:
        """It waits from now on."""
        sequence.waits_since = self._clock()
        if sequence.turn_began is not None:
            sequence.served_seconds += sequence.waits_since - sequence.turn_began
            sequence.turn_began = None

    def caught_up(self, sequence: Sequence) -> None:
        """All its tokens are computed, so each step brings it one: its turn begins, if it has not."""
        if sequence.turn_began is None:
            sequence.turn_began = self._clock()

    def next_of(self, waiting: Iterable[Sequence], running: Iterable[Sequence]) -> Sequence | None:
        """Who may ask for a place now; asking takes time, so twice a second at most.

        Of those who have waited long enough the one that was served least, unless another has waited far too long. One
        for which nobody would make way comes last.
        """
        now = self._clock()
        if now < self._next_change:
            return None
        due = [sequence for sequence in waiting if now - sequence.waits_since >= PATIENCE_SECONDS]
        if not due:
            return None
        self._next_change = now + _PAUSE_SECONDS
        groups = {sequence.group for sequence in running}
        due = [sequence for sequence in due if sequence.group is None or groups != {sequence.group}] or due
        longest = min(due, key=lambda sequence: sequence.waits_since)
        if now - longest.waits_since >= _OVERDUE_SECONDS:
            return longest
        return min(due, key=lambda sequence: (sequence.served_seconds, sequence.waits_since))

    def changed(self, num_lost: int) -> None:
        """Somebody made way, and ``num_lost`` tokens will be computed again: others work first."""
        self._next_change = self._clock() + _WORK_FOR_COMPUTING * self._pace.seconds_for(num_lost)

    def is_over(self, sequence: Sequence, served_seconds: float = 0.0) -> bool:
        """Whether a running sequence has had its turn, for one that was served so long."""
        if sequence.turn_began is None:
            return False
        turn = max(TURN_SECONDS, min(served_seconds, _LONGEST_TURN_SECONDS))
        return self._clock() - sequence.turn_began >= turn

    def yielding(self, running: list[Sequence], to: Sequence) -> list[Sequence]:
        """Those who must make way for ``to``, the first first: whose turn began the longest ago.

        The choices of one request do not take each other's place: nobody would have the sooner what all wait for.
        """
        others = (other for other in running if to.group is None or other.group != to.group)
        over = [other for other in others if self.is_over(other, to.served_seconds)]
        return sorted(over, key=lambda other: other.turn_began or 0.0)
