from argparse import Namespace

import pytest

from dmr_desktop import __version__
from dmr_desktop.cli.face import DMR, DOCKER, Face
from dmr_desktop.cli.main import function_of
from dmr_desktop.cli.parser import make_parser, parse

DOCKERS = (
    "status pull push ls list ps df run rm inspect show tag package unload stop configure config requests logs purge "
    "version bench search context launch skills gateway install-runner uninstall-runner start-runner stop-runner "
    "restart-runner reinstall-runner compose"
)
"""Every command of Docker's own plug-in."""


@pytest.mark.parametrize("face", [DMR, DOCKER])
def test_every_verb_has_its_function(face: Face) -> None:
    _, verbs = make_parser(face)
    for parser in verbs.parsers.values():
        options = Namespace(verb=parser.get_default("verb"), module=parser.get_default("module"))
        assert callable(function_of(options))


def test_docker_model_has_every_command_that_dockers_own_has() -> None:
    _, verbs = make_parser(DOCKER)
    assert set(DOCKERS.split()) <= set(verbs.parsers)


def test_stop_means_the_service_or_the_models() -> None:
    assert parse(["stop"]).verb == "stop"
    assert parse(["stop", "ai/x"], DOCKER).verb == "unload"


def test_what_follows_two_dashes_is_handed_on_untouched() -> None:
    options = parse(["configure", "--context-size", "-1", "ai/x", "--", "--temp", "0.7", "--", "-x"])
    assert options.model == ["ai/x"]
    assert options.context_size == -1
    assert options.handed_on == ["--temp", "0.7", "--", "-x"]
    assert parse(["run", "ai/x", "--", "-1"]).prompt == ["-1"]


def test_a_switch_does_not_eat_the_model() -> None:
    assert parse(["configure", "--think", "ai/x"]).model == ["ai/x"]
    assert parse(["configure", "--think", "ai/x"]).think is True
    assert parse(["configure", "--think=false", "ai/x"]).think is False


def test_a_mistyped_verb_gets_the_near_ones(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse(["pul", "ai/x"])
    assert "did you mean pull" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["cp", "a", "b"], "did you mean tag?"),
        (["create", "x", "-f", "Modelfile"], "did you mean package?"),
        (["stop", "ai/x"], "to free a model's memory: dmr unload MODEL"),
    ],
)
def test_the_words_of_other_programs_lead_to_ours(
    argv: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        parse(argv)
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        ([], "Run language models on this machine"),
        (["help"], "Run language models on this machine"),
        (["help", "pull"], "usage: dmr pull"),
        (["--version"], f"dmr {__version__}\n"),
        (["-v"], f"dmr {__version__}\n"),
    ],
)
def test_help_and_version_are_no_errors(argv: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parse(argv)
    assert ended.value.code == 0
    assert words in capsys.readouterr().out


def test_a_wrong_option_gets_the_usage_of_its_verb(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse(["ls", "--format", "json"])
    told = capsys.readouterr().err
    assert told.startswith("usage: dmr ls ")
    assert "dmr ls: error: unrecognized arguments: --format" in told


def test_a_prompt_is_not_required(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse(["run"])
    assert capsys.readouterr().err.endswith("the following arguments are required: MODEL\n")


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
