import pytest

from dmr_desktop.engine.detokenizer import Detokenizer
from dmr_desktop.protocol.generation import TokenLogprob


class Bytes:
    """Tokens below 256 are bytes, 1000 and above hidden unless shown."""

    def piece(self, token: int, *, special: bool) -> bytes:
        if token < 256:
            return bytes([token])
        return b"<mark>" if special else b""


def stream(data: bytes | list[int], *stop: str, visible: frozenset[int] = frozenset()) -> tuple[list[str], str | None]:
    """The text that came out after each token and at the end, and the stop string that matched."""
    detokenizer = Detokenizer(Bytes(), visible, stop)
    texts = []
    for token in data:
        stopped = detokenizer.push(token)
        texts.append(detokenizer.take()[0])
        if stopped:
            break
    detokenizer.end()
    texts.append(detokenizer.take()[0])
    return texts, detokenizer.stopped_by


def entry(token: int) -> TokenLogprob:
    return TokenLogprob(chr(token), (token,), -0.5)


def test_text_comes_out_at_once_without_stop_strings() -> None:
    assert stream(b"hey") == (["h", "e", "y", ""], None)


def test_characters_come_out_whole() -> None:
    texts, _ = stream("aé€😀b".encode())
    assert "".join(texts) == "aé€😀b"
    assert "\ufffd" not in "".join(texts[:-1])
    assert texts[1:3] == ["", "é"]


def test_half_a_character_at_the_end_is_replaced() -> None:
    assert stream("a€".encode()[:-1]) == (["a", "", "", "\ufffd"], None)


def test_bytes_that_are_no_text_are_replaced_and_the_rest_survives() -> None:
    texts, _ = stream(b"a\xff\xc3b")
    assert "".join(texts) == "a\ufffd\ufffdb"


def test_a_stop_string_across_tokens_is_cut() -> None:
    texts, stop = stream(b"one STOP two", "STOP")
    assert "".join(texts) == "one "
    assert stop == "STOP"


def test_what_may_become_a_stop_string_is_held_back() -> None:
    assert stream(b"aSTx", "STOP")[0] == ["a", "", "", "STx", ""]


def test_held_text_is_released_at_the_end() -> None:
    assert stream(b"aST", "STOP") == (["a", "", "", "ST"], None)


def test_a_stop_string_that_begins_within_the_held_text() -> None:
    texts, stop = stream(b"xaab", "aab")
    assert ("".join(texts), stop) == ("x", "aab")
    texts, stop = stream(b"xaaab", "aab")
    assert ("".join(texts), stop) == ("xa", "aab")


def test_the_first_of_several_stop_strings_wins() -> None:
    texts, stop = stream(b"12345", "45", "3")
    assert ("".join(texts), stop) == ("12", "3")


def test_a_stop_string_in_the_middle_of_a_token() -> None:
    class Words:
        def piece(self, token: int, *, special: bool) -> bytes:
            return [b"one END two", b"x"][token]

    detokenizer = Detokenizer(Words(), frozenset(), ("END",))
    assert detokenizer.push(0)
    detokenizer.end()
    assert detokenizer.take() == ("one ", ())


def test_a_stop_string_of_several_bytes_a_character() -> None:
    texts, stop = stream("über—aus".encode(), "—")
    assert ("".join(texts), stop) == ("über", "—")


@pytest.mark.parametrize("stop", [("",), ()])
def test_empty_stop_strings_stop_nothing(stop: tuple[str, ...]) -> None:
    assert stream(b"ab", *stop) == (["a", "b", ""], None)


def test_control_tokens_show_only_if_visible() -> None:
    assert "".join(stream([97, 1000, 98])[0]) == "ab"
    assert "".join(stream([97, 1000, 98], visible=frozenset({1000}))[0]) == "a<mark>b"


def test_log_probabilities_come_with_their_text() -> None:
    detokenizer = Detokenizer(Bytes(), frozenset(), ("STOP",))
    came = []
    for token in b"aSTx":
        detokenizer.push(token, entry(token))
        came.append([logprob.token for logprob in detokenizer.take()[1]])
    assert came == [["a"], [], [], ["S", "T", "x"]]


def test_log_probabilities_of_a_character_wait_for_all_of_it() -> None:
    detokenizer = Detokenizer(Bytes(), frozenset(), ())
    first, second = "é".encode()
    detokenizer.push(first, entry(first))
    assert detokenizer.take() == ("", ())
    detokenizer.push(second, entry(second))
    text, logprobs = detokenizer.take()
    assert (text, len(logprobs)) == ("é", 2)


def test_log_probabilities_of_cut_text_are_dropped_and_of_held_text_kept() -> None:
    cut = Detokenizer(Bytes(), frozenset(), ("bc",))
    for token in b"abc":
        cut.push(token, entry(token))
    cut.end()
    assert [logprob.token for logprob in cut.take()[1]] == ["a"]
    held = Detokenizer(Bytes(), frozenset(), ("bcd",))
    for token in [*b"abc", 1000]:
        held.push(token, entry(token))
    held.end()
    assert len(held.take()[1]) == 4
