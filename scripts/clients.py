#!/usr/bin/env python3
"""Install the programs that DMR Desktop is for into .clients/, and run tests/clients with them.

    make clients                              all that are open source
    make clients PYTEST_ARGS="-k litellm"     some of the tests; PYTEST_ARGS=tests/clients/test_n8n.py one file of them
    CLIENTS="python n8n" make clients         some of the programs: python, javascript, n8n, open-webui;
                                              claude-code, which is not open source, only if it is named

The first time takes ten minutes and 4 GB. What was installed is not installed again; what cannot be is named, also at
the end, and its tests are skipped. Removing .clients/ undoes all of it. n8n's queue mode needs Redis and PostgreSQL:
Debian's are installed where that is allowed.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import bootstrap

ROOT = Path(__file__).resolve().parent.parent
HOME = ROOT / ".clients"
RECIPES = ROOT / "tests" / "clients"
LOCK = ROOT / "requirements.lock"
QUEUE_PACKAGES = ("redis-server", "postgresql")
"""Of Debian, for n8n's queue mode."""
SECONDS = 1800.0
"""Of one command; npm has been seen to look for a solution without an end."""


class NotInstalled(Exception):
    """The message says why."""


@dataclass(frozen=True)
class Client:
    """``recipe`` are the files that say what is installed; ``install`` does it in an empty ``folder``.

    One that is not usual must be asked for.
    """

    name: str
    recipe: tuple[Path, ...]
    install: Callable[[Path], None]
    is_usual: bool = True

    @property
    def folder(self) -> Path:
        return HOME / self.name

    @property
    def _stamp(self) -> Path:
        return self.folder / "installed"

    def _digest(self) -> str:
        return hashlib.sha256(b"".join(path.read_bytes() for path in self.recipe) + sys.version.encode()).hexdigest()

    @property
    def is_installed(self) -> bool:
        return self._stamp.is_file() and self._stamp.read_text() == self._digest()

    def ensure(self) -> None:
        """Raises NotInstalled. A half-installed one of an interrupted run is begun again."""
        if self.is_installed:
            return
        say(f"installing {self.name} into {self.folder.relative_to(ROOT)}")
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        self.install(self.folder)
        self._stamp.write_text(self._digest())


def say(text: str) -> None:
    print(f"==> {text}", flush=True)


def call(folder: Path, *command: str | Path) -> None:
    """Its output goes to a file beside ``folder``, of which the end is shown if it fails."""
    log = HOME / f"{folder.name}.log"
    environment = {"UV_SYSTEM_CERTS": "1", **os.environ}
    with log.open("ab") as output:
        try:
            code = subprocess.run(
                [str(part) for part in command],
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                timeout=SECONDS,
                check=False,
            ).returncode
        except subprocess.TimeoutExpired:
            raise NotInstalled(f"`{command[0]}` had not ended after {SECONDS / 60:.0f} minutes; see {log}") from None
    if code:
        lines = log.read_text(errors="replace").strip().splitlines()
        raise NotInstalled(f"{lines[-1] if lines else 'no output'} (more in {log.relative_to(ROOT)})")


def need(program: str) -> str:
    found = shutil.which(program)
    if found is None:
        raise NotInstalled(f"there is no `{program}` on the PATH")
    return found


# ---- each of them -------------------------------------------------------------------------------


def uv_install(folder: Path, *arguments: str | Path) -> None:
    recipe = RECIPES / folder.name
    what = ("-r", recipe / "requirements.txt", "--override", recipe / "overrides.txt")
    # Compiled now and not in the midst of the tests, where LiteLLM's proxy takes minutes for it on a busy machine.
    call(folder, sys.executable, "-m", "uv", "pip", "install", "--compile-bytecode", *arguments, *what)


def install_python(folder: Path) -> None:
    """Imported by the tests themselves, so what they share with this project has the same versions."""
    uv_install(folder, "--python", sys.executable, "--target", folder, "-c", LOCK)


def install_open_webui(folder: Path) -> None:
    """A program of its own, in an environment of its own."""
    call(folder, sys.executable, "-m", "uv", "venv", "-q", "--allow-existing", "--python", sys.executable, folder)
    uv_install(folder, "--python", folder / "bin" / "python")


