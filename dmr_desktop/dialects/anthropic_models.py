"""``/anthropic/v1/models``: stored models as Anthropic lists them, a page at a time."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import orjson

from dmr_desktop.dialects.fields import refuse
from dmr_desktop.dialects.openai_models import context_window
from dmr_desktop.protocol.models import Model

DEFAULT_LIMIT = 20
MAX_LIMIT = 1000


def model_object(model: Model) -> dict[str, object]:
    """``id`` as in OpenAI's list."""
    name = model.tags[0] if model.tags else model.id
    return {
        "type": "model",
        "id": name,
        "display_name": name.removeprefix("docker.io/").removesuffix(":latest"),
        "created_at": datetime.fromtimestamp(model.created, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "lifecycle": "active",
        "max_input_tokens": context_window(model),
    }


def render_list(models: Sequence[Model], query: Mapping[str, str]) -> bytes:
    """The page that ``limit``, ``after_id`` and ``before_id`` ask for. Raises InvalidRequest."""
    limit = _read_limit(query.get("limit"))
    entries = [model_object(model) for model in models]
    ids = [entry["id"] for entry in entries]
    first, last = 0, len(entries)
    if "after_id" in query:
        first = _place(ids, query["after_id"], "after_id") + 1
        page = entries[first : first + limit]
        has_more = first + limit < last
    elif "before_id" in query:
        last = _place(ids, query["before_id"], "before_id")
        page = entries[max(0, last - limit) : last]
        has_more = last > limit
    else:
        page, has_more = entries[:limit], last > limit
    return orjson.dumps(
        {
            "data": page,
            "has_more": has_more,
            "first_id": page[0]["id"] if page else None,
            "last_id": page[-1]["id"] if page else None,
        }
    )


def _read_limit(text: str | None) -> int:
    if text is None:
        return DEFAULT_LIMIT
    if not (text.isascii() and text.isdigit() and len(text) <= 4 and 1 <= int(text) <= MAX_LIMIT):
        refuse(f"Invalid 'limit': a whole number from 1 to {MAX_LIMIT} is expected.", "limit")
    return int(text)


def _place(ids: Sequence[object], wanted: str, param: str) -> int:
    if wanted not in ids:
        refuse(f"Invalid '{param}': no model is listed under that id.", param)
    return ids.index(wanted)


def render_one(model: Model) -> bytes:
    return orjson.dumps(model_object(model))
