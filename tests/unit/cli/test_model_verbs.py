import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from dmr_desktop.cli.model_verbs import df, inspect, ls, model_table, rm, tag
from dmr_desktop.cli.package import package
from dmr_desktop.cli.parser import parse
from dmr_desktop.protocol.errors import InvalidRequest, ModelNotFound
from dmr_desktop.protocol.models import Model, ModelConfig

NOW = 1_750_000_000.0
SMOLLM = Model(
    id="sha256:354bf30d0aa3af413d2aa5ae4f23c66d78980072d1e07a5b0d776e9606a2f0b9",
    tags=("docker.io/ai/smollm2:latest", "docker.io/me/Copy:v1"),
    created=int(NOW - 90 * 86400),
    config=ModelConfig("gguf", "IQ2_XXS/Q4_K_M", "361.82 M", "llama", "256.35 MiB", context_size=8192),
)
NAMELESS = Model(id="sha256:" + "0" * 64, tags=(), created=0, config=ModelConfig())


def models(request: httpx.Request) -> httpx.Response:
    return httpx.Response(200, json=[SMOLLM.to_json(), NAMELESS.to_json()])


def test_the_table_has_a_row_for_each_name() -> None:
    assert [line.rstrip() for line in model_table([SMOLLM, NAMELESS], NOW).splitlines()] == [
        "MODEL NAME  PARAMETERS  QUANTIZATION    ARCHITECTURE  MODEL ID      CREATED       CONTEXT  SIZE",
        "<none>                                                000000000000",
        "me/Copy:v1  361.82 M    IQ2_XXS/Q4_K_M  llama         354bf30d0aa3  3 months ago  8192     256.35 MiB",
        "smollm2     361.82 M    IQ2_XXS/Q4_K_M  llama         354bf30d0aa3  3 months ago  8192     256.35 MiB",
    ]


def test_ls_in_its_forms(screen_for: Callable[..., Any]) -> None:
    screen = screen_for(models)
    assert ls(screen.session, parse(["ls", "--json"])) == 0
    assert json.loads(screen.out) == [SMOLLM.to_json(), NAMELESS.to_json()]
    assert screen.err == ""
    screen = screen_for(models)
    ls(screen.session, parse(["ls", "-q"]))
    assert screen.out == "354bf30d0aa3\n000000000000\n"
    screen = screen_for(models)
    ls(screen.session, parse(["ls", "ai/smollm2", "-q"]))
    assert screen.out == "354bf30d0aa3\n"


def test_a_hostile_name_cannot_write_to_the_terminal(screen_for: Callable[..., Any]) -> None:
    hostile = Model("sha256:\x1b[2J", ("evil\x1b]0;x\x07",), 0, ModelConfig(parameters="\r\n"))
    screen = screen_for(lambda request: httpx.Response(200, json=[hostile.to_json()]))
    for argv in (["ls"], ["ls", "-q"], ["ls", "--json"]):
        ls(screen.session, parse(argv))
    assert not set(screen.out) & {"\x1b", "\x07", "\r"}


def test_inspect_prints_json(screen_for: Callable[..., Any]) -> None:
    screen = screen_for(lambda request: httpx.Response(200, json=SMOLLM.to_json()))
    inspect(screen.session, parse(["inspect", "smollm2"]))
    assert json.loads(screen.out) == SMOLLM.to_json()
    assert screen.out.startswith('{\n    "id"')


def test_tag_says_what_it_did_and_what_is_missing(screen_for: Callable[..., Any]) -> None:
    screen = screen_for(lambda request: httpx.Response(201, json={}))
    tag(screen.session, parse(["tag", "a", "b"]))
    assert screen.out == 'Model "a" tagged successfully with "b"\n'
    screen = screen_for(lambda request: httpx.Response(404, text="model not found\n"))
    with pytest.raises(ModelNotFound, match="no such model: a"):
        tag(screen.session, parse(["tag", "a", "b"]))


def test_rm_goes_on_after_a_failure(screen_for: Callable[..., Any]) -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/models/gone":
            return httpx.Response(404, text="error while deleting model: model not found\n")
        if request.url.path == "/models/busy":
            return httpx.Response(409, text="error while deleting model: it is in use\n")
        return httpx.Response(200, json=[{"Untagged": "docker.io/ai/x:latest"}, {"Deleted": "sha256:00"}])

    screen = screen_for(handler)
    assert rm(screen.session, parse(["rm", "gone", "busy", "x"])) == 1
    assert screen.out == "Untagged: docker.io/ai/x:latest\nDeleted: sha256:00\n"
    assert "no such model: gone" in screen.err
    assert "it is in use" in screen.err
    assert "→ `dmr rm --force busy` removes it all the same" in screen.err


def test_package_sends_an_absolute_path(
    screen_for: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bodies: list[object] = []

    def handler(request: httpx.Request) -> httpx.Response:
        bodies.append(json.loads(request.content))
        return httpx.Response(201, json=SMOLLM.to_json())

    (tmp_path / "m.gguf").write_bytes(b"GGUF")
    monkeypatch.chdir(tmp_path)
    screen = screen_for(handler)
    assert package(screen.session, parse(["package", "--gguf", "m.gguf", "--context-size", "9", "me/x"])) == 0
    assert bodies == [{"gguf": str(tmp_path / "m.gguf"), "target": "me/x", "context_size": 9}]
    with pytest.raises(InvalidRequest, match=r"none\.gguf is not a file"):
        package(screen.session, parse(["package", "--gguf", "none.gguf", "x"]))


def test_df_leaves_out_an_engine_of_no_size(screen_for: Callable[..., Any]) -> None:
    screen = screen_for(
        lambda request: httpx.Response(200, json={"models_disk_usage": 270602784, "default_backend_disk_usage": 0})
    )
    df(screen.session, parse(["df"]))
    assert [line.split() for line in screen.out.splitlines()] == [["TYPE", "SIZE"], ["Models", "270.60MB"]]
    screen = screen_for(lambda request: httpx.Response(200, json={"models_disk_usage": 7}))
    assert df(screen.session, parse(["df", "--json"])) == 0
    assert json.loads(screen.out) == {"models_disk_usage": 7, "default_backend_disk_usage": 0}
