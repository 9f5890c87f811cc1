"""The llama package against the real library."""

from pathlib import Path

import llama_cpp
import numpy as np
import pytest

from dmr_desktop.engine.llama import Context, EmbeddingContext, Model, Pooling
from dmr_desktop.engine.tiny_model import TinyShape, write_tiny_model
from dmr_desktop.protocol.errors import RunnerError, RunnerStartFailed
from dmr_desktop.protocol.runners import EngineTuning
from tests.fakes.other_architectures import write_gemma2


@pytest.fixture
def context(tiny_model: Model):  # type: ignore[no-untyped-def]
    made = Context(tiny_model, pool_size=256, num_sequences=3, n_batch=64, n_ubatch=64, threads=1)
    yield made
    made.close()


def fill(context: Context, tokens: list[int], *, seq_id: int = 0, start: int = 0) -> int:
    count, batch = len(tokens), context.batch
    batch.tokens[:count] = tokens
    batch.positions[:count] = np.arange(start, start + count)
    batch.seq_ids[:count] = seq_id
    batch.wanted[:count] = 0
    batch.wanted[count - 1] = 1
    return count


def test_what_a_model_says_of_itself(tiny_model: Model) -> None:
    assert tiny_model.train_context_size == 4096
    assert tiny_model.embedding_length == 256
    assert tiny_model.metadata("general.architecture") == "llama"
    assert tiny_model.metadata("no.such.key") is None
    assert tiny_model.chat_template() is None
    assert tiny_model.pooling is None
    assert tiny_model.is_generative
    assert not tiny_model.is_recurrent
    assert not tiny_model.has_encoder
    assert tiny_model.window == 0
    assert tiny_model.size_bytes > 1_000_000


def test_long_metadata_and_templates_are_read_whole(tmp_path: Path) -> None:
    template = "{{ messages }}" * 1000
    extra = {"tokenizer.chat_template": template, "tokenizer.chat_template.tool_use": "tools", "x.note": "ü" * 2000}
    write_tiny_model(tmp_path / "m.gguf", extra=extra)
    model = Model.load(tmp_path / "m.gguf", gpu_layers=0)
    assert model.chat_template() == template
    assert model.chat_template("tool_use") == "tools"
    assert model.chat_template("rag") is None
    assert model.metadata("x.note") == "ü" * 2000
    model.close()


@pytest.mark.parametrize("damage", ["missing", "not a gguf", "truncated", "unknown architecture"])
def test_files_that_cannot_be_loaded(tmp_path: Path, tiny_model_path: Path, damage: str) -> None:
    path = tmp_path / "bad.gguf"
    if damage == "not a gguf":
        path.write_bytes(b"PK\x03\x04" + bytes(100))
    elif damage == "truncated":
        path.write_bytes(tiny_model_path.read_bytes()[:300_000])
    elif damage == "unknown architecture":
        write_tiny_model(path, extra={"general.architecture": "nonesuch"})
    with pytest.raises(RunnerStartFailed) as caught:
        Model.load(path, gpu_layers=0)
    assert "bad.gguf" in caught.value.message
    assert caught.value.hint
    if damage == "unknown architecture":
        assert "nonesuch" in caught.value.evidence


def test_the_vocabulary(tiny_model: Model) -> None:
    vocabulary = tiny_model.vocabulary
    assert (vocabulary.bos_text, vocabulary.eos_text, vocabulary.add_bos) == ("<s>", "</s>", True)
    assert vocabulary.eog == {2, 4}
    assert vocabulary.control_texts()["<tool_call>"] == 5 == vocabulary.token_id("<tool_call>")
    assert vocabulary.token_id("the") is None
    assert vocabulary.is_control(3)
    assert not vocabulary.is_control(5)
    assert (vocabulary.piece(4, special=True), vocabulary.piece(4, special=False)) == (b"<|im_end|>", b"")
    assert vocabulary.piece(10**9, special=True) == vocabulary.piece(-1, special=True) == b""