def install_javascript(folder: Path) -> None:
    npm = need("npm")
    shutil.copy(RECIPES / "javascript" / "package.json", folder)
    call(folder, npm, "install", "--ignore-scripts", "--no-audit", "--no-fund")


def install_claude_code(folder: Path) -> None:
    """Its own script puts the program of this platform in place."""
    npm = need("npm")
    shutil.copy(RECIPES / "claude-code" / "package.json", folder)
    call(folder, npm, "install", "--no-audit", "--no-fund")


def install_n8n(folder: Path) -> None:
    npm = need("npm")
    shutil.copy(RECIPES / "n8n" / "package.json", folder)
    call(folder, npm, "install", "--legacy-peer-deps", "--ignore-scripts", "--no-audit", "--no-fund")
    call(folder, npm, "rebuild", "sqlite3")


CLIENTS = (
    Client("python", (RECIPES / "python/requirements.txt", RECIPES / "python/overrides.txt", LOCK), install_python),
    Client("javascript", (RECIPES / "javascript/package.json",), install_javascript),
    Client("claude-code", (RECIPES / "claude-code/package.json",), install_claude_code, is_usual=False),
    Client("n8n", (RECIPES / "n8n/package.json",), install_n8n),
    Client(
        "open-webui",
        (RECIPES / "open-webui/requirements.txt", RECIPES / "open-webui/overrides.txt"),
        install_open_webui,
    ),
)


# ---- the tests ----------------------------------------------------------------------------------


def environment(installed: set[str]) -> dict[str, str]:
    """Where the tests look for each; what the caller has set stays."""
    found: dict[str, str] = {}
    if "python" in installed:
        found["PYTHONPATH"] = os.pathsep.join(filter(None, [str(HOME / "python"), os.environ.get("PYTHONPATH")]))
        # The programs among them come last: this environment's own pytest and uvicorn are meant.
        found["PATH"] = os.pathsep.join([os.environ["PATH"], str(HOME / "python" / "bin")])
    if "javascript" in installed:
        found["DMR_TEST_ANTHROPIC_JS"] = str(HOME / "javascript")
        found["OLLAMA_JS"] = str(HOME / "javascript" / "node_modules")
    if "claude-code" in installed:
        found["DMR_TEST_CLAUDE"] = str(HOME / "claude-code" / "node_modules" / ".bin" / "claude")
    if "n8n" in installed:
        found["DMR_TEST_N8N"] = str(HOME / "n8n")
    if "open-webui" in installed:
        found["OPEN_WEBUI"] = str(HOME / "open-webui" / "bin" / "open-webui")
    return {**found, **{name: os.environ[name] for name in found if name in os.environ and "PATH" not in name}}


def install_all(names: Sequence[str]) -> dict[str, str]:
    """Why not, for each of ``names`` that cannot be used."""
    missing: dict[str, str] = {}
    for client in CLIENTS:
        if client.name in names:
            try:
                client.ensure()
            except NotInstalled as error:
                missing[client.name] = str(error)
                say(_told(client.name, error))
    return missing


def _told(name: str, why: object) -> str:
    return f"{name} cannot be installed, so its tests are skipped: {why}"


def main() -> int:
    wanted = os.environ.get("CLIENTS", "").split() or [client.name for client in CLIENTS if client.is_usual]
    unknown = set(wanted) - {client.name for client in CLIENTS}
    if unknown:
        sys.exit(f"error: CLIENTS: there is no {', '.join(sorted(unknown))}\n\n{__doc__}")
    HOME.mkdir(exist_ok=True)
    missing = install_all(wanted)
    installed = set(wanted) - missing.keys()
    if "n8n" in installed:
        bootstrap.system(QUEUE_PACKAGES)
    say(f"tests/clients with {', '.join(sorted(installed)) or 'nothing'}")
    arguments = sys.argv[1:]
    which = [] if any(re.match(r"tests/clients\b", argument) for argument in arguments) else ["tests/clients"]
    command = [sys.executable, "-m", "pytest", *which, *arguments]
    code = subprocess.run(command, cwd=ROOT, env={**os.environ, **environment(installed)}, check=False).returncode
    for name, why in missing.items():
        say(_told(name, why))
    return code


if __name__ == "__main__":
    sys.exit(main())
