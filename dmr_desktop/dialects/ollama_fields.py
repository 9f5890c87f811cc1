"""What the requests of Ollama's API have in common: names, images, formats, thinking."""

from collections.abc import Mapping

from dmr_desktop.dialects.exchange import Defaults
from dmr_desktop.dialects.fields import Fields, refuse
from dmr_desktop.dialects.openai_sampling import MAX_TOP_LOGPROBS
from dmr_desktop.dialects.schemas import check_schema
from dmr_desktop.protocol.generation import ImagePart, JsonObject, JsonSchema, ResponseFormat
from dmr_desktop.protocol.json_types import JSON

NDJSON = "application/x-ndjson"
MAX_IMAGES = 64
_LEVELS = ("low", "medium", "high")
_IMAGE_TYPES = {"/9j/": "jpeg", "iVBOR": "png", "R0lG": "gif", "UklGR": "webp"}
"""By the first letters of the file's base64 text."""


def read_model(body: Fields) -> str:
    """``model``, or its older name ``name``."""
    name = body.text("model") or body.text("name")
    if not name:
        body.refuse("model", "model is required")
    return name


def read_images(body: Fields) -> tuple[ImagePart, ...]:
    """Base64 text of image files; ``data:`` URLs pass. Nothing is fetched."""
    images = []
    for index, item in enumerate(body.items("images", at_most=MAX_IMAGES) or []):
        where = f"{body.path('images')}[{index}]"
        if not isinstance(item, str) or not item or "://" in item[:16]:
            refuse(f"Invalid '{where}': expected an image file as base64 text.", where)
        images.append(ImagePart(item if item.startswith("data:") else _data_url(item)))
    return tuple(images)


def _data_url(base64_text: str) -> str:
    found = (kind for start, kind in _IMAGE_TYPES.items() if base64_text.startswith(start))
    return f"data:image/{next(found, 'jpeg')};base64,{base64_text}"


def read_format(body: Fields) -> ResponseFormat | None:
    """``"json"``, or a JSON schema."""
    value = body.get("format")
    if value is None or value == "":
        return None
    if isinstance(value, dict):
        return JsonSchema(check_schema(value, body.path("format")))
    if value != "json":
        body.refuse("format", "Invalid 'format': expected \"json\" or a JSON schema object.")
    return JsonObject()


def read_template_kwargs(body: Fields, defaults: Defaults) -> Mapping[str, JSON]:
    """``think``, in the names that chat templates read: true, false, or how hard."""
    configured = defaults.get("chat_template_kwargs")
    found: dict[str, JSON] = dict(configured) if isinstance(configured, dict) else {}
    value = body.get("think")
    if value is None or value == "":
        return found
    if isinstance(value, bool):
        return {**found, "enable_thinking": value}
    if value not in _LEVELS:
        body.refuse("think", 'Invalid \'think\': expected true, false, "low", "medium" or "high".')
    return {**found, "enable_thinking": True, "reasoning_effort": str(value)}


def read_top_logprobs(body: Fields) -> int | None:
    top = body.integer("top_logprobs", 0, MAX_TOP_LOGPROBS) or 0
    return top if body.flag("logprobs") else None
