from dmr_desktop.cli.table import display_width, fitted_table, table


def test_cells_are_padded_and_the_last_one_too() -> None:
    assert table(("A", "LONG"), [("abc", "d"), ("", "12345")]) == "A    LONG   \nabc  d      \n     12345  \n"


def test_a_narrow_terminal_gets_fewer_columns() -> None:
    headers, rows = ("NAME", "MADE", "SIZE"), [("a-model", "2 days ago", "1MiB")]
    whole = table(headers, rows)
    assert fitted_table(headers, rows, None, ("MADE",)) == whole
    assert fitted_table(headers, rows, 25, ("MADE",)) == whole  # its padding does not count
    assert fitted_table(headers, rows, 24, ("MADE",)) == table(("NAME", "SIZE"), [("a-model", "1MiB")])
    assert fitted_table(headers, rows, 5, ("MADE",)) == table(("NAME", "SIZE"), [("a-model", "1MiB")])


def test_no_rows_leave_the_header() -> None:
    assert table(("A", "B"), []) == "A  B  \n"


def test_wide_and_combining_characters_keep_the_columns() -> None:
    assert display_width("日本") == 4
    assert display_width("e\u0301") == 1
    assert table(("N", "X"), [("日本", "1"), ("a", "2")]).splitlines()[1:] == ["日本  1  ", "a     2  "]


def test_a_name_cannot_break_out_of_its_cell() -> None:
    assert table(("N",), [("a\nb\x1b[1m",)]) == "N              \na\\x0ab\\x1b[1m  \n"
