"""Verbs of a few lines each: what they send, print and refuse."""

import hashlib
import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from dmr_desktop.cli.archive import id_in, load
from dmr_desktop.cli.bench import Level, bench_table, levels_of
from dmr_desktop.cli.launch import launch
from dmr_desktop.cli.model_verbs import inspect
from dmr_desktop.cli.package import package, repackage
from dmr_desktop.cli.parser import parse
from dmr_desktop.cli.push import push
from dmr_desktop.cli.requests_verb import requests
from dmr_desktop.cli.runner_service import start_runner
from dmr_desktop.cli.safe_text import safe_json
from dmr_desktop.cli.service_verbs import origins_of
from dmr_desktop.cli.show import fit, show
from dmr_desktop.cli.store_verbs import prune, purge, verify
from dmr_desktop.protocol.errors import DMRError, InvalidRequest, ModelNotFound, StoreError, Unauthorized
from dmr_desktop.protocol.short_names import nearest

Screens = Callable[..., Any]


def lines(*entries: object) -> httpx.Response:
    return httpx.Response(200, text="".join(json.dumps(entry) + "\n" for entry in entries))


def test_near_names() -> None:
    known = ["dmr.local/demo", "smollm2", "smollm2:135M", "qwen3", "huggingface.co/a/b-gguf"]
    assert nearest("demo", known)[0] == "dmr.local/demo"
    assert nearest("ai/smolm2", known)[0] == "smollm2"
    assert nearest("hf.co/a/b-gguf", known)[0] == "huggingface.co/a/b-gguf"
    assert nearest("mistral", known) == []


def test_a_missing_model_comes_with_near_names(screen_for: Screens) -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/models":
            return httpx.Response(200, json=[{"id": "sha256:0", "tags": ["docker.io/ai/smollm2:latest"]}])
        return httpx.Response(404, text="model not found\n")

    with pytest.raises(ModelNotFound) as caught:
        inspect(screen_for(handler).session, parse(["inspect", "smollm"]))
    assert "did you mean smollm2?" in caught.value.hint
    with pytest.raises(ModelNotFound, match="in its registry"):
        inspect(screen_for(handler).session, parse(["inspect", "-r", "smollm"]))


def test_push_counts_up_and_explains_a_refusal(screen_for: Screens) -> None:
    layer = {"id": "sha256:1", "size": 2_000_000, "current": 1_000_000}
    progress = {"type": "progress", "message": "", "total": 2_000_000, "layer": layer, "mode": "push"}
    done = {"type": "success", "message": "Model pushed successfully", "mode": "push"}
    screen = screen_for(lambda request: lines(progress, done))
    assert push(screen.session, parse(["push", "me/x"])) == 0
    assert screen.out.splitlines()[0] == "Uploaded 1.00MB of 2.00MB"
    assert screen.out.splitlines()[-1] == "Model pushed successfully"
    screen = screen_for(lambda request: httpx.Response(401, text="Unauthorized\n"))
    with pytest.raises(Unauthorized) as caught:
        push(screen.session, parse(["push", "me/x"]))
    assert "docker login" in caught.value.hint


def test_packaging_can_be_interrupted(screen_for: Screens, tmp_path: Path) -> None:
    def interrupted(request: httpx.Request) -> httpx.Response:
        raise KeyboardInterrupt

    path = tmp_path / "m.gguf"
    path.touch()
    screen = screen_for(interrupted)
    assert package(screen.session, parse(["package", "--gguf", str(path), "--push", "me/x"])) == 130
    assert "Interrupted; nothing of it is kept." in screen.err


