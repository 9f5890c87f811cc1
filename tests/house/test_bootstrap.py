"""What installs the engine: llama.cpp is built once, with the project's flags, however often it is installed.

A stand-in for llama-cpp-python comes from an index on loopback that sends no validity with its files, as some mirrors
do; its build writes down the flags it was given. The rest is uv itself and the script itself.
"""

import hashlib
import http.server
import io
import json
import subprocess
import sys
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from types import ModuleType

import bootstrap
import pytest
from engine_gpu import Machine

ROOT = Path(__file__).resolve().parents[2]
NAME = "llama_cpp_python-0.3.36"
BACKEND = """
import os, time, zipfile
from pathlib import Path

INFO = "llama_cpp_python-0.3.36.dist-info"

def build_wheel(folder, config_settings=None, metadata_directory=None):
    settings = (f"{name}={value}" for name, value in sorted((config_settings or {}).items()))
    flags = " ".join([os.environ.get("CMAKE_ARGS", ""), *settings]).strip()
    time.sleep(float(os.environ.get("BUILD_SECONDS", "0")))
    if "BREAKS" in os.environ:
        os._exit(9)  # as if it had been interrupted
    with open(os.environ["BUILDS"], "a") as builds:
        builds.write(flags + "\\n")
    name = "llama_cpp_python-0.3.36-py3-none-any.whl"
    with zipfile.ZipFile(Path(folder) / name, "w") as wheel:
        wheel.writestr("llama_cpp.py", f"FLAGS = {flags!r}")
        wheel.writestr(f"{INFO}/METADATA", "Metadata-Version: 2.1\\nName: llama-cpp-python\\nVersion: 0.3.36\\n")
        wheel.writestr(f"{INFO}/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr(f"{INFO}/RECORD", "")
    return name
"""
PROJECT = """
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]

[project]
name = "llama-cpp-python"
version = "0.3.36"
"""


class Index(http.server.SimpleHTTPRequestHandler):
    """No Last-Modified and no ETag, so that whoever asks again has to fetch again."""

    def send_header(self, keyword: str, value: str) -> None:
        if keyword != "Last-Modified":
            super().send_header(keyword, value)

    def log_message(self, format: str, *args: object) -> None:
        pass


def sdist() -> bytes:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:gz") as archive:
        info = "Metadata-Version: 2.2\nName: llama-cpp-python\nVersion: 0.3.36\n"
        for name, text in {"pyproject.toml": PROJECT, "backend.py": BACKEND, "PKG-INFO": info}.items():
            entry = tarfile.TarInfo(f"{NAME}/{name}")
            entry.size = len(text.encode())
            archive.addfile(entry, io.BytesIO(text.encode()))
    return data.getvalue()


def publish(folder: Path, project: str, file: str, data: bytes) -> str:
    """Its line of a lock file."""
    digest = hashlib.sha256(data).hexdigest()
    pages = folder / "simple" / project
    pages.mkdir(parents=True)
    (pages / file).write_bytes(data)
    (pages / "index.html").write_text(f'<a href="{file}#sha256={digest}">{file}</a>')
    return f"{project}==0.3.36 \\\n    --hash=sha256:{digest}\n"


def wheel() -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        info = "more-0.3.36.dist-info"
        archive.writestr("more.py", "")
        archive.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: more\nVersion: 0.3.36\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    return data.getvalue()


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    project = tmp_path / "project"
    project.mkdir()
    (project / "pyproject.toml").write_bytes((ROOT / "pyproject.toml").read_bytes())
    lock = publish(tmp_path / "index", "llama-cpp-python", f"{NAME}.tar.gz", sdist())
    (project / "requirements.lock").write_text(lock)
    monkeypatch.setattr(bootstrap, "ROOT", project)
    monkeypatch.setattr(bootstrap, "UV", (sys.executable, "-m", "uv"))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Index, directory=str(tmp_path / "index")))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("UV_DEFAULT_INDEX", f"http://127.0.0.1:{server.server_address[1]}/simple")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("BUILDS", str(tmp_path / "builds"))
    for name in ("CMAKE_ARGS", "GPU", "UV_OFFLINE", "UV_NO_CACHE", "UV_EXTRA_INDEX_URL", "UV_INDEX", "UV_FIND_LINKS"):
        monkeypatch.delenv(name, raising=False)
    yield bootstrap
    server.shutdown()
    server.server_close()


@pytest.fixture
def builds(tmp_path: Path) -> Path:
    return tmp_path / "builds"


