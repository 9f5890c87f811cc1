import pytest

from dmr_desktop.cli.quantities import clock, decimal_size, duration_words, go_duration


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0.00B"),
        (999, "999.00B"),
        (1048576, "1.05MB"),
        (270602784, "270.60MB"),
        (1e9, "1.00GB"),
        (1e18, "1000.00PB"),
    ],
)
def test_sizes_are_decimal(size: float, text: str) -> None:
    assert decimal_size(size) == text


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-5, "Less than a second"),
        (0.5, "Less than a second"),
        (1, "1 second"),
        (59, "59 seconds"),
        (60, "About a minute"),
        (119, "About a minute"),
        (300, "5 minutes"),
        (3600, "About an hour"),
        (2 * 3600, "2 hours"),
        (47 * 3600, "47 hours"),
        (48 * 3600, "2 days"),
        (14 * 86400, "2 weeks"),
        (90 * 86400, "3 months"),
        (729 * 86400, "24 months"),
        (730 * 86400, "2 years"),
    ],
)
def test_durations_are_words(seconds: float, words: str) -> None:
    assert duration_words(seconds) == words


@pytest.mark.parametrize(
    ("seconds", "text"), [(-1, "0s"), (59.6, "1m00s"), (75, "1m15s"), (3600, "1h00m"), (7500, "2h05m")]
)
def test_clock(seconds: float, text: str) -> None:
    assert clock(seconds) == text


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("5m0s", 300.0),
        ("10m", 600.0),
        ("1h2m3.5s", 3723.5),
        ("250ms", 0.25),
        ("0", 0.0),
        ("-1", -1.0),
        ("-1m", -60.0),
        ("", None),
        ("5", None),
        ("5x", None),
        ("m5", None),
        ("five", None),
    ],
)
def test_go_durations(text: str, seconds: float | None) -> None:
    assert go_duration(text) == seconds
