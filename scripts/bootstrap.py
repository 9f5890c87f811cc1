#!/usr/bin/env python3
"""From a clean clone to a working product, with nothing but Python's standard library.

    python3 scripts/bootstrap.py setup    make .venv and install everything a desktop user gets
    python3 scripts/bootstrap.py run      setup, then the main job: service up, a model answering, the tray shown
    python3 scripts/bootstrap.py dev      setup plus what the tests and checks need
    python3 scripts/bootstrap.py rebuild  build llama.cpp again, for this CPU and compiler, and install it
    python3 scripts/bootstrap.py system   install the Debian packages the full test suite uses (root or sudo)

Running it again is cheap: a stamp in .venv remembers what was installed. The first time compiles llama.cpp
(5 to 15 minutes); uv keeps the wheel under the compiler flags that pyproject.toml sets for it, and every other clone
of this user takes it from there.

``GPU=cuda``, ``vulkan`` or ``none`` in the environment says for which graphics card llama.cpp is built; without it a
Mac's and, where CUDA's compiler is installed, NVIDIA's is used. An environment remembers what was said.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from subprocess import DEVNULL, PIPE
from typing import NoReturn

from engine_gpu import NONE, Build, CannotBuild, choose, look

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
PYTHON = BIN / ("python.exe" if os.name == "nt" else "python")
UV = (PYTHON, "-m", "uv")
UV_REQUIREMENT = "uv>=0.13,<1"
LOCKS = ("requirements.lock", "requirements-dev.lock")
ENGINE = "llama-cpp-python"
GPU_VARIABLE = "GPU"
STILL_SECONDS = 60.0

TEST_PACKAGES = (
    "docker-registry",
    "skopeo",
    "openssl",
    "xvfb",
    "trayer",
    "xdotool",
    "x11-utils",
    "imagemagick",
    "dbus-daemon",
)
# What PySide6's own libraries load on X11; the list in docs/desktop.md is for users.
QT_PACKAGES = tuple(
    "libegl1 libgl1 libdbus-1-3 libfontconfig1 libfreetype6 libglib2.0-0 libgssapi-krb5-2 libx11-xcb1 libxkbcommon0 "
    "libxkbcommon-x11-0 libxcb-cursor0 libxcb-icccm4 libxcb-image0 libxcb-keysyms1 libxcb-randr0 libxcb-render-util0 "
    "libxcb-shape0 libxcb-shm0 libxcb-sync1 libxcb-util1 libxcb-xfixes0 libxcb-xkb1 fonts-dejavu-core".split()
)


def say(text: str) -> None:
    print(f"==> {text}", flush=True)


def fail(text: str) -> NoReturn:
    sys.exit(f"error: {text}")


def environment() -> dict[str, str]:
    # The system's certificates, as pip uses: some networks have their own authority.
    return {"UV_SYSTEM_CERTS": "1", **os.environ, "VIRTUAL_ENV": str(VENV)}


@contextmanager
def alive() -> Iterator[None]:
    """A line a minute while the block goes on: llama.cpp is built without a word."""
    began, done = time.monotonic(), threading.Event()

    def tell() -> None:
        while not done.wait(STILL_SECONDS):
            say(f"still at it, after {(time.monotonic() - began) / 60:.0f} min")

    teller = threading.Thread(target=tell, daemon=True)
    teller.start()
    try:
        yield
    finally:
        done.set()
        teller.join()


def call(*command: str | Path) -> None:
    with alive():
        result = subprocess.run([str(part) for part in command], cwd=ROOT, env=environment(), check=False)
    if result.returncode:
        fail(f"`{' '.join(str(part) for part in command)}` ended with {result.returncode}; the lines above say why")


def check_python() -> None:
    if not (3, 11) <= sys.version_info[:2] <= (3, 13):
        found = ".".join(map(str, sys.version_info[:3]))
        fail(f"Python 3.11, 3.12 or 3.13 is needed, this is {found}. Try: make PYTHON=python3.12 run")


def check_compiler() -> None:
    missing = [tool for tool in ("gcc", "g++") if not shutil.which(tool)]
    if missing and sys.platform == "linux":
        fail(f"{' and '.join(missing)} is needed to build llama.cpp. Try: sudo apt-get install build-essential cmake")


def make_venv() -> None:
    if PYTHON.exists():
        return
    say("creating .venv")
    result = subprocess.run([sys.executable, "-m", "venv", str(VENV)], check=False)
    if result.returncode:
        shutil.rmtree(VENV, ignore_errors=True)
        fail("a virtual environment could not be made. Try: sudo apt-get install python3-venv")


def install(lock: str, build: Build) -> None:
    """Everything of the lock file, then the project itself, editable. Skipped when nothing has changed."""
    inputs = [ROOT / lock, ROOT / "pyproject.toml"]
    content = b"".join(path.read_bytes() for path in inputs) + sys.version.encode() + build.gpu.encode()
    digest = hashlib.sha256(content).hexdigest()
    stamp = VENV / f"installed-{lock}"
    if stamp.exists() and stamp.read_text() == digest:
        return
    prepare()
    say("installing packages (the first time builds llama.cpp: 5 to 15 minutes)")
    if build.definitions:
        say(f"llama.cpp is built for {GPU_VARIABLE}={build.gpu}; should that fail: make run {GPU_VARIABLE}={NONE}")
    if build.advice:
        say(build.advice)
    install_locked(lock, build)
    if not install_from_cache("--no-deps", "-e", "."):
        call(*uv_install("--no-deps", "-e", "."))
    stamp.write_text(digest)


def prepare() -> None:
    check_compiler()
    make_venv()
    call(PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", UV_REQUIREMENT)


def uv_install(*arguments: str) -> list[str]:
    return [*map(str, UV), "pip", "install", "--python", str(PYTHON), *arguments]


def engine_build(*, anew: bool = False) -> Build:
    """For which graphics card: what is asked for, what this environment was made for, or what the machine has."""
    machine, wanted = look(), os.environ.get(GPU_VARIABLE, "")
    try:
        if not wanted and not anew and (before := built_for()):
            with suppress(CannotBuild):  # what was there then may be gone
                return choose(machine, before)
        return choose(machine, wanted)
    except CannotBuild as problem:
        fail(str(problem))


def install_locked(lock: str, build: Build) -> None:
    """Everything of the lock file. What uv has in its cache is taken as it is; only the rest is asked from the network.

    The hashes are checked either way. But where a mirror sends no validity with its files, uv downloads them again
    whenever it asks, and builds again what it has downloaded again. So the engine is not asked for if it is there.
    """
    options = ("--require-hashes", *build_settings(build))
    if built_for() not in ("", build.gpu):
        options += ("--reinstall-package", ENGINE)
    if install_from_cache(*options, "-r", lock):
        say("all of them were in uv's cache")
    else:
        install_from_cache("--no-deps", *options, "-r", "-", text=locked(lock, ENGINE))
        call(*uv_install(*options, "-r", lock))
    memory().write_text(build.gpu)


def build_settings(build: Build) -> tuple[str, ...]:
    """uv's options; they are part of the key under which it keeps the wheel."""
    settings = (f"{ENGINE}:cmake.define.{definition}" for definition in build.definitions)
    return tuple(part for setting in settings for part in ("--config-settings-package", setting))


