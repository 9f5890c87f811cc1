import subprocess
import sys
from pathlib import Path

from dmr_desktop.settings import self_command


def test_a_folder_of_the_same_name_where_the_user_is_is_not_run(tmp_path: Path) -> None:
    (tmp_path / "dmr_desktop").mkdir()
    for name in ("__init__.py", "__main__.py"):
        (tmp_path / "dmr_desktop" / name).write_text("raise SystemExit('hijacked')")
    root = str(Path(__file__).parents[2])
    code = (
        f"import sys; sys.path.append({root!r})\nfrom dmr_desktop.settings import self_command\nprint(self_command())"
    )
    said = subprocess.run(
        [sys.executable, "-P", "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    ).stdout
    assert "-P" in said
    if "-P" in (command := self_command("--help")):
        result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert result.returncode == 0, result.stderr
        assert "quickstart" in result.stdout
