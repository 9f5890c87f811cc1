"""A model name that is not in the store: say so, and which ones come near."""

from collections.abc import Iterable
from difflib import SequenceMatcher

from dmr_desktop.cli.names import short_name
from dmr_desktop.cli.session import Session
from dmr_desktop.protocol.errors import DMRError, ModelNotFound

_LIKENESS = 0.75


def no_such_model(session: Session, name: str, *, remote: bool = False) -> ModelNotFound:
    """The error for ``name``; ``remote`` when a registry was asked."""
    if remote:
        return ModelNotFound(f"{name} is not in its registry, or it is private", hint="check the name and the tag")
    near = near_names(session, name)
    hint = f"did you mean {' or '.join(near)}? " if near else ""
    return ModelNotFound(f"no such model: {name}", hint=f"{hint}`dmr ls` shows the models on this machine")


def near_names(session: Session, name: str) -> list[str]:
    """The local names that look like ``name``, the nearest first; none if the service does not tell."""
    try:
        tags = [tag for model in session.client.models() for tag in model.tags]
    except DMRError:
        return []
    return nearest(name, (short_name(tag) for tag in tags))


def nearest(name: str, known: Iterable[str], count: int = 3) -> list[str]:
    """The names most like ``name``, in the whole or in their last part: ``demoo`` is near to ``dmr.local/demo``."""
    wanted = short_name(name).lower()
    scored = []
    for other in set(known):
        whole, last = _likeness(wanted, other.lower()), _likeness(_last_part(wanted), _last_part(other))
        if max(whole, last) >= _LIKENESS:
            scored.append((-max(whole, last), -whole, other))
    return [other for _, _, other in sorted(scored)][:count]


def _likeness(one: str, other: str) -> float:
    return SequenceMatcher(None, one, other).ratio()


def _last_part(name: str) -> str:
    return name.lower().rsplit("/", 1)[-1].partition(":")[0]
