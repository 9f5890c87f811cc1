"""Which graphics cards were there and are not any more: after a sleep, a crash of the driver, or pulled out."""

from collections import Counter
from collections.abc import Sequence

from dmr_desktop.protocol.notices import GpuSample


class GpuPresence:
    """Pure. ``missing`` are names of cards, a name twice if two of it are gone.

    A card is missed when it is not seen twice in a row: one look may have failed.
    """

    def __init__(self) -> None:
        self.missing: tuple[str, ...] = ()
        self._known: Counter[str] = Counter()
        self._unseen: Counter[str] = Counter()

    @property
    def has_cards(self) -> bool:
        """Whether any was ever seen."""
        return bool(self._known)

    def saw(self, cards: Sequence[GpuSample]) -> bool:
        """After each look; whether ``missing`` has changed."""
        now = Counter(card.name for card in cards)
        self._known |= now
        unseen = self._known - now
        missing = tuple(sorted((unseen & self._unseen).elements()))
        self._unseen = unseen
        has_changed = missing != self.missing
        self.missing = missing
        return has_changed