def test_packages_of_all_kinds(screen_for: Screens, tmp_path: Path) -> None:
    asked: list[tuple[str, Any]] = []

    def handler(request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            return httpx.Response(200, json={"id": "sha256:0"})
        asked.append((request.url.path, json.loads(request.content)))
        return httpx.Response(201, json={"message": "done"})

    (tmp_path / "L").write_text("free")
    (tmp_path / "t.jinja").write_text("{{ messages }}")
    words = [
        "--safetensors-dir",
        str(tmp_path),
        "-l",
        str(tmp_path / "L"),
        "--chat-template",
        str(tmp_path / "t.jinja"),
    ]
    screen = screen_for(handler)
    assert package(screen.session, parse(["package", *words, "me/x"])) == 0
    assert package(screen.session, parse(["package", "--from", "ai/a", "--context-size", "64", "me/y"])) == 0
    assert repackage(screen.session, parse(["repackage", "ai/a", "me/z"])) == 0
    assert asked == [
        (
            "/models/package",
            {
                "target": "me/x",
                "safetensors_dir": str(tmp_path),
                "licenses": [str(tmp_path / "L")],
                "chat_template": str(tmp_path / "t.jinja"),
            },
        ),
        ("/models/ai/a/repackage", {"target": "me/y", "context_size": 64}),
        ("/models/ai/a/repackage", {"target": "me/z"}),
    ]
    for wrong in (
        ["--safetensors-dir", str(tmp_path / "L"), "x"],
        ["--from", "ai/a", "--mmproj", "m", "x"],
        ["--dduf", "d", "x"],
        ["--gguf", "g", "--format", "cncf", "x"],
    ):
        with pytest.raises(InvalidRequest):
            package(screen.session, parse(["package", *wrong]))


def test_show_and_fit(screen_for: Screens) -> None:
    config = {"format": "gguf", "context_size": 64, "gguf": {"b": "2", "a": "1\x1b[2J", "c": "{%" * 200}}
    screen = screen_for(lambda request: httpx.Response(200, json={"id": "sha256:0", "tags": ["t"], "config": config}))
    assert show(screen.session, parse(["show", "x"])) == 0
    assert screen.out.splitlines() == [
        "Model:       sha256:0",
        "Tags:        t",
        "",
        "Format:       gguf",
        "Context Size: 64",
        "",
        "GGUF Metadata:",
        "  a: 1\\x1b[2J",
        "  b: 2",
        "  c: (400 characters; `dmr inspect` has them)",
    ]
    found = {"fits": False, "context_size": 9, "total_bytes": 2_000_000_000, "max_context_that_fits": 4}
    screen = screen_for(lambda request: httpx.Response(200, json=found))
    assert fit(screen.session, parse(["fit", "x", "--context-size", "9"])) == 1
    assert screen.out.splitlines() == [
        "Context size  9 tokens",
        "Total         2.00GB",
        "It does not fit; with a context of 4 tokens it would.",
    ]
    parts = {"weights_bytes": 4e6, "kv_bytes": 25e6, "compute_bytes": 9e6, "total_bytes": 196e6}
    found = {"fits": True, "context_size": 9, **parts, "available_bytes": 2e9, "max_context_that_fits": 9}
    screen = screen_for(lambda request: httpx.Response(200, json=found))
    assert fit(screen.session, parse(["fit", "x"])) == 0
    assert screen.out.splitlines()[1:] == [
        "Weights       4.00MB",
        "KV cache      25.00MB",
        "Computation   9.00MB",
        "Process       158.00MB",
        "Total         196.00MB",
        "Available     2.00GB",
        "It fits.",
    ]


def test_requests_stay_json_and_harmless(screen_for: Screens) -> None:
    body = '[{"records": [{"request": "\u009b31m\u202e caf\u00e9"}]}]\n'
    screen = screen_for(lambda request: httpx.Response(200, text=body))
    assert requests(screen.session, parse(["requests"])) == 0
    assert json.loads(screen.out) == json.loads(body)
    assert not set(screen.out) & {"\u009b", "\u202e"}
    assert safe_json('"\u00e9"') == '"\u00e9"'
    stream = 'event: connected\ndata: {}\n\nevent: new_request\ndata: [1]\n\nevent: other\ndata: [2]\n\n'  # fmt: skip
    screen = screen_for(lambda request: httpx.Response(200, text=stream))
    assert requests(screen.session, parse(["requests", "-f"])) == 0
    assert screen.out.splitlines() == [
        "Connected to request stream. Press Ctrl+C to stop.",
        "[1]",
        "Stream closed by server.",
    ]


@pytest.mark.parametrize(
    ("answer", "is_purged"), [("y\n", True), ("Y\n", True), ("\n", False), ("no\n", False), ("yes\n", False)]
)
def test_purge_asks(screen_for: Screens, monkeypatch: pytest.MonkeyPatch, answer: str, is_purged: bool) -> None:
    asked: list[str] = []

    def handler(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.path)
        return httpx.Response(200, json={"unloaded_runners": 0})

    monkeypatch.setattr("sys.stdin", io.StringIO(answer))
    screen = screen_for(handler)
    assert purge(screen.session, parse(["purge"])) == 0
    assert asked == (["/engines/unload", "/models/purge"] if is_purged else [])
    assert screen.out.startswith("WARNING! This will remove the entire models directory.\n")
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    with pytest.raises(InvalidRequest, match="nobody answered"):
        purge(screen.session, parse(["purge"]))


def test_verify_names_what_is_damaged(screen_for: Screens) -> None:
    damage = {"type": "damage", "kind": "blob", "digest": "sha256:" + "a" * 64, "problem": "missing", "models": ["x"]}
    told = [{"type": "progress", "current": 1, "total": 2}, damage, {"type": "error", "message": "1 file is damaged"}]
    screen = screen_for(lambda request: lines(*told))
    assert verify(screen.session, parse(["verify"])) == 1
    assert "blob  aaaaaaaaaaaa  missing  x" in screen.out
    assert "1 file is damaged" in screen.out
    assert "--remove" in screen.err
    screen = screen_for(lambda request: lines({"type": "success", "message": "sound"}))
    assert verify(screen.session, parse(["verify"])) == 0
    assert (screen.out, screen.err) == ("sound\n", "")


@pytest.mark.parametrize(("more", "said"), [([], "nothing was changed"), (["--remove"], "may be deleted")])
def test_an_interrupted_verify_says_what_may_have_changed(screen_for: Screens, more: list[str], said: str) -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        raise KeyboardInterrupt

    screen = screen_for(handler)
    assert verify(screen.session, parse(["verify", *more])) == 130
    assert said in screen.err


def test_prune_lists_what_it_frees(screen_for: Screens) -> None:
    bodies: list[Any] = []
    found = {"leftovers": [{"kind": "partial", "name": "x", "bytes": 1000}], "bytes": 1000, "transfer_under_way": True}

    def handler(request: httpx.Request) -> httpx.Response:
        bodies.append(json.loads(request.content))
        return httpx.Response(200, json=found)

    screen = screen_for(handler)
    assert prune(screen.session, parse(["prune", "--dry-run", "--older-than", "2"])) == 0
    assert bodies == [{"dry_run": True, "older_than_hours": 2.0}]
    assert screen.out.splitlines()[-1] == "1.00kB would be freed."
    assert "under way" in screen.err


def test_bench_in_numbers() -> None:
    table = bench_table([Level(1, 2.0, 20, 4), Level(4, 2.0, 60, 8, 1)])
    rows = [line.split() for line in table.splitlines()]
    assert rows[1:] == [
        ["1", "10.00", "1.00x", "2.00", "20", "4", "0", "2.0s"],
        ["4", "30.00", "3.00x", "4.00", "60", "8", "1", "2.0s"],
    ]
    assert levels_of("1, 2,8") == [1, 2, 8]
    for wrong in ("", "0", "a", "1,,2", "1000"):
        with pytest.raises(InvalidRequest):
            levels_of(wrong)


def test_web_origins() -> None:
    assert origins_of("all") == ("*",)
    assert origins_of("none") == ()
    assert origins_of("https://a.b, app://x:1") == ("https://a.b", "app://x:1")
    for wrong in ("a.b", "https://a/b", "https://"):
        with pytest.raises(InvalidRequest):
            origins_of(wrong)


def test_launch_tells_before_it_does(screen_for: Screens) -> None:
    screen = screen_for(lambda request: httpx.Response(404))
    assert launch(screen.session, parse(["launch"])) == 0
    assert "claude" in screen.out
    screen = screen_for(lambda request: httpx.Response(404))
    launch(screen.session, parse(["launch", "claude", "--config"]))
    assert "  ANTHROPIC_BASE_URL=http://localhost:12434/anthropic" in screen.out
    screen = screen_for(lambda request: httpx.Response(404))
    launch(screen.session, parse(["launch", "codex", "--dry-run", "--model", "ai/x", "--", "--help"]))
    assert 'model_providers.dmr.base_url="http://localhost:12434/v1"' in screen.out
    assert screen.out.endswith(" --model ai/x --help\n")
    screen = screen_for(lambda request: httpx.Response(404))
    launch(screen.session, parse(["launch", "codex", "--config"]))
    assert "\nArguments: -c 'model_provider=\"dmr\"' -c" in screen.out
    screen = screen_for(lambda request: httpx.Response(404))
    launch(screen.session, parse(["launch", "openwebui", "--dry-run", "--port", "4000"]))
    assert "docker run --rm -p 127.0.0.1:4000:8080" in screen.out
    with pytest.raises(InvalidRequest, match="cannot reach"):
        launch(screen.session, parse(["launch", "openwebui"]))
    with pytest.raises(InvalidRequest, match="unsupported app"):
        launch(screen.session, parse(["launch", "emacs"]))


def test_claude_asks_for_one_model_only(screen_for: Screens) -> None:
    """Its small jobs would ask for one of Anthropic's otherwise, which is not here."""

    def settings(*words: str) -> str:
        screen = screen_for(lambda request: httpx.Response(404))
        launch(screen.session, parse(["launch", "claude", "--config", *words]))
        found: str = screen.out
        return found

    assert "  ANTHROPIC_DEFAULT_HAIKU_MODEL=ai/x\n" in settings("--model", "ai/x")
    assert "HAIKU" not in settings()


def test_opencode_is_told_the_models(screen_for: Screens) -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/models":
            tags = ["docker.io/ai/smollm2:latest", "dmr.local/demo:latest"]
            return httpx.Response(200, json=[{"id": "sha256:0", "tags": tags}])
        return httpx.Response(404)

    def configuration(*words: str) -> Any:
        screen = screen_for(handler)
        launch(screen.session, parse(["launch", "opencode", "--config", *words]))
        return json.loads(screen.out.split("OPENCODE_CONFIG_CONTENT=")[1])

    provider = configuration()["provider"]["dmr"]
    assert provider["options"]["baseURL"] == "http://localhost:12434/v1"
    assert list(provider["models"]) == ["smollm2", "dmr.local/demo"]
    assert configuration()["model"] == "dmr/smollm2"
    wanted = configuration("--model", "dmr.local/demo")
    assert wanted["model"] == "dmr/dmr.local/demo"
    assert list(wanted["provider"]["dmr"]["models"]) == ["dmr.local/demo", "smollm2"]


@pytest.mark.parametrize("words", [["--tls"], ["--host", "0.0.0.0"], ["--gpu", "cuda"], ["--proxy-cert", "x"]])
def test_runner_options_without_a_meaning_are_refused_by_name(screen_for: Screens, words: list[str]) -> None:
    with pytest.raises(InvalidRequest, match=words[0]):
        start_runner(screen_for().session, parse(["start-runner", *words]))


def test_an_archive_tells_its_models_id(tmp_path: Path) -> None:
    def archive(*names: str) -> Path:
        path = tmp_path / "m.tar"
        with tarfile.open(path, "w") as tar:
            for name in names:
                info = tarfile.TarInfo(name)
                info.size = 2
                tar.addfile(info, io.BytesIO(b"{}"))
        return path

    assert id_in(archive("blobs/sha256/0", "manifest.json")) == f"sha256:{hashlib.sha256(b'{}').hexdigest()}"
    assert id_in(archive("other")) == ""
    (tmp_path / "m.tar").write_bytes(b"no tar")
    assert id_in(tmp_path / "m.tar") == ""


def test_load_asks_for_a_file_when_it_cannot_know_the_model(
    screen_for: Screens, monkeypatch: pytest.MonkeyPatch
) -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/models/load":
            assert request.read() == b"tar"
            return lines({"type": "success", "message": "Model loaded successfully"})
        return httpx.Response(200, json=[{"id": "sha256:0"}])

    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"tar")))
    screen = screen_for(handler)
    with pytest.raises(DMRError, match="was here already"):
        load(screen.session, parse(["load", "--tag", "x"]))
    assert screen.out == "Model loaded successfully\n"


def test_a_failed_load_is_about_the_store(screen_for: Screens, tmp_path: Path) -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/models/load":
            request.read()
            return httpx.Response(500, text="error while loading model: manifest not found\n")
        return httpx.Response(200, json=[])

    (tmp_path / "m.tar").write_bytes(b"x")
    with pytest.raises(StoreError, match="manifest not found"):
        load(screen_for(handler).session, parse(["load", "-i", str(tmp_path / "m.tar")]))
