"""Prints samples of the corpus, or digests by which one sees whether a change left it the same."""

from __future__ import annotations

import argparse
import hashlib

from corpus.composer import EVALUATED, KINDS, Composer
from corpus.rendering import render_text
from corpus.sides import Side

SKILLS = tuple(dict.fromkeys((*EVALUATED, *KINDS)))


def digest(seed: int, side: Side, skill: str | None, count: int) -> str:
    """A digest of so many conversations: what is said, what is offered and what is expected."""
    composer = Composer(seed, side)
    hashed = hashlib.sha256()
    for _ in range(count):
        sample = composer.sample(skill)
        hashed.update((repr(sample) + render_text(sample)).encode())
    return hashed.hexdigest()[:16]


def main() -> None:
    """Print samples of the corpus."""
    parser = argparse.ArgumentParser(prog="python -m corpus", description=main.__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=5)
    parser.add_argument("--side", choices=("train", "heldout"), default="train")
    parser.add_argument("--skill", choices=SKILLS, default=None)
    parser.add_argument("--digest", action="store_true", help="digests of this many samples of each kind, both sides")
    options = parser.parse_args()
    if options.digest:
        sides: tuple[Side, ...] = ("train", "heldout")
        for skill in (None, *SKILLS):
            print(f"{skill or 'all':12}", *(digest(options.seed, side, skill, options.count) for side in sides))
        return
    composer = Composer(options.seed, options.side)
    for _ in range(options.count):
        print(render_text(composer.sample(options.skill)))
        print("-" * 80)


if __name__ == "__main__":
    main()
