from dmr_desktop.cli.transfer import Transfer
from dmr_desktop.protocol.models import Progress


def line(layer: str, current: int, size: int = 100_000_000, total: int = 200_000_000) -> Progress:
    return Progress("progress", "", total, f"sha256:{layer}", size, current)


def test_layers_add_up_and_the_rate_is_what_came_lately() -> None:
    transfer = Transfer()
    transfer.apply(line("aaaaaaaaaaaaaaaa", 0), 0.0)
    transfer.apply(line("bbbbbbbbbbbbbbbb", 0), 0.0)
    transfer.apply(line("aaaaaaaaaaaaaaaa", 10_000_000), 1.0)
    transfer.apply(line("bbbbbbbbbbbbbbbb", 10_000_000), 2.0)
    assert transfer.current_bytes == 20_000_000
    assert transfer.bytes_per_second == 10_000_000
    assert transfer.plain_line() == "Downloaded 20.00MB of 200.00MB"
    assert transfer.bars(60) == [
        "aaaaaaaaaaaa  [==>                       ] 10.00MB/100.00MB",
        "bbbbbbbbbbbb  [==>                       ] 10.00MB/100.00MB",
        "20.00MB of 200.00MB  10.00MB/s  18s left",
    ]


def test_resumed_bytes_are_no_speed() -> None:
    transfer = Transfer()
    transfer.apply(line("a", 50_000_000), 0.0)
    transfer.apply(line("b", 90_000_000), 0.5)
    transfer.apply(line("a", 51_000_000), 1.0)
    assert transfer.bytes_per_second == 1_000_000


def test_the_window_forgets_what_is_long_ago() -> None:
    transfer = Transfer()
    transfer.apply(line("a", 0), 0.0)
    transfer.apply(line("a", 80_000_000), 1.0)
    for second in range(2, 9):
        transfer.apply(line("a", 80_000_000), float(second))
    assert transfer.bytes_per_second == 0.0


def test_one_that_stands_still_says_so() -> None:
    transfer = Transfer()
    for second in range(4):
        transfer.apply(line("a", 1_000_000 * second), float(second))
    assert "left" in transfer.bars(120)[-1]
    for second in range(4, 12, 2):
        transfer.apply(line("a", 3_000_000), float(second))
    assert transfer.bars(120)[-1].endswith("nothing arrives at the moment")
    transfer.apply(line("a", 200_000_000, 200_000_000), 13.0)
    assert "nothing" not in transfer.bars(120)[-1]


def test_notes_show_until_a_layer_moves() -> None:
    transfer = Transfer()
    transfer.apply(Progress("progress", "Fetching file list...\x1b"), 0.0)
    assert transfer.bars(80) == ["Fetching file list...\\x1b"]
    transfer.apply(line("a", 1), 1.0)
    assert "Fetching" not in "".join(transfer.bars(80))


def test_no_line_is_as_wide_as_the_terminal() -> None:
    transfer = Transfer()
    transfer.apply(line("日" * 20, 1), 0.0)
    transfer.apply(line("a" * 20, 100_000_000), 1.0)
    for columns in (8, 20, 40, 80, 200):
        assert all(len(text) < columns for text in transfer.bars(columns))


def test_a_full_layer_has_a_full_bar_and_an_empty_one_does_not_divide_by_zero() -> None:
    transfer = Transfer()
    transfer.apply(line("a", 100, size=100, total=100), 0.0)
    transfer.apply(line("b", 0, size=0, total=100), 0.0)
    full, empty, _ = transfer.bars(60)
    assert "[" + "=" * 10 in full
    assert ">" not in full
    assert "=" not in empty
