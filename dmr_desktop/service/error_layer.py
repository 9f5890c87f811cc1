"""The layer around all routes that makes their exceptions answers. Knows no route."""

import logging

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dmr_desktop.protocol.errors import DMRError
from dmr_desktop.service.answers import HTTPProblem, error_answer

log = logging.getLogger(__name__)


class ErrorLayer:
    """Turns what a route raises, and a wrong method, into the refusal that its path calls for.

    Once an answer has begun nothing can take its place: then the exception goes on, and the connection is cut.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        has_begun = False
        scope["app"] = self  # Starlette's routes then raise a wrong method instead of answering it in their own form

        async def watched_send(message: Message) -> None:
            nonlocal has_begun
            has_begun = True
            await send(message)

        try:
            await self._app(scope, receive, watched_send)
        except Exception as error:
            problem = _problem(error)
            if problem is None and not has_begun:
                log.exception("%s %s failed", scope["method"], scope["path"])
                problem = DMRError("the service failed to answer", hint="its log tells more")
            if problem is None or has_begun:
                raise
            await error_answer(scope, problem)(scope, receive, send)


def _problem(error: Exception) -> DMRError | HTTPProblem | None:
    """What is meant for the client; None for a bug."""
    if isinstance(error, HTTPException):
        return HTTPProblem(error.status_code, error.detail, headers=error.headers)
    return error if isinstance(error, DMRError | HTTPProblem) else None
