import pytest

from dmr_desktop.engine.thinking import ThinkingLimit, ThinkingWatch


def watch(max_tokens: int, *, is_open: bool) -> ThinkingWatch:
    return ThinkingWatch(ThinkingLimit(b"<think>", b"</think>", (7, 8), max_tokens, is_open))


def due_after(watch: ThinkingWatch, *pieces: bytes) -> list[bool]:
    found = []
    for piece in pieces:
        watch.add(piece)
        found.append(watch.is_due)
    return found


def test_the_limit_of_what_the_prompt_has_opened() -> None:
    assert due_after(watch(2, is_open=True), b"a", b"b", b"c") == [False, True, True]
    assert watch(0, is_open=True).is_due


def test_a_start_by_the_model_itself() -> None:
    assert not watch(0, is_open=False).is_due
    assert due_after(watch(0, is_open=False), b"\n", b"<th", b"ink>") == [False, False, True]
    assert due_after(watch(2, is_open=False), b"<think>", b"a", b"b") == [False, False, True]


@pytest.mark.parametrize("pieces", [(b"Hello", b"<think>", b"a"), (b"<b>", b"a", b"b"), (b" <thin", b"king", b"x")])
def test_an_answer_without_reasoning(pieces: tuple[bytes, ...]) -> None:
    assert due_after(watch(0, is_open=False), *pieces) == [False, False, False]


@pytest.mark.parametrize("end", [(b"</think>",), (b"</", b"think", b">"), (b"so.</th", b"ink>\n\n")])
def test_an_end_by_the_model_itself_however_it_is_spelled(end: tuple[bytes, ...]) -> None:
    one = watch(5, is_open=True)
    assert not any(due_after(one, b"a", *end, b"b", b"c", b"d", b"e", b"f"))


def test_a_character_is_not_cut() -> None:
    euro = "€".encode()
    assert due_after(watch(1, is_open=True), euro[:1], euro[1:2], euro[2:]) == [False, False, True]


def test_once_it_has_ended_it_is_over() -> None:
    one = watch(1, is_open=True)
    one.add(b"a")
    assert one.is_due
    one.end()
    assert due_after(one, b"b", b"c") == [False, False]