def clone(script: ModuleType, folder: Path, monkeypatch: pytest.MonkeyPatch, gpu: str = "none") -> str:
    """Install into a new environment; the flags that the engine there was built with."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    monkeypatch.setattr(script, "VENV", folder)
    monkeypatch.setattr(script, "PYTHON", folder / "bin" / "python")
    script.install_locked("requirements.lock", build_for(script, gpu))
    return flags(folder)


def build_for(script: ModuleType, gpu: str) -> object:
    return script.choose(Machine("linux", nvcc="/cuda/nvcc", has_vulkan_tools=True), gpu)


def flags(folder: Path) -> str:
    code = "import json, llama_cpp; print(json.dumps(llama_cpp.FLAGS))"
    done = subprocess.run([folder / "bin" / "python", "-c", code], check=True, capture_output=True)
    found = json.loads(done.stdout)
    assert isinstance(found, str)
    return found


def test_a_second_clone_takes_the_engine_from_the_cache(
    script: ModuleType, tmp_path: Path, builds: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "-fno-dse" in clone(script, tmp_path / "one", monkeypatch)
    assert "-fno-dse" in clone(script, tmp_path / "two", monkeypatch)
    assert len(builds.read_text().splitlines()) == 1


def test_another_lock_file_builds_the_same_engine_no_second_time(
    script: ModuleType, tmp_path: Path, builds: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clone(script, tmp_path / "one", monkeypatch)
    lock = script.ROOT / "requirements.lock"
    lock.write_text(lock.read_text() + publish(tmp_path / "index", "more", "more-0.3.36-py3-none-any.whl", wheel()))
    assert "-fno-dse" in clone(script, tmp_path / "two", monkeypatch)
    assert len(builds.read_text().splitlines()) == 1
    assert (next((tmp_path / "two" / "lib").iterdir()) / "site-packages" / "more.py").exists()


def test_a_build_without_the_flags_is_never_taken(
    script: ModuleType, tmp_path: Path, builds: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = script.ROOT / "pyproject.toml"
    right = project.read_text()
    project.write_text('[project]\nname = "x"\nversion = "1"\n')
    assert clone(script, tmp_path / "one", monkeypatch) == ""
    project.write_text(right)
    assert "-fno-dse" in clone(script, tmp_path / "two", monkeypatch)
    assert len(builds.read_text().splitlines()) == 2


def test_what_an_interrupted_build_left_is_built_where_it_can_be_seen(
    script: ModuleType,
    tmp_path: Path,
    builds: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("BREAKS", "1")
    with pytest.raises(SystemExit, match="the lines above say why"):
        clone(script, tmp_path / "one", monkeypatch)
    assert not builds.exists()
    monkeypatch.delenv("BREAKS")
    monkeypatch.setenv("BUILD_SECONDS", "2")
    monkeypatch.setattr(script, "STILL_SECONDS", 0.5)
    capfd.readouterr()
    assert "-fno-dse" in clone(script, tmp_path / "two", monkeypatch)
    shown = capfd.readouterr()
    assert "==> Building llama-cpp-python" in shown.out
    assert "==> still at it" in shown.out
    assert len(builds.read_text().splitlines()) == 1


def test_the_engine_is_built_again_when_asked(
    script: ModuleType, tmp_path: Path, builds: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clone(script, tmp_path / "one", monkeypatch)
    script.build_engine("requirements.lock", build_for(script, "none"))
    assert "-fno-dse" in flags(tmp_path / "one")
    assert len(builds.read_text().splitlines()) == 2


def test_each_kind_of_card_has_a_build_of_its_own(
    script: ModuleType, tmp_path: Path, builds: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "GGML" not in clone(script, tmp_path / "one", monkeypatch)
    assert script.built_for() == "none"
    found = clone(script, tmp_path / "two", monkeypatch, "cuda")
    assert "-fno-dse" in found
    assert "cmake.define.GGML_CUDA=ON" in found
    assert "cmake.define.CMAKE_CUDA_COMPILER=/cuda/nvcc" in found
    assert script.built_for() == "cuda"
    # The same environment for another card, and back: both wheels are in the cache by then.
    for gpu, expected in (("vulkan", "GGML_VULKAN=ON"), ("cuda", "GGML_CUDA=ON"), ("vulkan", "GGML_VULKAN=ON")):
        script.install_locked("requirements.lock", build_for(script, gpu))
        assert expected in flags(tmp_path / "two")
    assert len(builds.read_text().splitlines()) == 3


def test_an_environment_remembers_its_card(script: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(script, "VENV", tmp_path)
    machine = Machine("linux", nvcc="/cuda/nvcc", has_vulkan_tools=True)
    monkeypatch.setattr(script, "look", lambda: machine)
    assert script.engine_build().gpu == "none"
    script.memory().write_text("vulkan")
    assert script.engine_build().gpu == "vulkan"
    assert script.engine_build(anew=True).gpu == "none"
    monkeypatch.setenv("GPU", "cuda")
    assert script.engine_build().gpu == "cuda"
    monkeypatch.setenv("GPU", "voodoo")
    with pytest.raises(SystemExit, match="GPU=voodoo is not known"):
        script.engine_build()
    monkeypatch.delenv("GPU")
    machine = Machine("linux")
    assert script.engine_build().gpu == "none", "its tools are gone"


def test_an_environment_from_before_cards_were_built_for(
    script: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(script, "VENV", tmp_path)
    assert script.built_for() == ""
    (tmp_path / f"installed-{script.LOCKS[0]}").write_text("digest")
    assert script.built_for() == "none"


@pytest.mark.parametrize(("before", "anew"), [("none", True), ("cuda", False)])
def test_a_rebuild_for_another_card_leaves_the_other_builds_in_the_cache(
    script: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: str, anew: bool
) -> None:
    done: list[str] = []
    monkeypatch.setattr(script, "VENV", tmp_path)
    monkeypatch.setattr(script, "look", lambda: Machine("linux", nvcc="/cuda/nvcc"))
    monkeypatch.setattr(script, "prepare", lambda: None)
    monkeypatch.setattr(script, "build_engine", lambda lock, build: done.append("built anew"))
    monkeypatch.setattr(script, "install", lambda lock, build: done.append(f"installed {build.gpu}"))
    script.memory().write_text(before)
    monkeypatch.setenv("GPU", "none")
    script.rebuild()
    assert done == (["built anew"] if anew else []) + ["installed none"]