def memory() -> Path:
    """The file that says for which graphics card this environment's engine was built."""
    return VENV / "engine-gpu"


def built_for() -> str:
    """Empty if nothing was built yet."""
    if memory().exists():
        return memory().read_text()
    return NONE if any((VENV / f"installed-{lock}").exists() for lock in LOCKS) else ""


def install_from_cache(*arguments: str, text: str = "") -> bool:
    """Without the network; False if that does not do, and then nothing is installed. ``text`` is standard input.

    What uv says is kept to ourselves, as it may well fail; but for what it builds, which may be the engine: an
    interrupted build leaves the source in the cache.
    """
    command = uv_install("--offline", *arguments)
    with (
        alive(),
        subprocess.Popen(
            command, cwd=ROOT, env=environment(), stdin=PIPE, stdout=DEVNULL, stderr=PIPE, text=True
        ) as process,
    ):
        assert process.stdin is not None
        assert process.stderr is not None
        with suppress(BrokenPipeError):  # uv has given up already
            process.stdin.write(text)
            process.stdin.close()
        for line in process.stderr:
            if line.strip().startswith("Building"):
                say(line.strip())
    return process.returncode == 0


def locked(lock: str, package: str) -> str:
    """The requirement of ``package`` with its hashes: a line and those indented below it."""
    lines = (ROOT / lock).read_text().splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith(f"{package}=="))
    end = next((number for number in range(start + 1, len(lines)) if not lines[number].startswith(" ")), len(lines))
    return "\n".join(lines[start:end])


