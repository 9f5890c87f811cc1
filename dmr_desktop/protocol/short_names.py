"""A model's name as one types it, and which names come near to one that is not there. Pure."""

from collections.abc import Iterable
from difflib import SequenceMatcher

_DEFAULT_REGISTRIES = ("docker.io/", "index.docker.io/")
_LIKENESS = 0.75


def short_name(tag: str) -> str:
    """``docker.io/ai/smollm2:latest`` → ``smollm2``: what one types."""
    for registry in _DEFAULT_REGISTRIES:
        tag = tag.removeprefix(registry)
    return tag.removeprefix("ai/").removesuffix(":latest")


def nearest(name: str, known: Iterable[str], count: int = 3) -> list[str]:
    """The short names most like ``name``, in the whole or in their last part: ``demoo`` is near to ``dmr.local/demo``.

    ``known`` may be tags or short names.
    """
    wanted = short_name(name).lower()
    scored = []
    for other in {short_name(tag) for tag in known}:
        whole, last = _likeness(wanted, other.lower()), _likeness(_last_part(wanted), _last_part(other))
        if max(whole, last) >= _LIKENESS:
            scored.append((-max(whole, last), -whole, other))
    return [other for _, _, other in sorted(scored)][:count]


def _likeness(one: str, other: str) -> float:
    return SequenceMatcher(None, one, other).ratio()


def _last_part(name: str) -> str:
    return name.lower().rsplit("/", 1)[-1].partition(":")[0]
