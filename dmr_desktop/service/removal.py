"""Deleting a model that may be loaded: nothing is pulled from under a request, and no runner outlives its model."""

from collections.abc import Sequence

from dmr_desktop.protocol.errors import Conflict
from dmr_desktop.service.catalog import Catalog
from dmr_desktop.service.loader import Loader


class ModelInUse(Conflict):
    """In Docker Model Runner's words. ``users`` is the number of requests."""

    def __init__(self, reference: str, users: int) -> None:
        super().__init__(
            f'error while deleting model: unable to delete "{reference}" (must be forced): '
            f"{users} requests use it: resource conflict",
            hint="wait for them, or delete with force",
        )
        self.users = users


async def remove_model(catalog: Catalog, loader: Loader, reference: str, *, force: bool) -> Sequence[dict[str, str]]:
    """The steps that were done. ``force`` ends the requests that use the model.

    Raises ModelNotFound, InvalidReference, ModelInUse, and Conflict for several tags behind an id.
    """
    entry = await catalog.identify(reference)
    is_by_tag = "@" not in reference and await catalog.normalise(reference) in entry.tags
    if len(entry.tags) <= 1 or (force and not is_by_tag):
        users = loader.users(entry.id)
        if users and not force:
            raise ModelInUse(reference, users)
        await loader.unload(entry.id, force=force)
    steps = await catalog.remove(reference, force=force)
    if any("Deleted" in step for step in steps):
        await loader.unload_when_idle(entry.id)  # one that was asked for in between
    return steps
