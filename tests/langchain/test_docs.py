"""Every Python example of the LangChain page runs as it stands, from top to bottom."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dmr_desktop.engine.tiny_model import write_tiny_model
from tests.fakes.ranking_models import CrossEncoder
from tests.fixtures_live import LiveService
from tests.langchain.conftest import packaged

PAGE = Path(__file__).parents[2] / "docs" / "langchain.md"
EMBEDDINGS, RANKER = "ai/mxbai-embed-large", "hf.co/gpustack/bge-reranker-v2-m3-GGUF"


@pytest.fixture(scope="module")
def models_of_the_page(live_service: LiveService, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Small ones under the names of the large ones."""
    folder = tmp_path_factory.mktemp("page")
    write_tiny_model(folder / "embeddings.gguf", extra={"llama.pooling_type": 1})
    CrossEncoder().write(folder / "ranker.gguf")
    with (
        packaged(live_service, folder / "embeddings.gguf", EMBEDDINGS),
        packaged(live_service, folder / "ranker.gguf", RANKER),
    ):
        yield


def examples() -> list[tuple[int, str]]:
    """Line and text of each, in order."""
    text = PAGE.read_text(encoding="utf-8")
    found = re.finditer(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [(text.count("\n", 0, match.start(1)), match[1]) for match in found]


@pytest.mark.slow
@pytest.mark.timeout(180)
@pytest.mark.usefixtures("found_service", "models_of_the_page")
def test_the_examples_run(capsys: pytest.CaptureFixture[str]) -> None:
    names: dict[str, Any] = {"__name__": "page"}
    for line, source in examples():
        capsys.readouterr()
        # With the lines of the page in front, a traceback points into it.
        exec(compile("\n" * line + source, str(PAGE), "exec"), names)
        if "print(" in source:
            assert capsys.readouterr().out.strip(), f"the example at line {line + 1} printed nothing"
    assert names["result"]["messages"][-1].type == "ai"
    assert [type(name).__name__ for name in names["best"]] == ["Document", "Document"]
    assert len(examples()) >= 10


def test_the_page_names_every_public_name() -> None:
    import dmr_langchain

    text = PAGE.read_text(encoding="utf-8")
    assert [name for name in dmr_langchain.__all__ if name != "DMRError" and f"{name}" not in text] == []