@pytest.mark.parametrize("text", ["the people", "é€😀", "", "a\0b", "x" * 5000, "<|im_end|> is text"])
def test_tokens_spell_the_text(tiny_model: Model, text: str) -> None:
    vocabulary = tiny_model.vocabulary
    tokens = vocabulary.tokenize(text, add_special=False, parse_special=False)
    assert b"".join(vocabulary.piece(token, special=True) for token in tokens).decode() == text
    assert 4 not in tokens


def test_special_parsing_and_bos(tiny_model: Model) -> None:
    vocabulary = tiny_model.vocabulary
    tokens = vocabulary.tokenize("<|im_end|>", add_special=True, parse_special=True)
    assert tokens == [1, 4]


def test_half_a_surrogate_pair_is_replaced(tiny_model: Model) -> None:
    vocabulary = tiny_model.vocabulary
    tokens = vocabulary.tokenize("a\ud83db", add_special=False, parse_special=False)
    assert b"".join(vocabulary.piece(token, special=True) for token in tokens).decode() == "a\ufffdb"


def test_decoding_brings_one_row_for_each_wanted_token(context: Context) -> None:
    assert context.decode(fill(context, list(range(300, 340))))
    logits = context.logits(1)
    assert logits.shape == (1, context.vocab_size)
    assert np.isfinite(logits).all()


def test_a_shared_and_a_cut_prefix_compute_the_same(context: Context) -> None:
    tokens = list(range(300, 340))
    context.decode(fill(context, tokens))
    whole = context.logits(1).copy()
    context.copy_prefix(0, 1, 39)
    context.decode(fill(context, tokens[39:], seq_id=1, start=39))
    # Batches of other shapes take other kernels; the differences are in the last digits.
    assert context.logits(1) == pytest.approx(whole, abs=0.2)
    assert context.keep_prefix(0, 20)
    context.decode(fill(context, tokens[20:], seq_id=0, start=20))
    assert context.logits(1) == pytest.approx(whole, abs=0.2)


def test_a_full_pool_is_told_and_changes_nothing(context: Context) -> None:
    for start in range(0, 256, 64):
        assert context.decode(fill(context, [300] * 64, start=start))
    assert not context.decode(fill(context, [300] * 4, seq_id=1))
    context.clear(0)
    assert context.decode(fill(context, [300] * 4, seq_id=1))


def test_cells_that_a_sliding_window_left_may_be_gone(tmp_path: Path) -> None:
    write_gemma2(tmp_path / "gemma2.gguf")
    model = Model.load(tmp_path / "gemma2.gguf", gpu_layers=0)
    context = Context(model, pool_size=256, num_sequences=4, n_batch=128, n_ubatch=128, threads=1)
    for seq_id, count in ((0, 50), (1, 100), (2, 50)):
        assert context.decode(fill(context, [300] * count, seq_id=seq_id))
    assert all(context.has_prefix(1, length) for length in (1, 30, 90))
    context.clear(0)
    # Goes into the free cells first, then over those that lie outside the window of sequence 1.
    assert context.decode(fill(context, [301] * 100, seq_id=3))
    assert not context.has_prefix(1, 30)
    assert context.has_prefix(1, 99)
    context.close()
    model.close()


