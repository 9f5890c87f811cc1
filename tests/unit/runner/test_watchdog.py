"""Too much CPU time ends the process; waiting does not. In child processes, since it ends them."""

import subprocess
import sys

from dmr_desktop.runner.watchdog import EXIT_CODE


def run(body: str) -> "subprocess.CompletedProcess[str]":
    code = f"import logging, time\nfrom dmr_desktop.runner.watchdog import Watchdog\ndog = Watchdog(0.3)\n{body}"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=False)


def test_a_loop_is_ended() -> None:
    done = run("with dog.limit('a template'):\n  while True: pass")
    assert done.returncode == EXIT_CODE
    assert "a template took more than 0 s" in done.stderr


def test_one_endless_native_call_is_ended() -> None:
    done = run("import re\nwith dog.limit('a pattern'):\n  re.match('(a*)*b', 'a' * 60)")
    assert done.returncode == EXIT_CODE


def test_waiting_and_work_outside_are_free() -> None:
    body = (
        "with dog.limit('sleep'): time.sleep(0.6)\n"
        "end = time.process_time() + 0.5\n"
        "while time.process_time() < end: pass\n"
        "with dog.limit('short'): pass\n"
        "time.sleep(0.3)\nprint('alive')"
    )
    assert run(body).stdout == "alive\n"
