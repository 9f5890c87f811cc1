"""``POST /models/{name}/push``: a stored model to the registry that its name names."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from dmr_desktop.dialects.fields import Fields
from dmr_desktop.protocol.errors import InvalidReference, InvalidRequest
from dmr_desktop.service.answers import text_answer
from dmr_desktop.service.bodies import parsed, read_body
from dmr_desktop.service.catalog import Catalog
from dmr_desktop.service.progress_answer import ProgressAnswer
from dmr_desktop.service.transfers import Transfers


class PushRoutes:
    def __init__(self, catalog: Catalog, pushes: Transfers) -> None:
        self._catalog = catalog
        self._pushes = pushes

    def routes(self) -> list[BaseRoute]:
        return [Route("/models/{name:path}/push", self.push, methods=["POST"])]

    async def push(self, request: Request) -> Response:
        name = request.path_params["name"]
        try:
            token = await _bearer_token(request)
        except InvalidRequest:
            return text_answer(400, "invalid request body")
        try:
            await self._catalog.normalise(name)
        except InvalidReference:
            return text_answer(400, "Invalid model reference")
        return ProgressAnswer(self._pushes.watch(name, token), request, "push")


async def _bearer_token(request: Request) -> str | None:
    """An empty body is fine. Raises :class:`InvalidRequest`."""
    body = await read_body(request.receive)
    return Fields(await parsed(body)).text("bearer-token") or None if body else None
