"""What a stored model's own file says about it, for those who ask again and again."""

import asyncio
from collections import OrderedDict

from dmr_desktop.dialects.ollama_models import ModelFacts
from dmr_desktop.protocol.errors import StoreError, UnsupportedModel
from dmr_desktop.protocol.json_types import JSON
from dmr_desktop.protocol.models import Model, ModelFiles
from dmr_desktop.service.catalog import Catalog
from dmr_desktop.store.gguf import read_header

MAX_REMEMBERED = 32
MAX_TEMPLATE_BYTES = 1 << 20
_TEMPLATE_KEY = "tokenizer.chat_template"


class ModelFactsReader:
    """Remembers the last models that were asked for: their files never change."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._known: OrderedDict[str, ModelFacts] = OrderedDict()

    async def of(self, model: Model) -> ModelFacts:
        """Raises StoreError. What no runner could open is described by its config alone."""
        found = self._known.get(model.id)
        if found is None:
            try:
                files = await self._catalog.files(model.id)
            except UnsupportedModel:
                metadata: dict[str, JSON] = {**model.config.gguf, **model.config.safetensors}
                return ModelFacts(metadata)
            found = await asyncio.to_thread(_read, files)
            self._known[model.id] = found
        self._known.move_to_end(model.id)
        while len(self._known) > MAX_REMEMBERED:
            self._known.popitem(last=False)
        return found


def _read(files: ModelFiles) -> ModelFacts:
    try:
        header = read_header(files.weights)
        template = str(header.values.get(_TEMPLATE_KEY, ""))
        if files.chat_template is not None:
            with files.chat_template.open("rb") as file:
                template = file.read(MAX_TEMPLATE_BYTES).decode(errors="replace")
    except OSError as error:
        raise StoreError(f"the model cannot be read: {error.strerror}", hint="pull the model again") from error
    metadata: dict[str, JSON] = {**header.values, **dict.fromkeys(header.array_lengths)}
    return ModelFacts(metadata, template, has_projector=files.mmproj is not None)
