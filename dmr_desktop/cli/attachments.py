"""``@FILE`` in a question: an image is shown to the model, a text file is put into the question."""

import base64
import re
from dataclasses import dataclass
from pathlib import Path

from dmr_desktop.protocol.errors import InvalidRequest
from dmr_desktop.protocol.json_types import JSON

_MENTION = re.compile(r"""(?<!\S)@(?:"([^"\n]+)"|'([^'\n]+)'|(\S+))""")
_MAX_IMAGE_BYTES = 7 * 1024 * 1024
"""Base64 makes a third more of it, and the service takes 10 MiB."""
_MAX_TEXT_BYTES = 1024 * 1024
_KINDS = {b"\x89PNG\r\n\x1a\n": "png", b"\xff\xd8\xff": "jpeg", b"GIF8": "gif"}


@dataclass(frozen=True, slots=True)
class Question:
    """``content`` is that of an OpenAI message: text, or parts when there are images."""

    content: JSON


def read_question(text: str) -> Question:
    """Files that are named and exist are read; any other ``@word`` stays what it is. Raises InvalidRequest."""
    images: list[JSON] = []

    def replace(match: re.Match[str]) -> str:
        name = match[1] or match[2] or match[3]
        path = Path(name).expanduser()
        try:
            if not path.is_file():
                return match.group()
            with path.open("rb") as file:
                data = file.read(_MAX_IMAGE_BYTES + 1)
        except OSError as error:
            raise InvalidRequest(f"{path} cannot be read: {error.strerror}") from error
        except ValueError:  # a NUL in the name
            return match.group()
        kind = image_kind(data)
        if not kind:
            return _text_of(path, data)
        if len(data) > _MAX_IMAGE_BYTES:
            raise InvalidRequest(f"{path} is too big: an image may have {_MAX_IMAGE_BYTES >> 20} MiB")
        url = f"data:image/{kind};base64,{base64.b64encode(data).decode()}"
        images.append({"type": "image_url", "image_url": {"url": url}})
        return path.name

    words = _MENTION.sub(replace, text)
    return Question([{"type": "text", "text": words}, *images] if images else words)


def image_kind(data: bytes) -> str:
    """``png``, ``jpeg``, ``gif``, ``webp``; "" if ``data`` begins like none of them."""
    for start, kind in _KINDS.items():
        if data.startswith(start):
            return kind
    return "webp" if data[:4] == b"RIFF" and data[8:12] == b"WEBP" else ""


def _text_of(path: Path, data: bytes) -> str:
    if len(data) > _MAX_TEXT_BYTES:
        raise InvalidRequest(f"{path} is too big: a text may have {_MAX_TEXT_BYTES >> 20} MiB")
    try:
        text = data.decode()
    except UnicodeDecodeError:
        raise InvalidRequest(f"{path} is neither an image (PNG, JPEG, GIF, WebP) nor UTF-8 text") from None
    return f"{path.name}:\n{text}\n"
