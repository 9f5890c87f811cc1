"""What a model's header says that it is for."""

from pathlib import Path

import pytest

from dmr_desktop.engine.gguf_writer import Metadata
from dmr_desktop.engine.tiny_model import write_tiny_model
from dmr_desktop.protocol.errors import WrongMode
from dmr_desktop.protocol.runners import Mode
from dmr_desktop.store.abilities import ALL, Abilities, abilities_of, check_mode
from dmr_desktop.store.gguf import read_header
from tests.fakes.other_architectures import write_bert, write_mamba
from tests.fakes.ranking_models import CrossEncoder, write_yes_or_no

TEXT, VECTORS, RANKING = Mode.COMPLETION, Mode.EMBEDDING, Mode.RERANKING


def found(path: Path) -> tuple[set[Mode], set[Mode]]:
    abilities = abilities_of([read_header(path)])
    return set(abilities.meant), set(abilities.possible)


@pytest.mark.parametrize(
    ("extra", "meant", "possible"),
    [
        ({}, {TEXT}, {TEXT, VECTORS}),
        ({"llama.pooling_type": 0}, {TEXT}, {TEXT, VECTORS}),
        ({"llama.pooling_type": 3}, {VECTORS}, {TEXT, VECTORS}),
        ({"llama.pooling_type": 4}, set(), set()),
        ({"llama.attention.causal": False}, {VECTORS}, {VECTORS}),
    ],
)
def test_a_decoder_is_for_text_unless_it_says_how_to_pool(
    tmp_path: Path, extra: Metadata, meant: set[Mode], possible: set[Mode]
) -> None:
    write_tiny_model(tmp_path / "m.gguf", extra=extra)
    assert found(tmp_path / "m.gguf") == (meant, possible)


def test_other_architectures(tmp_path: Path) -> None:
    path = tmp_path / "m.gguf"
    write_bert(path)
    assert found(path) == ({VECTORS}, {VECTORS})
    write_mamba(path)
    assert found(path) == ({TEXT}, {TEXT, VECTORS})
    CrossEncoder().write(path)
    assert found(path) == ({RANKING}, {RANKING})
    write_yes_or_no(path)
    assert found(path) == ({RANKING}, {RANKING})
    CrossEncoder().write(path, has_head=False)
    assert found(path) == (set(), set())


def test_a_refusal_says_what_the_model_is_for_and_what_to_do() -> None:
    chat = Abilities(frozenset({TEXT}), frozenset({TEXT, VECTORS}))
    check_mode(chat, TEXT, is_wanted=False)
    check_mode(chat, VECTORS, is_wanted=True)
    with pytest.raises(WrongMode, match="writes text; it makes no embeddings") as caught:
        check_mode(chat, VECTORS, is_wanted=False)
    assert "/v1/chat/completions" in caught.value.hint
    assert "`dmr configure --mode embedding MODEL`" in caught.value.hint
    with pytest.raises(WrongMode, match="no classifier head") as caught:
        check_mode(chat, RANKING, is_wanted=True)
    assert "dmr configure" not in caught.value.hint
    headless = Abilities(frozenset(), frozenset())
    with pytest.raises(WrongMode, match="its head is missing"):
        check_mode(headless, VECTORS, is_wanted=True)
    for mode in Mode:
        check_mode(ALL, mode, is_wanted=False)
