"""The layer around all routes that makes their exceptions answers. Knows no route."""

import logging

from starlette.exceptions import HTTPException
from starlette.responses import Response
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
            if has_begun:
                raise
            # No name here may stay with the error: it knows this frame by its traceback, and by others the request's
            # body, which would then wait for the garbage collector.
            await _refusal(scope, error)(scope, receive, send)


def _refusal(scope: Scope, error: Exception) -> Response:
    """What the client is told; a bug is logged."""
    if isinstance(error, HTTPException):
        return error_answer(scope, HTTPProblem(error.status_code, error.detail, headers=error.headers))
    if isinstance(error, DMRError | HTTPProblem):
        return error_answer(scope, error)
    log.exception("%s %s failed", scope["method"], scope["path"])
    return error_answer(scope, DMRError("the service failed to answer", hint="its log tells more"))
