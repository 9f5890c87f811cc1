"""Which paths answer errors in a dialect; all others answer plain text, as Docker Model Runner does."""

import re
from collections.abc import Callable

from dmr_desktop.dialects import anthropic_errors, ollama_errors, openai_errors
from dmr_desktop.protocol.errors import ErrorInfo

OPENAI_BASE = r"(?:/v1|/engines(?:/[^/]+)?(?:/v1)?)"
_OPENAI = re.compile(OPENAI_BASE + r"/(?:chat/completions|completions|embeddings|models(?:/.*)?)")

_RANKING = re.compile(f"(?:/engines|{OPENAI_BASE})?/(?:rerank|score|tokenize)")

_ANTHROPIC = re.compile(r"/anthropic(?:/.*)?|" + OPENAI_BASE + r"/messages(?:/count_tokens)?")

_RESPONSES = re.compile(f"(?:/engines|{OPENAI_BASE})?/responses(?:/.*)?")

_OLLAMA = re.compile(r"/api/.*")

_WRITERS: tuple[tuple[re.Pattern[str], Callable[[ErrorInfo], bytes]], ...] = (
    (_OPENAI, openai_errors.error_body),
    (_RANKING, openai_errors.error_body),
    (_RESPONSES, openai_errors.error_body),
    (_ANTHROPIC, anthropic_errors.error_body),
    (_OLLAMA, ollama_errors.error_body),
)


def error_writer(path: str) -> Callable[[ErrorInfo], bytes] | None:
    """What writes the JSON body of a refusal at ``path`` (normalised); None: plain text."""
    for pattern, writer in _WRITERS:
        if pattern.fullmatch(path):
            return writer
    return None
