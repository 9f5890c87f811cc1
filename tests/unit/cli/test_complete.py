import pytest

from dmr_desktop.cli import complete as module
from dmr_desktop.cli.complete import FILES, NO_FILES, complete, main
from dmr_desktop.cli.face import DMR, DOCKER


@pytest.fixture(autouse=True)
def two_models(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "model_names", lambda: ["dmr.local/demo:latest", "docker.io/ai/smollm2:latest"])


@pytest.mark.parametrize(
    ("before", "current", "offered", "directive"),
    [
        (["rm"], "", {"dmr.local/demo", "smollm2"}, NO_FILES),
        (["rm", "smollm2"], "", {"dmr.local/demo", "smollm2"}, NO_FILES),
        (["rm"], "ai/", {"ai/smollm2"}, NO_FILES),
        (["run"], "docker.io/ai/smo", {"docker.io/ai/smollm2"}, NO_FILES),
        (["run"], "smollm2:", {"smollm2:latest"}, NO_FILES),
        (["inspect", "smollm2"], "", set(), NO_FILES),
        (["tag"], "", {"dmr.local/demo", "smollm2"}, NO_FILES),
        (["tag", "smollm2"], "", set(), NO_FILES),
        (["logs"], "-", {"--help", "--follow", "--no-engines"}, NO_FILES),
        (["package", "--gguf"], "", set(), FILES),
        (["run", "--color"], "", {"auto", "yes", "no"}, NO_FILES),
        (["requests", "--model"], "", {"dmr.local/demo", "smollm2"}, NO_FILES),
        (["requests", "-f"], "", set(), NO_FILES),
        (["plugin"], "", {"install", "uninstall", "status"}, NO_FILES),
        (["--debug", "completion"], "", {"bash", "zsh", "fish"}, NO_FILES),
        (["nonsense"], "", set(), NO_FILES),
        (["configure", "smollm2", "--"], "-", set(), NO_FILES),
    ],
)
def test_what_may_come_next(before: list[str], current: str, offered: set[str], directive: int) -> None:
    candidates, found = complete(before, current, DMR)
    assert ({text for text, _ in candidates}, found) == (offered, directive)


def test_verbs_are_those_of_the_face() -> None:
    own, dockers = ({text for text, _ in complete([], "", face)[0]} for face in (DMR, DOCKER))
    assert "stop" in own
    assert "stop" not in dockers
    assert "stop-runner" in dockers
    assert "compose" not in own, "not for people"


def test_the_answer_is_cobras(capsys: pytest.CaptureFixture[str]) -> None:
    main(["rm", "smo"])
    assert capsys.readouterr().out == "smollm2\n:4\n"
    main(["purg"])
    assert capsys.readouterr().out == "purge\tremove all models\n:4\n"
    main(["purg"], described=False)
    assert capsys.readouterr().out == "purge\n:4\n"
