"""The one table of routes: what belongs to nobody is refused here, in Docker Model Runner's words."""

from collections.abc import Iterable

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route, Router
from starlette.types import Receive, Scope, Send

from dmr_desktop.service.answers import text_answer


def router_of(routes: Iterable[BaseRoute]) -> Router:
    """The first that matches is taken."""
    return Router(
        [
            *routes,
            Route("/engines", _to_slash),
            Route("/v1", _to_slash),
            # Under these two a wrong method is as unknown as a wrong path.
            Route("/models", _NotFound("not found")),
            Route("/models/{rest:path}", _NotFound("not found")),
            Route("/engines/{rest:path}", _NotFound("not found")),
        ],
        redirect_slashes=False,
        default=_NotFound("404 page not found"),
    )


async def _to_slash(request: Request) -> Response:
    return RedirectResponse(f"{request.url.path}/", 301)


_INFERENCE = ("/chat/completions", "/completions", "/embeddings", "/responses", "/messages", "/rerank", "/api/chat")
_BASES = (
    "no model answers at this path. Set the client's base URL to this address with "
    "/engines/v1 (OpenAI's API), /anthropic (Anthropic's) or nothing (Ollama's) after it"
)


class _NotFound:
    """404 to any method. A program whose base URL is wrong, the usual first mistake, is told the right ones."""

    def __init__(self, text: str) -> None:
        self._text = text

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_inference = scope["method"] == "POST" and scope["path"].endswith(_INFERENCE)
        text = f"{self._text}: {_BASES}" if is_inference else self._text
        await text_answer(404, text)(scope, receive, send)
