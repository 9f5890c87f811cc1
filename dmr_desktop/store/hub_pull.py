"""Bringing one model from Hugging Face into a store, as an artifact like any other.

The Hub has files, not manifests: which of them are the model is :mod:`hub_files`' choice, and the manifest is made
here, from the files and the commit's own time, so that the same commit gives the same model. Large files are resumed
and checked against the SHA-256 that the Hub states; small ones against git's.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dmr_desktop.protocol.errors import RegistryError, StoreError, UnsupportedModel
from dmr_desktop.protocol.models import ModelConfig, Progress
from dmr_desktop.store.catalog import Catalog
from dmr_desktop.store.config import render_config
from dmr_desktop.store.fetch import check_room
from dmr_desktop.store.gguf import read_header
from dmr_desktop.store.hub import Hub, Revision
from dmr_desktop.store.hub_files import Choice, HubFile, choose
from dmr_desktop.store.layers import describe_layer, manifest_of
from dmr_desktop.store.manifest import (
    CHAT_TEMPLATE,
    CONFIG_V01,
    CONFIG_V02,
    GGUF,
    LICENSE,
    MMPROJ,
    SAFETENSORS,
    Descriptor,
    Manifest,
)
from dmr_desktop.store.package import gguf_config
from dmr_desktop.store.package_directory import media_type_of, read_model_json, safetensors_config
from dmr_desktop.store.reference import DEFAULT_TAG, Reference
from dmr_desktop.store.safetensors import read_safetensors
from dmr_desktop.store.transfer import Transfer

_MAX_ROUNDS = 3


@dataclass(frozen=True, slots=True)
class _Part:
    """A file of the model in the store. ``label``: its name in the artifact."""

    file: HubFile
    label: str
    layer: Descriptor


class HubPull:
    """One pull."""

    def __init__(self, reference: Reference, *, hub: Hub, catalog: Catalog, transfer: Transfer) -> None:
        self._reference = reference
        self._hub = hub
        self._catalog = catalog
        self._transfer = transfer
        self._blobs = transfer.blobs

    def run(self) -> str:
        """Returns the sentence for the success line. Raises the protocol's errors and :class:`Cancelled`."""
        [(revision, files)] = self._transfer.workers.run_all([self._list])
        choice = choose(files, self._hub.name, self._reference.tag)
        # Said when it is done: the first line begins an HTTP answer, after which a refusal can have no status.
        self._say("Fetching file list...")
        if choice.quantization:
            is_default = self._reference.tag in (DEFAULT_TAG, "main")
            self._say(f"Selected {choice.quantization} quantization{' (default)' if is_default else ''}")
        total = sum(file.size for file in choice.files)
        self._say(f"Found {len(choice.files)} files ({total / (1 << 20):.2f} MB total)", total)
        for _ in range(_MAX_ROUNDS):
            parts = self._fetch(choice, revision, total)
            self._say("Building model artifact...")
            if self._catalog.add(self._build(choice, parts, revision), self._reference.tag_name):
                return "Model pulled successfully"
        raise RegistryError("layers keep disappearing from the store while they are pulled", hint="try again")

    def _say(self, message: str, total: int = 0) -> None:
        self._transfer.tell(Progress("progress", message, total))

    # ---- files -------------------------------------------------------------------------------

    def _list(self) -> tuple[Revision, list[HubFile]]:
        revision = self._transfer.ask(self._hub.revision)
        return revision, self._transfer.ask(lambda: self._hub.files(revision))

    def _fetch(self, choice: Choice, revision: Revision, total: int) -> list[_Part]:
        """All files, those already here included, in the order of ``choice``."""
        files = choice.files
        large = [self._large(file, choice) for file in files if file.sha256]
        missing = [part for part in large if not self._blobs.has(part.layer)]
        small_bytes = sum(file.size for file in files if not file.sha256)
        check_room(self._blobs, self._catalog.root, [part.layer for part in missing], small_bytes)
        small = self._transfer.workers.run_all(
            [self._small_task(file, choice, revision) for file in files if not file.sha256 and file.size]
        )
        distinct = {part.layer.digest: part for part in missing}.values()
        self._transfer.workers.run_all([self._large_task(part, revision, total) for part in distinct])
        by_path = {part.file.path: part for part in (*large, *small)}
        return [by_path[file.path] for file in files if file.path in by_path]

    def _large(self, file: HubFile, choice: Choice) -> _Part:
        media_type, label = _role(file, choice)
        if not file.size:
            raise UnsupportedModel(f"{file.name} is empty in the repository")
        return _Part(file, label, Descriptor(media_type, f"sha256:{file.sha256}", file.size))

    def _small_task(self, file: HubFile, choice: Choice, revision: Revision) -> Callable[[], _Part]:
        def fetch() -> _Part:
            data = self._transfer.ask(lambda: self._hub.small_file(file, revision))
            media_type, label = _role(file, choice)
            return _Part(file, label, Descriptor(media_type, self._blobs.put(data), len(data)))

        return fetch

    def _large_task(self, part: _Part, revision: Revision, total: int) -> Callable[[], None]:
        path = part.file.path
        return lambda: self._transfer.fetch(
            part.layer, lambda layer, offset: self._hub.blob(path, revision, layer, offset), total
        )

    # ---- the artifact ------------------------------------------------------------------------

    def _build(self, choice: Choice, parts: Sequence[_Part], revision: Revision) -> Manifest:
        layers = [
            describe_layer(part.label, part.layer.media_type, part.layer.digest, part.layer.size, revision.modified)
            for part in parts
        ]
        digests = [str(layer["digest"]) for layer in layers]
        weights = [
            self._blobs.path(part.layer.digest) for part in parts if part.layer.media_type in (GGUF, SAFETENSORS)
        ]
        try:
            if choice.gguf:
                raw = gguf_config([read_header(path) for path in weights], None, revision.modified, digests)
            else:
                size = sum(part.layer.size for part in parts if part.layer.media_type == SAFETENSORS)
                headers = [read_safetensors(path) for path in weights]
                config = safetensors_config(headers, size, self._model_json(parts), None)
                raw = render_config(config, revision.modified, digests)
        except UnsupportedModel:
            # It is stored all the same: what is wrong with it is said when it is to be loaded.
            form = "gguf" if choice.gguf else "safetensors"
            raw = render_config(ModelConfig(format=form), revision.modified, digests)
        except OSError as error:
            raise StoreError(f"a file of the model cannot be read: {error.strerror}", hint="try again") from error
        return manifest_of(self._blobs, CONFIG_V01 if choice.gguf else CONFIG_V02, raw, layers)

    def _model_json(self, parts: Sequence[_Part]) -> dict[str, Any]:
        paths: list[Path] = [self._blobs.path(p.layer.digest) for p in parts if p.file.path == "config.json"]
        return read_model_json(paths[0]) if paths else {}


def _role(file: HubFile, choice: Choice) -> tuple[str, str]:
    """Media type and name of a file in the artifact."""
    if choice.safetensors:
        return (LICENSE if file in choice.licenses else media_type_of(file.name)), file.path
    if file in choice.gguf:
        return GGUF, file.name
    if file is choice.mmproj:
        return MMPROJ, file.name
    return (CHAT_TEMPLATE if file is choice.template else LICENSE), file.name
