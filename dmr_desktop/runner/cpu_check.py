"""Does the installed llama.cpp compute on this CPU? Asked once for each build and CPU, in a child process.

A build that is wrong for the CPU kills its process, so the question costs a child; the answer is kept in a file.
"""

import importlib.util
import json
import os
import platform
import subprocess
from contextlib import suppress
from enum import StrEnum
from pathlib import Path

from dmr_desktop.protocol.errors import RunnerStartFailed
from dmr_desktop.settings import self_command

SELF_TEST = "--self-test"
_SECONDS = 120
_FILE_NAME = "cpu-check.json"

AMX_NOTE = (
    "This CPU's matrix unit (AMX) is switched off, because the installed llama-cpp-python was built by a compiler that "
    "breaks it; prompts take 2 to 4 times as long. Build it again with `make rebuild` to get the full speed."
)


class CpuVerdict(StrEnum):
    FINE = "fine"
    REFUSE_AMX = "refuse-amx"
    BROKEN = "broken"


def check_cpu(state_dir: Path | None) -> CpuVerdict:
    """The answer for this build and CPU; found out first if ``state_dir`` does not hold it.

    Raises :class:`RunnerStartFailed` if the build cannot compute here at all.
    """
    key = _fingerprint()
    verdict = _recall(state_dir, key)
    if verdict is None:
        verdict, evidence = _find_out()
        # "Broken" is not kept: the user will repair it, perhaps in a way that the fingerprint does not see.
        if verdict is CpuVerdict.BROKEN:
            raise RunnerStartFailed(
                "the installed llama-cpp-python does not work on this computer",
                hint="build it for this CPU: `make rebuild`",
                evidence=evidence,
            )
        _remember(state_dir, key, verdict)
    return verdict


def _find_out() -> tuple[CpuVerdict, str]:
    plain = _self_test()
    if plain is None:
        return CpuVerdict.FINE, ""
    if _self_test("--refuse-amx") is None:
        return CpuVerdict.REFUSE_AMX, plain
    return CpuVerdict.BROKEN, plain


def _self_test(*options: str) -> str | None:
    """None if all is well, else what the child left behind."""
    try:
        done = subprocess.run(
            self_command("runner", SELF_TEST, *options),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    if done.returncode == 0:
        return None
    return f"exit code {done.returncode}\n{done.stderr.decode('utf-8', 'replace')[-2000:]}"


def _fingerprint() -> str:
    """Changes when the libraries or the CPU do."""
    parts = [platform.machine(), _cpu_flags()]
    spec = importlib.util.find_spec("llama_cpp")
    folder = Path(spec.origin).parent if spec is not None and spec.origin else None
    if folder is not None:
        for path in sorted((folder / "lib").glob("*")):
            found = path.stat()
            parts.append(f"{path.name} {found.st_size} {found.st_mtime_ns}")
    return "\n".join(parts)


def _cpu_flags() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    wanted = ("model name", "flags", "Features", "CPU part")
    return "\n".join(dict.fromkeys(line for line in lines if line.startswith(wanted)))


def _recall(state_dir: Path | None, key: str) -> CpuVerdict | None:
    if state_dir is None:
        return None
    try:
        found = json.loads((state_dir / _FILE_NAME).read_text(encoding="utf-8"))
        return CpuVerdict(found["verdict"]) if found["fingerprint"] == key else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _remember(state_dir: Path | None, key: str, verdict: CpuVerdict) -> None:
    if state_dir is None:
        return
    path = state_dir / _FILE_NAME
    temporary = path.with_suffix(f".{os.getpid()}")
    try:
        state_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        temporary.write_text(json.dumps({"fingerprint": key, "verdict": verdict}), encoding="utf-8")
        temporary.replace(path)
    except OSError:
        # Then the next runner asks again.
        with suppress(OSError):
            temporary.unlink()
