"""A stored model with other settings: a new config and a new manifest over the same layers.

Both documents are changed as they are, so what this program does not know of passes through. Knows nothing of tags.
"""

import json
from typing import Any

from dmr_desktop.protocol.errors import InvalidRequest
from dmr_desktop.store.blobs import BlobStore
from dmr_desktop.store.json_document import strict_json
from dmr_desktop.store.manifest import CONFIG_CNCF, Manifest, parse_manifest
from dmr_desktop.store.package import check_context_size


def repackage(blobs: BlobStore, manifest: Manifest, context_size: int | None) -> Manifest:
    """The manifest of the changed model, whose config has been stored; the same one if nothing is to change.

    Raises :class:`InvalidRequest` and :class:`StoreError`.
    """
    check_context_size(context_size)
    if context_size is None:
        return manifest
    if manifest.config.media_type == CONFIG_CNCF:
        raise InvalidRequest("a CNCF ModelPack model has no place for a context size", param="context_size")
    document = strict_json(blobs.get(manifest.config))
    config = document.get("config")
    document["config"] = {**(config if isinstance(config, dict) else {}), "context_size": context_size}
    raw = _json(document)
    changed = strict_json(manifest.raw)
    changed["config"] = {**changed["config"], "size": len(raw), "digest": blobs.put(raw)}
    return parse_manifest(_json(changed))


def _json(document: dict[str, Any]) -> bytes:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
