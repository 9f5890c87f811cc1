"""The one table of routes: what belongs to nobody is refused here, in Docker Model Runner's words."""

import re
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
_LISTS = ("/models", "/api/tags")
_BASE = re.compile(r"(?:/v1|/engines(?:/llama\.cpp)?(?:/v1)?)")
_UNDER_BASE = re.compile(r"(?:/v1|/engines(?:/[^/]+)?/v1)/[^/]+")
_BASES = (
    "no model answers at this path. Set the client's base URL to this address with "
    "/engines/v1 (OpenAI's API), /anthropic (Anthropic's) or nothing (Ollama's) after it"
)


def next_step(method: str, path: str) -> str:
    """What to say of a path that leads nowhere; empty if there is no guess at what was meant."""
    whole = path.rstrip("/")
    if _BASE.fullmatch(whole):
        return f"this is a base URL, and right as one: models are listed at {whole}/models"
    if method == "GET" and whole.endswith(_LISTS):
        return _BASES
    if method != "POST":
        return ""
    if whole.endswith(_INFERENCE):
        return _BASES if path == whole else f"leave the slash at the end away, or else {_BASES}"
    if _UNDER_BASE.match(whole):
        return (
            "that is not served here, where models read and write text: at chat/completions, responses, messages, "
            "completions, embeddings, rerank, score and tokenize"
        )
    return ""


class _NotFound:
    """404 to any method."""

    def __init__(self, text: str) -> None:
        self._text = text

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        step = next_step(scope["method"], scope["path"])
        await text_answer(404, f"{self._text}: {step}" if step else self._text)(scope, receive, send)
