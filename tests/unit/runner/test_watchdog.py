"""What takes for ever ends the process, even inside native code. In child processes, since it ends them."""

import subprocess
import sys

import pytest


def run(body: str) -> "subprocess.CompletedProcess[str]":
    code = f"import re, time\nfrom dmr_desktop.runner.watchdog import ends_within\n{body}"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=False)


@pytest.mark.parametrize("endless", ["while True: pass", "re.match('(a*)*b', 'a' * 60)", "time.sleep(60)"])
def test_the_endless_is_ended_and_says_where(endless: str) -> None:
    done = run(f"def template():\n  {endless}\nwith ends_within(0.3): template()")
    assert done.returncode == 1
    assert "Timeout" in done.stderr
    assert "in template" in done.stderr


def test_what_ends_in_time_is_left_alone() -> None:
    body = "for _ in range(3):\n  with ends_within(0.5): pass\ntime.sleep(0.8)\nprint('alive')"
    assert run(body).stdout == "alive\n"
