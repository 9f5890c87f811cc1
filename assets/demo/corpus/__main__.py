"""Prints samples of the corpus."""

from __future__ import annotations

import argparse

from corpus.composer import EVALUATED, KINDS, Composer
from corpus.rendering import render_text


def main() -> None:
    """Print samples."""
    parser = argparse.ArgumentParser(prog="python -m corpus", description=main.__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=5)
    parser.add_argument("--side", choices=("train", "heldout"), default="train")
    parser.add_argument("--skill", choices=sorted({*EVALUATED, *KINDS}), default=None)
    options = parser.parse_args()
    composer = Composer(options.seed, options.side)
    for _ in range(options.count):
        print(render_text(composer.sample(options.skill)))
        print("-" * 80)


if __name__ == "__main__":
    main()
