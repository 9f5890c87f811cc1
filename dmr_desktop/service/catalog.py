"""The stored models, for the event loop: every call to the store runs in a thread and returns a value.

Remembers what it read, because each inference request asks. What the store is changed by from outside
(a real Docker Model Runner on the same directory) shows after :data:`FRESH_SECONDS`.
"""

import asyncio
import functools
import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, ParamSpec, Protocol, TypeVar

from dmr_desktop.protocol.errors import StoreError
from dmr_desktop.protocol.models import Model, ModelFiles, Progress
from dmr_desktop.store.archive import Archive
from dmr_desktop.store.index import Entry
from dmr_desktop.store.prune import Pruned
from dmr_desktop.store.verify import Verified

if TYPE_CHECKING:
    from dmr_desktop.store.survey import Survey

log = logging.getLogger(__name__)

FRESH_SECONDS = 2.0
LONG_THREADS = 4
P = ParamSpec("P")
T = TypeVar("T")


class Store(Protocol):
    """What the service needs of :class:`dmr_desktop.store.store.ModelStore`."""

    def list(self) -> Sequence[Model]: ...
    def get(self, reference: str, *, partial: bool = False) -> Model: ...
    def identify(self, reference: str, *, partial: bool = False) -> Entry: ...
    def inspect_remote(
        self, reference: str, bearer_token: str | None = None, *, cancelled: threading.Event | None = None
    ) -> Model: ...
    def survey(self, reference: str, *, cancelled: threading.Event | None = None) -> "Survey": ...
    def files(self, reference: str) -> ModelFiles: ...
    def tag(self, reference: str, target: str) -> None: ...
    def remove(self, reference: str, force: bool = False) -> Sequence[dict[str, str]]: ...
    def disk_usage(self) -> int: ...
    def normalise(self, reference: str) -> str: ...
    def package_gguf(
        self,
        path: Path,
        target: str,
        *,
        context_size: int | None = None,
        chat_template: Path | None = None,
        mmproj: Path | None = None,
        licenses: Sequence[Path] = (),
        progress: Callable[[Progress], None] | None = None,
    ) -> Model: ...
    def package_directory(
        self,
        folder: Path,
        target: str,
        *,
        context_size: int | None = None,
        chat_template: Path | None = None,
        licenses: Sequence[Path] = (),
        progress: Callable[[Progress], None] | None = None,
    ) -> Model: ...
    def repackage(self, reference: str, target: str, *, context_size: int | None = None) -> Model: ...
    def export(self, reference: str, *, as_oci_layout: bool = False) -> Archive: ...
    def load(self, chunks: Iterable[bytes], *, cancelled: threading.Event) -> Model: ...
    def verify(
        self, *, remove: bool = False, progress: Callable[[int, int], None], cancelled: threading.Event
    ) -> Verified: ...
    def prune(self, *, older_than_seconds: float = ..., dry_run: bool = False) -> Pruned: ...
    def purge(self) -> None: ...


