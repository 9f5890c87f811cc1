"""Whether this machine has a card that llama.cpp could use."""

from pathlib import Path

import pytest

from dmr_desktop.runner.cards import card_maker


@pytest.mark.parametrize(
    ("vendors", "maker"),
    [((), None), (("0x1af4", "0x8086"), None), (("0x8086", "0x10de"), "NVIDIA"), (("0x1002",), "AMD")],
)
def test_the_maker_is_read_from_the_list_of_cards(tmp_path: Path, vendors: tuple[str, ...], maker: str | None) -> None:
    for number, vendor in enumerate(vendors):
        folder = tmp_path / f"renderD{128 + number}" / "device"
        folder.mkdir(parents=True)
        (folder / "vendor").write_text(f"{vendor}\n")
    assert card_maker(tmp_path, ()) == maker


def test_a_driver_without_a_listed_card_counts(tmp_path: Path) -> None:
    driver = tmp_path / "version"
    assert card_maker(tmp_path, (driver,)) is None
    driver.write_text("NVRM version: 1")
    assert card_maker(tmp_path, (driver,)) == "NVIDIA"
