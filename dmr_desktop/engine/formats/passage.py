"""Running text: content, reasoning, arguments that end at a marker."""

from dmr_desktop.engine.formats.event_writer import Delta
from dmr_desktop.engine.formats.json_stream import SPACE
from dmr_desktop.engine.formats.markers import Markers
from dmr_desktop.engine.formats.source import Reading, Say, Source
from dmr_desktop.protocol.generation import Event


class Passage:
    """Text up to one of ``markers``, said as soon as it is sure.

    Held back is only what may become a marker, and white space, which may stand in front of one. ``delta`` is the
    event of a piece, where it needs nothing but the text.
    """

    __slots__ = ("_delta", "_markers", "_say", "_source")

    def __init__(self, source: Source, markers: Markers, say: Say, delta: Delta) -> None:
        self._source = source
        self._markers = markers
        self._say = say
        self._delta = delta

    def read(self) -> Reading[tuple[str, str]]:
        """The white space in front of the marker, and the marker, which is not taken. Raises OutputEnded."""
        source = self._source
        # In a list: a model that writes nothing but blanks must not take quadratic time.
        gap: list[str] = []
        while True:
            text, mark = source.take_before(self._markers, is_all=source.has_ended)
            is_last = source.has_ended and not mark
            said = text if is_last or not self._markers else text.rstrip(SPACE)
            if said or is_last:
                self._say("".join(gap) + said)
                gap.clear()
            if len(said) < len(text):
                gap.append(text[len(said) :])
            if mark:
                return "".join(gap), mark
            if not gap and source.is_empty:
                source.direct = self._direct
            source.want()
            yield
            source.direct = None

    def _direct(self, text: str) -> Event | None:
        return None if self._markers.may_begin_in(text) else self._delta(text)
