"""Which paths answer errors in a dialect; all others answer plain text, as Docker Model Runner does."""

import re
from collections.abc import Callable

from dmr_desktop.dialects import openai_errors
from dmr_desktop.protocol.errors import ErrorInfo

OPENAI_BASE = r"(?:/v1|/engines(?:/[^/]+)?(?:/v1)?)"
_OPENAI = re.compile(OPENAI_BASE + r"/(?:chat/completions|completions|embeddings|models(?:/.*)?)")

_WRITERS: tuple[tuple[re.Pattern[str], Callable[[ErrorInfo], bytes]], ...] = ((_OPENAI, openai_errors.error_body),)


def error_writer(path: str) -> Callable[[ErrorInfo], bytes] | None:
    """What writes the JSON body of a refusal at ``path`` (normalised); None: plain text."""
    for pattern, writer in _WRITERS:
        if pattern.fullmatch(path):
            return writer
    return None
