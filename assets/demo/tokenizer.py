"""The demo model's own byte-level BPE vocabulary.

The pre-tokenizer is the one that llama.cpp calls ``smollm``: every digit stands alone, the rest is cut by the
GPT-2 pattern. The merges are made in two layers:

1. inside words, learned from the corpus without the space in front of a word, so that a word is cut in the same
   way after a space, a quote, a bracket or an underscore - that is what makes copying easy for a tiny model;
2. after all of these, a space is merged with the most common whole words, which keeps sentences short.

Training needs ``tokenizers`` (see README.md); nothing here is used by the product at run time.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from pathlib import Path

from corpus import INTENTS, MARK_OFF, MARK_ON, REFUSAL, Composer, render_text
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers

CONTROL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
USER_DEFINED = ("<tool_call>", "</tool_call>", "<tool_response>", "</tool_response>")
SPECIAL = CONTROL + USER_DEFINED
SPACE = "Ġ"
INNER_MERGES = 1085
SPACED_WORDS = 700


def pre_tokenizer() -> pre_tokenizers.PreTokenizer:
    """llama.cpp's ``smollm``: single digits, then the GPT-2 pattern over bytes."""
    return pre_tokenizers.Sequence(
        [
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True),
        ]
    )


def corpus_text(seed: int, samples: int) -> list[str]:
    """Texts to learn the vocabulary from: the facts several times, and generated conversations."""
    composer = Composer(seed)
    texts = [intent.answer for intent in INTENTS for _ in range(12)] + [REFUSAL] * 50
    texts += [render_text(composer.sample()).replace(MARK_ON, "").replace(MARK_OFF, "") for _ in range(samples)]
    for token in SPECIAL:
        texts = [text.replace(token, "\n") for text in texts]
    return texts


def _is_word(piece: str) -> bool:
    return len(piece) > 1 or piece in "aI" or not piece.isalpha()


def train(seed: int = 7, samples: int = 6000) -> Tokenizer:
    """Learn the vocabulary; the same seed gives the same one."""
    pre = pre_tokenizer()
    pieces: Counter[str] = Counter()
    for text in corpus_text(seed, samples):
        pieces.update(piece for piece, _ in pre.pre_tokenize_str(text))
    inner: Counter[str] = Counter()
    for piece, count in pieces.items():
        inner[piece.removeprefix(SPACE) if len(piece) > 1 else piece] += count
    learner = Tokenizer(models.BPE())
    learner.pre_tokenizer = pre_tokenizers.WhitespaceSplit()  # pieces are already cut and contain no whitespace
    trainer = trainers.BpeTrainer(
        vocab_size=256 + INNER_MERGES, initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()), show_progress=False
    )
    learner.train_from_iterator(
        (" ".join([piece] * min(count, 400)) for piece, count in sorted(inner.items()) if count > 1), trainer
    )
    model = json.loads(learner.to_str())["model"]
    merges = [tuple(m) if isinstance(m, list) else tuple(m.split(" ")) for m in model["merges"]]
    vocab = [token for token, _ in sorted(model["vocab"].items(), key=lambda item: item[1])]
    whole = set(vocab)
    spaced = Counter({p[1:]: c for p, c in pieces.items() if p[0] == SPACE and p[1:] in whole and _is_word(p[1:])})
    for word, _ in sorted(spaced.most_common(SPACED_WORDS), key=lambda item: (-item[1], item[0])):
        merges.append((SPACE, word))
        vocab.append(SPACE + word)
    return build([*SPECIAL, *vocab], merges)


def build(tokens: list[str], merges: list[tuple[str, str]]) -> Tokenizer:
    """The vocabulary of these tokens, by id, and merges, in their order."""
    ids = {token: i for i, token in enumerate(tokens)}
    tokenizer = Tokenizer(models.BPE(vocab=ids, merges=merges))
    tokenizer.pre_tokenizer = pre_tokenizer()
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(t, special=True, normalized=False) for t in CONTROL])
    tokenizer.add_tokens([AddedToken(t, special=False, normalized=False) for t in USER_DEFINED])
    return tokenizer


def load(path: Path) -> Tokenizer:
    """Read a vocabulary that :func:`train` made."""
    return Tokenizer.from_file(str(path))


def main() -> None:
    """Learn the vocabulary and write it as tokenizer.json into the work folder."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--work", type=Path, required=True)
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    tokenizer = train()
    tokenizer.save(str(options.work / "tokenizer.json"))
    print(f"{tokenizer.get_vocab_size()} tokens")


if __name__ == "__main__":
    main()
