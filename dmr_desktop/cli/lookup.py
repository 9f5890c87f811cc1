"""Which stored model a typed name means: the last part of a name is enough, for every verb alike."""

from dmr_desktop.cli.missing import no_such_model
from dmr_desktop.cli.names import matches
from dmr_desktop.cli.session import Session
from dmr_desktop.protocol.errors import ModelNotFound
from dmr_desktop.protocol.models import Model
from dmr_desktop.protocol.short_names import short_name


def find(session: Session, reference: str) -> Model | None:
    """None if it is not here."""
    try:
        return session.client.inspect(reference)
    except ModelNotFound:
        return None


def name_of(model: Model, reference: str) -> str:
    """A name under which the model answers.

    Looking takes the last part of a name for the whole (``demo`` for ``dmr.local/demo``), asking does not.
    """
    is_whole = not model.tags or matches(model, reference)
    return reference if is_whole else short_name(model.tags[0])


def stored_name(session: Session, reference: str) -> str:
    """The same for one that must be here. Raises ModelNotFound, which names those that come near."""
    model = find(session, reference)
    if model is None:
        raise no_such_model(session, reference)
    return name_of(model, reference)
