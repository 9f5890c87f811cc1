"""A model name that is not in the store: say so, and which ones come near."""

from collections.abc import Iterable
from difflib import get_close_matches

from dmr_desktop.cli.names import short_name
from dmr_desktop.cli.session import Session
from dmr_desktop.protocol.errors import DMRError, ModelNotFound


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
    """Also what has the same last part: ``demo`` is near to ``dmr.local/demo``."""
    names = sorted(set(known))
    wanted = short_name(name).lower()
    same_end = [other for other in names if _last_part(other) == _last_part(wanted) and other.lower() != wanted]
    similar = get_close_matches(wanted, [other.lower() for other in names], count, cutoff=0.7)
    found = same_end + [other for other in names if other.lower() in similar]
    return list(dict.fromkeys(found))[:count]


def _last_part(name: str) -> str:
    return name.lower().rsplit("/", 1)[-1].partition(":")[0]