class Catalog:
    """``on_change`` is called after every change that went through here."""

    def __init__(self, store: Store, on_change: Callable[[], None]) -> None:
        self._store = store
        self._on_change = on_change
        self._models: Sequence[Model] | None = None
        self._ids: dict[str, str] = {}
        self._files: dict[str, ModelFiles] = {}
        self._read_at = 0.0
        self._version = 0
        self._long_threads = ThreadPoolExecutor(LONG_THREADS, thread_name_prefix="store")

    async def in_long_thread(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Work that may take minutes: a few at once, apart from the threads that answer questions."""
        call = functools.partial(work, *args, **kwargs)
        return await asyncio.get_running_loop().run_in_executor(self._long_threads, call)

    async def models(self) -> Sequence[Model]:
        self._forget_old()
        if self._models is not None:
            return self._models
        version = self._version
        found = await asyncio.to_thread(self._store.list)
        if version == self._version:
            self._models = found
        return found

    async def get(self, reference: str, *, partial: bool = False) -> Model:
        """Raises ModelNotFound, InvalidReference. ``partial``: the last component of a name is enough."""
        return await asyncio.to_thread(self._store.get, reference, partial=partial)

    async def identify(self, reference: str, *, partial: bool = False) -> Entry:
        """As ``get``, also for a model whose files are damaged."""
        return await asyncio.to_thread(self._store.identify, reference, partial=partial)

    async def survey(self, reference: str) -> "Survey":
        """What a model is and needs that is not here yet. Raises what a pull raises, and ends as ``inspect_remote``."""
        cancelled = threading.Event()
        try:
            return await self.in_long_thread(self._store.survey, reference, cancelled=cancelled)
        finally:
            cancelled.set()

    async def inspect_remote(self, reference: str) -> Model:
        """What the reference's registry has. Raises what a pull raises. Cancelling it ends the waiting at once."""
        cancelled = threading.Event()
        try:
            return await self.in_long_thread(self._store.inspect_remote, reference, cancelled=cancelled)
        finally:
            cancelled.set()

    async def files(self, reference: str) -> ModelFiles:
        """What a runner needs. Raises ModelNotFound, InvalidReference, UnsupportedModel."""
        self._forget_old()
        model_id = self._ids.get(reference)
        if model_id is None:
            version = self._version
            model_id = (await self.get(reference)).id
            if version == self._version:
                self._ids[reference] = model_id
            await self._forget_gone(model_id)
        found = self._files.get(model_id)
        if found is None:
            # Reads the whole header of the weights. An id's files never change, so once is enough.
            found = await asyncio.to_thread(self._store.files, model_id)
            self._files[model_id] = found
        return found

    async def _forget_gone(self, model_id: str) -> None:
        """Somebody may have deleted the laid-out files: the store lays them out again when it is asked."""
        known = self._files.get(model_id)
        if known is not None and not await asyncio.to_thread(_are_there, known):
            self._files.pop(model_id, None)

    async def normalise(self, reference: str) -> str:
        """Raises InvalidReference."""
        return await asyncio.to_thread(self._store.normalise, reference)

    async def tag(self, reference: str, target: str) -> None:
        await asyncio.to_thread(self._store.tag, reference, target)
        self.changed()

    async def remove(self, reference: str, *, force: bool) -> Sequence[dict[str, str]]:
        """The steps that were done. Raises ModelNotFound, Conflict."""
        steps = await asyncio.to_thread(self._store.remove, reference, force)
        self.changed()
        return steps

    async def package_gguf(
        self,
        gguf: Path,
        target: str,
        *,
        context_size: int | None,
        chat_template: Path | None,
        mmproj: Path | None,
        licenses: Sequence[Path],
    ) -> Model:
        """Cancelling it ends the copying."""
        return await self._package(
            lambda progress: self._store.package_gguf(
                gguf,
                target,
                context_size=context_size,
                chat_template=chat_template,
                mmproj=mmproj,
                licenses=licenses,
                progress=progress,
            )
        )

    async def package_directory(
        self,
        folder: Path,
        target: str,
        *,
        context_size: int | None,
        chat_template: Path | None,
        licenses: Sequence[Path],
    ) -> Model:
        """As :meth:`package_gguf`."""
        return await self._package(
            lambda progress: self._store.package_directory(
                folder,
                target,
                context_size=context_size,
                chat_template=chat_template,
                licenses=licenses,
                progress=progress,
            )
        )

    async def _package(self, package: Callable[[Callable[[Progress], None]], Model]) -> Model:
        with self._until_cancelled() as progress:
            model = await self.in_long_thread(package, progress)
        self.changed()
        return model

    @contextmanager
    def _until_cancelled(self) -> Iterator[Callable[[Progress], None]]:
        """A callback for a thread that copies, by which it ends when its caller is gone."""
        cancelled = threading.Event()

        def progress(_: Progress) -> None:
            if cancelled.is_set():
                raise StoreError("the packaging was cancelled")

        try:
            yield progress
        finally:
            cancelled.set()

    async def repackage(self, reference: str, target: str, context_size: int | None) -> Model:
        model = await asyncio.to_thread(self._store.repackage, reference, target, context_size=context_size)
        self.changed()
        return model

    async def export(self, reference: str, *, as_oci_layout: bool) -> Archive:
        return await asyncio.to_thread(self._store.export, reference, as_oci_layout=as_oci_layout)

    async def load(self, chunks: Iterable[bytes], cancelled: threading.Event) -> Model:
        """``chunks`` is iterated in a thread."""
        model = await self.in_long_thread(self._store.load, chunks, cancelled=cancelled)
        self.changed()
        return model

    async def verify(self, remove: bool, progress: Callable[[int, int], None], cancelled: threading.Event) -> Verified:
        """``progress`` is called in a thread."""
        found = await self.in_long_thread(self._store.verify, remove=remove, progress=progress, cancelled=cancelled)
        if any(damage.removed for damage in found.damages):
            self.changed()
        return found

    async def prune(self, older_than_seconds: float, dry_run: bool) -> Pruned:
        return await self.in_long_thread(self._store.prune, older_than_seconds=older_than_seconds, dry_run=dry_run)

    async def purge(self) -> None:
        await self.in_long_thread(self._store.purge)
        self.changed()

    async def disk_usage(self) -> int:
        return await asyncio.to_thread(self._store.disk_usage)

    def changed(self) -> None:
        """Something was stored or removed: what was remembered is void."""
        self._forget()
        self._files.clear()
        self._on_change()

    def _forget_old(self) -> None:
        now = time.monotonic()
        if now - self._read_at > FRESH_SECONDS:
            self._read_at = now
            self._forget()

    def _forget(self) -> None:
        """What a thread is reading right now may be older than this moment, so it will not be remembered either."""
        self._version += 1
        self._models = None
        self._ids.clear()


def _are_there(files: ModelFiles) -> bool:
    return all(path.exists() for path in (files.weights, files.mmproj, files.chat_template) if path is not None)
