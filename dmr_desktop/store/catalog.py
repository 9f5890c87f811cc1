"""Which models are stored: index entries joined with their manifests and configs.

Finds a model by tag, id, short id, digest or (where asked) partial name; adds, tags and removes whole models. A model
is listed only when every one of its blobs is there: checked under the lock under which removal deletes them.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dmr_desktop.protocol.errors import Conflict, DMRError, ModelNotFound, StoreError
from dmr_desktop.protocol.models import Model
from dmr_desktop.store.atomic import is_about_space, store_error, write_atomic
from dmr_desktop.store.blobs import BlobStore
from dmr_desktop.store.bundles import remove_bundle
from dmr_desktop.store.config import ConfigFile, parse_config
from dmr_desktop.store.index import Draft, Entry, Index
from dmr_desktop.store.layout import Layout, hex_of
from dmr_desktop.store.manifest import Descriptor, Manifest, parse_manifest
from dmr_desktop.store.reference import Reference, is_digest, looks_like_id, parse_reference

SHORT_ID_DIGITS = 12
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Stored:
    """What a model's immutable files say."""

    manifest: Manifest
    config: ConfigFile


class Catalog:
    def __init__(self, layout: Layout, blobs: BlobStore, default_registry: str) -> None:
        self._layout = layout
        self._blobs = blobs
        self._index = Index(layout, default_registry)
        self._default_registry = default_registry
        self._stored: dict[str, Stored] = {}
        """By id. Content never changes under its digest, so only what has been removed is dropped."""
        self._left_out: dict[str, str] = {}
        """By id, why: said once, as health checks ask for the list every few seconds."""

    @property
    def root(self) -> Path:
        return self._layout.root

    @property
    def index(self) -> Index:
        return self._index

    # ---- finding -----------------------------------------------------------------------------

    def parse(self, text: str) -> Reference:
        return parse_reference(text, self._default_registry)

    def models(self) -> list[Model]:
        """All models, oldest first; one whose files cannot be read is left out and logged."""
        entries = self._index.entries()
        for gone in self._stored.keys() - {entry.id for entry in entries}:
            self._stored.pop(gone, None)
        found = []
        left_out: dict[str, str] = {}
        for entry in entries:
            try:
                found.append(self.model(entry))
            except DMRError as error:
                left_out[entry.id] = str(error)
                if self._left_out.get(entry.id) != str(error):
                    _log.warning("model %s is left out: %s", entry.id, error)
        self._left_out = left_out
        return found

    def find(self, text: str, *, partial: bool = False) -> Entry:
        """The entry that ``text`` names. Raises :class:`ModelNotFound` and :class:`InvalidReference`."""
        entry, _ = self._match(text, self._index.entries(), partial=partial)
        return entry

    def find_id(self, text: str) -> str | None:
        """The full id behind an id or short id; None when ``text`` is none or no such model is stored."""
        return _id_among(text, self._index.entries())

    def model(self, entry: Entry) -> Model:
        stored = self.stored(entry.id)
        return Model(entry.id, entry.tags, stored.config.created, stored.config.config, stored.manifest.size_bytes)

    def stored(self, model_id: str) -> Stored:
        """Manifest and config. Raises :class:`StoreError` or :class:`UnsupportedModel` when they are no good."""
        found = self._stored.get(model_id)
        if found is None:
            try:
                raw = self._layout.manifest(model_id).read_bytes()
            except OSError as error:
                raise store_error(error, "reading a manifest") from error
            manifest = parse_manifest(raw)
            if manifest.id != model_id:
                raise StoreError("a stored manifest is damaged", hint="remove the model and pull it again")
            config = parse_config(manifest.config.media_type, self._blobs.get(manifest.config))
            found = self._stored[model_id] = Stored(manifest, config)
        return found

    def cached(self, target: Reference) -> str:
        """The sentence for what is here already, whole, and is not looked up again; "" if it is not.

        Raises :class:`ModelNotFound` for what only ever is here.
        """
        try:
            stored = self.stored(self.find(target.tag_name).id)
        except ModelNotFound:
            if target.is_local:
                raise ModelNotFound("Model not found", hint="names in dmr.local are local only") from None
            return ""
        is_whole = self.adopt(stored.manifest, target.tag_name)
        return f"Using cached model: {stored.config.config.size}" if is_whole or target.is_local else ""

    # ---- changing ----------------------------------------------------------------------------

    def adopt(self, manifest: Manifest, tag: str) -> bool:
        """Give ``tag`` to the model if it is stored, whole; otherwise change nothing and return False."""
        with self._index.change() as draft:
            if draft.find(manifest.id) is None or not self._is_whole(manifest):
                return False
            draft.tag(manifest.id, tag)
        return True

    def add(self, manifest: Manifest, tag: str | None) -> bool:
        """List the model under ``tag``, or without a name; False, and nothing changed, when a blob is missing."""
        with self._index.change() as draft:
            if self.missing(manifest) is not None:
                return False
            write_atomic(self._layout.manifest(manifest.id), manifest.raw)
            draft.add(manifest.id, manifest.files)
            if tag is not None:
                draft.tag(manifest.id, tag)
        return True

    def missing(self, manifest: Manifest) -> Descriptor | None:
        """The first of the model's blobs that is not here in full length."""
        return next((each for each in (*manifest.layers, manifest.config) if not self._blobs.has(each)), None)

    def discard(self, digests: Sequence[str]) -> None:
        """Delete those of the blobs that no model lists."""
        with self._index.change() as draft:
            for digest in digests:
                if not draft.mentions(digest):
                    _unlink(self._layout.blob(digest))

    def tag(self, text: str, target: str) -> None:
        tag = self.parse(target).tag_name
        with self._index.change() as draft:
            entry, _ = self._match(text, draft.entries, partial=True)
            draft.tag(entry.id, tag)

    def remove(self, text: str, *, force: bool) -> list[dict[str, str]]:
        """Untag, and delete what has no tag left: the steps done, as section 5.9 of the HTTP contract lists them.

        Raises :class:`ModelNotFound`, and :class:`Conflict` for several tags behind an id.
        """
        with self._index.change() as draft:
            try:
                entry, tag = self._match(text, draft.entries)
            except ModelNotFound as error:
                raise ModelNotFound("error while deleting model: model not found", hint=error.hint) from None
            if tag is not None and len(entry.tags) > 1:
                draft.untag(tag)
                return [{"Untagged": tag}]
            if tag is None and len(entry.tags) > 1 and not force:
                raise Conflict(
                    f'error while deleting model: unable to delete "{text}" (must be forced) '
                    "due to multiple tag references: resource conflict",
                    hint="remove its tags one by one, or force",
                )
            self._delete(draft, entry)
        return [*({"Untagged": tag} for tag in entry.tags), {"Deleted": entry.id}]

    def _delete(self, draft: Draft, entry: Entry) -> None:
        draft.remove(entry.id)
        try:
            # Off the list first: a crash in between leaves files nobody needs, never a model that does not work.
            draft.save()
        except OSError as error:
            if not is_about_space(error):
                raise
            # A full disk has no room for the new list until the files have gone.
            self._delete_files(draft, entry)
            draft.save()
        else:
            self._delete_files(draft, entry)

    def _delete_files(self, draft: Draft, entry: Entry) -> None:
        """Those of a model that is off the list."""
        self._stored.pop(entry.id, None)
        unused = [self._layout.blob(digest) for digest in entry.files if not draft.mentions(digest)]
        for path in (self._layout.manifest(entry.id), *unused):
            _unlink(path)
        try:
            remove_bundle(self._layout, entry.id)
        except OSError as error:
            _log.warning("cannot delete the bundle of %s: %s", entry.id, error)

    # ---- inside ------------------------------------------------------------------------------

    def _match(self, text: str, entries: Sequence[Entry], *, partial: bool = False) -> tuple[Entry, str | None]:
        """The entry that ``text`` names, and the tag it was found by (None: by id or digest)."""
        text = text.strip()
        model_id = _id_among(text, entries)
        if model_id is not None:
            return next(entry for entry in entries if entry.id == model_id), None
        if not is_digest(text):
            reference = self.parse(text)
            for entry in entries:
                if reference.digest is None and reference.tag_name in entry.tags:
                    return entry, reference.tag_name
                if reference.digest == entry.id:
                    return entry, None
            for entry in entries if partial else ():
                if any(_last_name(tag) == text for tag in entry.tags):
                    return entry, None
        raise ModelNotFound("model not found", hint=f"pull it first: dmr pull {text}")

    def _is_whole(self, manifest: Manifest) -> bool:
        return self.missing(manifest) is None and self._layout.manifest(manifest.id).is_file()


def _unlink(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        _log.warning("cannot delete %s: %s", path.name, error)


def _id_among(text: str, entries: Sequence[Entry]) -> str | None:
    if not looks_like_id(text):
        return None
    digits = hex_of(text)
    is_short = len(digits) == SHORT_ID_DIGITS
    for entry in entries:
        own = hex_of(entry.id)
        if (own[:SHORT_ID_DIGITS] if is_short else own) == digits:
            return entry.id
    return None


def _last_name(tag: str) -> str:
    return tag.rpartition("/")[2].partition(":")[0]
