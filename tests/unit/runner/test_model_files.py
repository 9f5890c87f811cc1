"""A runner may read all parts of its model, and nothing beside it."""

from pathlib import Path

from dmr_desktop.protocol.runners import LaunchSpec, Mode
from dmr_desktop.runner.model_files import files_of


def test_one_file() -> None:
    assert files_of(LaunchSpec("/m/model.gguf", Mode.COMPLETION)) == [Path("/m/model.gguf")]


def test_parts_projector_and_template() -> None:
    spec = LaunchSpec(
        "/m/a-00001-of-00003.gguf", Mode.COMPLETION, mmproj="/m/mmproj.gguf", chat_template="/m/template.jinja"
    )
    assert [path.name for path in files_of(spec)] == [
        "a-00001-of-00003.gguf",
        "a-00002-of-00003.gguf",
        "a-00003-of-00003.gguf",
        "mmproj.gguf",
        "template.jinja",
    ]
