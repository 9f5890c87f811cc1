import pytest

from dmr_desktop.cli.main import VERBS, _function
from dmr_desktop.cli.parser import make_parser, parse


def test_every_verb_has_its_function() -> None:
    actions = [action for action in make_parser()._actions if hasattr(action, "choices") and action.choices]
    assert {parser.get_default("verb") for parser in actions[0].choices.values()} == set(VERBS)  # type: ignore[union-attr]
    for verb in VERBS:
        assert callable(_function(verb))


def test_words_may_come_before_and_after_options() -> None:
    assert parse(["run", "m", "--max-tokens", "9", "hello", "you"]).prompt == ["hello", "you"]
    assert parse(["run", "m", "hello", "--temperature", "0", "you"]).prompt == ["hello", "you"]
    assert parse(["rm", "a", "-f", "b"]).models == ["a", "b"]
    assert parse(["unload", "--all"]).models == []


def test_aliases_are_the_same_verb() -> None:
    assert parse(["list"]).verb == "ls"
    assert parse(["remove", "x"]).verb == "rm"


@pytest.mark.parametrize(
    "argv",
    [
        [],
        ["nonsense"],
        ["ls", "--json", "-q"],
        ["ls", "a", "b"],
        ["pull"],
        ["pull", "a", "--nonsense"],
        ["rm", "a", "--nonsense"],
        ["enable", "--tcp", "0"],
        ["enable", "--tcp", "65536"],
        ["enable", "--tcp", "many"],
        ["run", "m", "--max-tokens", "0"],
        ["package", "name"],
    ],
)
def test_wrong_usage_ends_with_2(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        parse(argv)
    assert caught.value.code == 2
    assert "usage:" in capsys.readouterr().err
