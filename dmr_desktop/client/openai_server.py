"""Another program's OpenAI-compatible server: its model list and its chat, at a base URL the user gives."""

from collections.abc import Iterator, Sequence
from urllib.parse import urlsplit

from dmr_desktop.client.answers import ChatChunk
from dmr_desktop.client.endpoint import TcpEndpoint
from dmr_desktop.client.runner_calls import RunnerCalls
from dmr_desktop.protocol.errors import InvalidRequest
from dmr_desktop.protocol.json_types import JSON


class OpenAIServer(RunnerCalls):
    """The endpoint is the base URL that ends in ``/v1`` or the like."""

    @property
    def start_hint(self) -> str:
        return "is that server running, and is its address right?"

    @property
    def key_hint(self) -> str:
        return "servers of others are sent no key"

    def openai_models_at_root(self) -> JSON:
        found: JSON = self._json("GET", "/models")
        return found

    def chat(self, model: str, messages: Sequence[JSON], **options: JSON) -> Iterator[ChatChunk]:
        return self._chat("/chat/completions", model, messages, options)


def client_for_openai(url: str) -> OpenAIServer:
    """Raises :class:`InvalidRequest` if ``url`` is no web address."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and not any(map(str.isspace, url))
    except ValueError:
        usable = False
    if not usable:
        raise InvalidRequest(f"--openaiurl {url!r} is not a web address", hint="e.g. http://localhost:8000/v1")
    return OpenAIServer(TcpEndpoint(url.rstrip("/")))
