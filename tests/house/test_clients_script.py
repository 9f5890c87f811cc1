"""``make clients`` goes on where it was interrupted, and does without what cannot be installed."""

import sys
from pathlib import Path
from types import ModuleType

import clients
import pytest


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.setattr(clients, "ROOT", tmp_path)
    monkeypatch.setattr(clients, "HOME", tmp_path / ".clients")
    clients.HOME.mkdir()
    return clients


def test_what_is_installed_is_not_installed_again(script: ModuleType, tmp_path: Path) -> None:
    recipe, installed = tmp_path / "recipe", []
    recipe.write_text("one")
    client = script.Client("x", (recipe,), installed.append)
    client.ensure()
    client.ensure()
    assert len(installed) == 1
    recipe.write_text("two")
    client.ensure()
    assert len(installed) == 2


def test_an_interrupted_one_is_begun_again(script: ModuleType) -> None:
    def interrupted(folder: Path) -> None:
        (folder / "half").touch()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        script.Client("x", (), interrupted).ensure()
    found: list[bool] = []
    script.Client("x", (), lambda folder: found.append((folder / "half").exists())).ensure()
    assert found == [False]


def test_what_fails_is_named_with_its_last_words(
    script: ModuleType, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(folder: Path) -> None:
        script.call(folder, sys.executable, "-c", "import sys; print('no such package'); sys.exit(3)")

    monkeypatch.setattr(script, "CLIENTS", (script.Client("x", (), fail), script.Client("y", (), lambda folder: None)))
    missing = script.install_all(["x", "y"])
    assert list(missing) == ["x"]
    assert missing["x"].startswith("no such package (more in ")
    assert "x cannot be installed, so its tests are skipped: no such package" in capsys.readouterr().out
    with pytest.raises(script.NotInstalled, match="there is no `no-such-program` on the PATH"):
        script.need("no-such-program")


def test_the_tests_are_told_where_each_is(script: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DMR_TEST_N8N", "/my/own/n8n")
    monkeypatch.setenv("PATH", "/bin")
    monkeypatch.delenv("PYTHONPATH", raising=False)
    found = script.environment({"python", "n8n"})
    assert found["DMR_TEST_N8N"] == "/my/own/n8n"
    assert found["PATH"].split(":") == ["/bin", str(script.HOME / "python" / "bin")]
    assert found["PYTHONPATH"] == str(script.HOME / "python")
    assert "OPEN_WEBUI" not in found


def test_every_recipe_is_there(script: ModuleType) -> None:
    assert [client.name for client in script.CLIENTS] == ["python", "javascript", "claude-code", "n8n", "open-webui"]
    for client in script.CLIENTS:
        assert all(path.is_file() for path in client.recipe)
