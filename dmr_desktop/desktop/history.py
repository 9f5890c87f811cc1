"""The last minutes of telemetry, laid out on a time axis: pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from dmr_desktop.protocol.notices import TelemetrySample

POINTS = 120
"""Places on the axis, whatever it spans."""
_BRIDGED = 2
"""So many empty places in a row are late samples, more are a time of which nothing is known."""


@dataclass(frozen=True, slots=True)
class Span:
    """``samples`` in time order; neighbouring places on the axis are ``period_seconds`` apart."""

    samples: tuple[TelemetrySample, ...]
    period_seconds: float

    def points(self) -> list[TelemetrySample | None]:
        """One for each place, newest last; the axis begins with the first sample. None where nothing was measured."""
        if not self.samples:
            return []
        newest = self.samples[-1].at
        places: dict[int, TelemetrySample] = {}
        for sample in self.samples:
            age = round((newest - sample.at) / self.period_seconds)
            if 0 <= age < POINTS:
                places[age] = sample
        found: list[TelemetrySample | None] = [places.get(age) for age in range(max(places), -1, -1)]
        return _bridged(found)


def _bridged(points: Sequence[TelemetrySample | None]) -> list[TelemetrySample | None]:
    found = list(points)
    for index, point in enumerate(points):
        if point is None:
            before = next((back for back in range(1, _BRIDGED + 1) if points[index - back] is not None), 0)
            after = next((on for on in range(1, _BRIDGED + 1) if points[index + on] is not None), 0)
            if before and after and before + after <= _BRIDGED + 1:
                found[index] = points[index - before]
    return found
