import pytest

from dmr_desktop.cli.safe_text import safe_line, safe_text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain ümläut 日本 🙂", "plain ümläut 日本 🙂"),
        ("a\tb\nc", "a\tb\nc"),
        ("\x1b[2Jboo\x07", "\\x1b[2Jboo\\x07"),
        ("a\rb", "a\\x0db"),
        ("\x9b31m\x7f", "\\x9b31m\\x7f"),
        ("שלום\u200f!", "שלום\u200f!"),
    ],
)
def test_running_text_keeps_its_lines_and_loses_its_controls(text: str, shown: str) -> None:
    assert safe_text(text) == shown


def test_a_line_is_one_line_and_reads_in_its_order() -> None:
    assert safe_line("ai/x\u202egnp.exe\n\u2028\t\x1b") == "ai/x\\u202egnp.exe\\x0a\\u2028\\x09\\x1b"
