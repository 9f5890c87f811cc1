"""A model name that is not in the store: say so, and which ones come near."""

from dmr_desktop.cli.session import Session
from dmr_desktop.protocol.errors import DMRError, ModelNotFound
from dmr_desktop.protocol.short_names import nearest


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
    return nearest(name, tags)
