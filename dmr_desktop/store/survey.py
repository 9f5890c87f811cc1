"""What a model that is not here yet is and would need: asked of its registry, of which only a corner is fetched.

An artifact's config repeats the header of its weights; where it does not, and on Hugging Face, the first bytes of
the weights are read.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass

from dmr_desktop.protocol.errors import DMRError
from dmr_desktop.protocol.models import Model, ModelConfig
from dmr_desktop.store.estimate import ModelShape, shape_of
from dmr_desktop.store.gguf import read_beginning
from dmr_desktop.store.gguf_header import GGUFHeader, header_of_metadata
from dmr_desktop.store.hub import Hub
from dmr_desktop.store.hub_files import Choice, choose
from dmr_desktop.store.manifest import GGUF, MMPROJ, Descriptor
from dmr_desktop.store.mirrors import Source
from dmr_desktop.store.pull import describe
from dmr_desktop.store.transfer import Transfer

BEGINNING_BYTES = 256 * 1024
"""What an architecture is written in: it comes before the vocabulary, which can be megabytes."""


@dataclass(frozen=True, slots=True)
class Survey:
    """``model`` without tags. ``shape`` None: not a model that our engine loads, or its maker does not say."""

    model: Model
    shape: ModelShape | None


def survey_registry(source: Source, transfer: Transfer) -> Survey:
    """Raises as :func:`describe` does."""
    manifest, _, config = describe(source, transfer)
    model = Model(manifest.id, (), config.created, config.config, manifest.size_bytes)
    weights = [layer for layer in manifest.distinct_layers if layer.media_type in (GGUF, MMPROJ)]
    first = next((layer for layer in weights if layer.media_type == GGUF), None)
    if first is None:
        return Survey(model, None)
    size = sum(layer.size for layer in weights)
    shape = shape_of(header_of_metadata(config.config.gguf), size)
    if not shape.is_known:
        header = _beginning(lambda: source.blob(first, 0), first.size, transfer)
        shape = shape_of(header, size) if header is not None else shape
    return Survey(model, shape if shape.is_known else None)


def survey_hub(hub: Hub, tag: str, transfer: Transfer) -> Survey:
    """``tag`` as a pull understands it. Raises what a pull raises before it fetches anything."""
    revision = transfer.ask(hub.revision)
    choice: Choice = choose(transfer.ask(lambda: hub.files(revision)), hub.name, tag)
    total = sum(file.size for file in choice.files)
    config = ModelConfig(format="gguf" if choice.gguf else "safetensors", quantization=choice.quantization)
    header = None
    if choice.gguf and (first := choice.gguf[0]).sha256:
        layer = Descriptor(GGUF, f"sha256:{first.sha256}", first.size)
        header = _beginning(lambda: hub.blob(first.path, revision, layer, 0), first.size, transfer)
    if header is None:
        return Survey(Model("", (), 0, config, total), None)
    config = ModelConfig(
        format="gguf",
        quantization=choice.quantization or header.quantization,
        architecture=header.architecture,
        parameters=str(header.values.get("general.size_label", "")),
        gguf=header.metadata,
    )
    weights = sum(file.size for file in (*choice.gguf, choice.mmproj) if file is not None)
    shape = shape_of(header, weights)
    return Survey(Model("", (), 0, config, total), shape if shape.is_known else None)


def _beginning(
    opened: Callable[[], AbstractContextManager[Iterator[bytes]]],
    size: int,
    transfer: Transfer,
) -> GGUFHeader | None:
    """None when the registry does not give it: what is known without is told all the same."""

    def fetch() -> bytes:
        data = bytearray()
        with opened() as chunks:
            for chunk in chunks:
                data += chunk
                if len(data) >= BEGINNING_BYTES:
                    break
        return bytes(data)

    try:
        return read_beginning(transfer.ask(fetch), size)
    except DMRError:
        return None