def rebuild() -> None:
    """The engine anew: for another CPU or compiler than built what is installed and in uv's cache, or another card."""
    lock = LOCKS[1] if (VENV / f"installed-{LOCKS[1]}").exists() else LOCKS[0]
    build = engine_build(anew=True)
    say(f"llama.cpp for {GPU_VARIABLE}={build.gpu}")
    if built_for() == build.gpu:
        prepare()
        say("building: 5 to 15 minutes, more for a graphics card")
        build_engine(lock, build)
    install(lock, build)


def build_engine(lock: str, build: Build) -> None:
    call(*UV, "cache", "clean", ENGINE)
    call(*uv_install("--reinstall-package", ENGINE, *build_settings(build), "--require-hashes", "-r", lock))
    memory().write_text(build.gpu)


def system(packages: tuple[str, ...] = (*TEST_PACKAGES, *QT_PACKAGES)) -> None:
    """Debian packages for tests. Without root or sudo it says what is missing; those tests then skip."""
    if not shutil.which("apt-get"):
        return
    needed = [name for name in packages if not has_package(name)]
    if not needed:
        return
    prefix: list[str] = []
    if os.geteuid() != 0:
        if (
            not shutil.which("sudo")
            or subprocess.run(["sudo", "-n", "true"], capture_output=True, check=False).returncode
        ):
            say(f"some tests will be skipped; for all of them: sudo apt-get install {' '.join(needed)}")
            return
        prefix = ["sudo"]
    say(f"installing {len(needed)} Debian packages for the tests")
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    # Servers are started by the tests themselves, on loopback; their system services must not start.
    policy = Path("/usr/sbin/policy-rc.d")
    ours = not policy.exists() and os.geteuid() == 0
    if ours:
        policy.write_text("#!/bin/sh\nexit 101\n")
        policy.chmod(0o755)
    try:
        subprocess.run([*prefix, "apt-get", "update", "-qq"], env=quiet, check=False)
        command = [*prefix, "apt-get", "install", "-y", "-qq", "--no-install-recommends", *needed]
        result = subprocess.run(command, env=quiet, check=False, stdout=subprocess.DEVNULL)
    finally:
        if ours:
            policy.unlink()
    if result.returncode:
        say("not all Debian packages could be installed; tests that need them will be skipped")


def has_package(name: str) -> bool:
    result = subprocess.run(["dpkg-query", "-W", "-f", "${Status}", name], capture_output=True, text=True, check=False)
    return result.stdout.endswith("install ok installed")


def main() -> int:
    check_python()
    role = sys.argv[1] if len(sys.argv) == 2 else ""
    if role in ("setup", "run"):
        # A developer's environment already holds everything.
        is_developers = (VENV / f"installed-{LOCKS[1]}").exists()
        if not is_developers or os.environ.get(GPU_VARIABLE):
            install(LOCKS[is_developers], engine_build())
        if role == "run":
            return subprocess.run([str(BIN / "dmr"), "quickstart"], check=False).returncode
        return 0
    if role == "dev":
        install(LOCKS[1], engine_build())
        return 0
    if role == "rebuild":
        rebuild()
        return 0
    if role == "system":
        system()
        return 0
    print(__doc__)
    return 2


if __name__ == "__main__":
    sys.exit(main())
