#!/usr/bin/env python3
"""Run tests/langchain at both ends of what pyproject.toml allows: the oldest and the newest LangChain and OpenAI SDK.

    make langchain-ends                              both ends; LangChain's standard suites are among the tests
    make langchain-ends PYTEST_ARGS="-k standard"    some of the tests
    ENDS=newest make langchain-ends                  one of them: oldest, newest

The oldest are the lower bounds themselves; the newest are what the index has today, so another day may bring another
result. Each set goes into a folder of its own below .clients/, which Python looks into before .venv.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HOME = ROOT / ".clients"
ENDS = ("oldest", "newest")
SHOWN = ("langchain-core", "langchain-openai", "openai", "httpx", "langchain-tests", "langchain")


def uv(*arguments: str | Path) -> str:
    """What it printed. Ends the program if it fails: its own words say which bounds contradict each other."""
    command = [sys.executable, "-m", "uv", *map(str, arguments)]
    environment = {"UV_SYSTEM_CERTS": "1", **os.environ}
    done = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        sys.exit(f"error: `{' '.join(command)}` ended with {done.returncode}; the lines above say why")
    return done.stdout


def requirements(end: str) -> str:
    """Lines for pip: this package's own requirements at ``end``, and LangChain's tests, always the newest that fit."""
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    own = "\n".join(extras["langchain"])
    if end == "oldest":
        own = uv(
            "pip", "compile", "-q", "--no-deps", "--resolution=lowest-direct", "--extra=langchain", "pyproject.toml"
        )
    return "\n".join([own, *(line for line in extras["dev"] if line.startswith("langchain"))])


def install(end: str) -> Path:
    folder = HOME / f"langchain-{end}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write(requirements(end))
        file.flush()
        uv("pip", "install", "-q", "--python", sys.executable, "--target", folder, "-r", file.name)
    return folder


def run(end: str, arguments: list[str]) -> int:
    """pytest's exit code."""
    folder = install(end)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [str(folder), os.getenv("PYTHONPATH")]))}
    ask = f"from importlib.metadata import version as v; print(', '.join(n + ' ' + v(n) for n in {SHOWN}))"
    found = subprocess.run([sys.executable, "-c", ask], env=environment, capture_output=True, text=True, check=True)
    print(f"==> {end}: {found.stdout.strip()}", flush=True)
    command = [sys.executable, "-m", "pytest", "tests/langchain", *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode


def main() -> int:
    ends = os.environ.get("ENDS", "").split() or list(ENDS)
    if unknown := set(ends) - set(ENDS):
        sys.exit(f"error: ENDS: there is no {', '.join(sorted(unknown))}\n\n{__doc__}")
    codes = {end: run(end, sys.argv[1:]) for end in ends}
    for end, code in codes.items():
        print(f"==> {end}: {'passed' if code == 0 else f'failed ({code})'}")
    return max(codes.values())


if __name__ == "__main__":
    sys.exit(main())