def test_misuse_is_an_error_and_not_an_abort(context: Context, tiny_model: Model) -> None:
    fill(context, [300] * 8)
    for misuse in (
        lambda: context.decode(0),
        lambda: context.decode(65),
        lambda: context.clear(3),
        lambda: context.clear(-1),
        lambda: context.keep_prefix(300, 1),
        lambda: context.copy_prefix(0, 3, 1),
        lambda: context.copy_prefix(256, 0, 1),
    ):
        with pytest.raises(RunnerError):
            misuse()
    context.batch.wanted[:9] = 1
    with pytest.raises(RunnerError, match="rows of logits"):
        context.decode(9)
    context.batch.wanted[:9] = 0
    context.batch.seq_ids[:8] = 7
    with pytest.raises(RunnerError, match="does not exist"):
        context.decode(8)
    fill(context, [10**6])
    with pytest.raises(RunnerError, match="code -1"):
        context.decode(1)
    with pytest.raises(RunnerStartFailed):
        Context(tiny_model, pool_size=256, num_sequences=257, n_batch=64, n_ubatch=64, threads=1)
    with pytest.raises(RunnerStartFailed):
        Context(tiny_model, pool_size=0, num_sequences=1, n_batch=64, n_ubatch=64, threads=1)


def test_after_closing_everything_is_an_error(tiny_model_path: Path) -> None:
    model = Model.load(tiny_model_path, gpu_layers=0)
    context = Context(model, pool_size=256, num_sequences=1, n_batch=64, n_ubatch=64, threads=1)
    context.close()
    context.close()
    for use in (lambda: context.decode(1), lambda: context.clear(0), lambda: context.logits(1)):
        with pytest.raises(RunnerError, match="closed"):
            use()
    model.close()
    model.close()
    with pytest.raises(RunnerError, match="closed"):
        model.metadata("general.name")


def test_a_context_that_no_memory_can_hold(tiny_model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(RunnerStartFailed, match="too large"):
        Context(tiny_model, pool_size=1 << 31, num_sequences=1, n_batch=64, n_ubatch=64, threads=1)
    monkeypatch.setattr(llama_cpp, "llama_init_from_model", lambda model, params: None)
    with pytest.raises(RunnerStartFailed, match="No room for a context of 256 tokens") as caught:
        Context(tiny_model, pool_size=256, num_sequences=1, n_batch=64, n_ubatch=64, threads=1)
    assert "smaller" in caught.value.hint


def test_what_makes_no_text_or_no_embeddings_says_so(tmp_path: Path) -> None:
    path = tmp_path / "other.gguf"
    write_tiny_model(path, extra={"llama.attention.causal": False, "llama.pooling_type": int(Pooling.RANK)})
    model = Model.load(path, gpu_layers=0)
    with pytest.raises(RunnerStartFailed, match="cannot generate"):
        Context(model, pool_size=256, num_sequences=1, n_batch=64, n_ubatch=64, threads=1)
    with pytest.raises(RunnerStartFailed, match="ranks documents"):
        EmbeddingContext(model, max_tokens=64, num_sequences=1, threads=1)
    model.close()


def test_weights_are_those_that_were_written(tmp_path: Path) -> None:
    outputs = []
    for name in ("one", "two"):
        write_tiny_model(tmp_path / name, TinyShape(seed=9))
        model = Model.load(tmp_path / name, gpu_layers=0, tuning=EngineTuning(load_mode="none"))
        context = Context(model, pool_size=64, num_sequences=1, n_batch=64, n_ubatch=64, threads=1)
        context.decode(fill(context, [300, 400]))
        outputs.append(context.logits(1).copy())
        context.close()
        model.close()
    assert np.array_equal(outputs[0], outputs[1])
    # The head of the tiny model has standard deviation 3 on rows of length 1; hidden tokens have none.
    assert 1.5 < outputs[0][0, 263:].std() < 4.5
    assert not outputs[0][0, :263].any()


def test_the_tokens_of_a_text_with_a_gap(tmp_path: Path, tiny_model: Model) -> None:
    assert tiny_model.vocabulary.fim is None
    names = ("fim_pre", "fim_suf", "fim_mid")
    tokens = {f"tokenizer.ggml.{name}_token_id": 3 + at for at, name in enumerate(names)}
    write_tiny_model(tmp_path / "code.gguf", extra=tokens)
    model = Model.load(tmp_path / "code.gguf", gpu_layers=0)
    assert model.vocabulary.fim == (3, 4, 5)
    model.close()
