"""Telemetry on a time axis."""

import pytest

from dmr_desktop.desktop.history import POINTS, Span
from dmr_desktop.protocol.notices import TelemetrySample


def sample(at: float) -> TelemetrySample:
    return TelemetrySample(at, 1.0, 1, 2, 0, 0.0, 0)


def ages(period: float, *times: float) -> list[float | None]:
    points = Span(tuple(sample(at) for at in times), period).points()
    return [None if point is None else point.at for point in points]


def test_each_second_has_its_place() -> None:
    assert ages(1.0, 10.0, 11.02, 12.04) == [10.0, 11.02, 12.04]
    assert ages(1.0) == []
    assert ages(15.0, 7.0) == [7.0]


def test_a_late_sample_leaves_no_gap_and_a_closed_panel_does() -> None:
    assert ages(1.0, 10.0, 12.0) == [10.0, 10.0, 12.0]
    assert ages(1.0, 10.0, 13.0) == [10.0, 10.0, 10.0, 13.0]
    assert ages(1.0, 10.0, 14.0) == [10.0, None, None, None, 14.0]
    assert ages(15.0, 0.0, 15.2, 90.0) == [0.0, 15.2, None, None, None, None, 90.0]


def test_slow_samples_do_not_drift_into_gaps() -> None:
    times = [number * 1.013 for number in range(110)]
    assert None not in ages(1.0, *times)


def test_the_axis_ends_where_the_chart_does() -> None:
    points = Span(tuple(sample(at) for at in range(300)), 1.0).points()
    assert len(points) == POINTS
    assert points[0] is not None
    assert points[0].at == 300 - POINTS


@pytest.mark.parametrize("times", [(5.0, 4.0, 6.0), (5.0, 5.0)])
def test_a_clock_that_was_set_back_does_no_harm(times: tuple[float, ...]) -> None:
    assert ages(1.0, *times)[-1] == times[-1]
