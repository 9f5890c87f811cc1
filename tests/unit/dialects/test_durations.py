import pytest

from dmr_desktop.dialects.durations import format_duration, parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("10m", 600),
        ("1h30m", 5400),
        ("500ms", 0.5),
        ("1.5s", 1.5),
        ("0", 0),
        ("-1", -1),
        ("-1m", -60),
        ("300", 300),
        (" 5s ", 5),
        ("2562047h", 2562047 * 3600),
    ],
)
def test_go_durations(text: str, seconds: float) -> None:
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "text", ["", "m", "10 m", "5x", "1h-5m", "nan", "--1", "1e3s", "٣s", "1" * 65, "2562048h", "9" * 60]
)
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="not a duration"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(600, "10m0s"), (3600, "1h0m0s"), (45, "45s"), (0, "0s"), (-5, "-1"), (0.5, "0.5s"), (90.5, "1m30.5s")],
)
def test_go_spelling(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text
