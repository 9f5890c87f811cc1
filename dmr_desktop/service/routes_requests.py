"""``GET /engines/requests``: what was asked and answered lately, as JSON or as it happens."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from dmr_desktop.dialects.frames import EVENT_STREAM
from dmr_desktop.protocol.errors import InvalidRequest, ModelNotFound
from dmr_desktop.service.answers import json_answer
from dmr_desktop.service.catalog import Catalog
from dmr_desktop.service.request_log import RequestLog
from dmr_desktop.service.requests import query_flag
from dmr_desktop.service.streamed import WARM_SECONDS, StreamedAnswer, StreamResponse

_WARM = b":\n\n"


class RequestRoutes:
    def __init__(self, catalog: Catalog, requests: RequestLog) -> None:
        self._catalog = catalog
        self._requests = requests

    def routes(self) -> list[BaseRoute]:
        return [Route("/engines/requests", self.requests, methods=["GET"])]

    async def requests(self, request: Request) -> Response:
        reference = request.query_params.get("model")
        model_id = None if not reference else await self._model_id(reference)
        if request.headers.get("accept") != EVENT_STREAM:
            return json_answer(self._requests.groups(model_id))
        is_existing_wanted = query_flag(request, "include_existing")

        async def write(out: StreamedAnswer) -> None:
            with self._requests.follow(model_id, existing=is_existing_wanted) as follower:
                while (frames := await follower.fetch(WARM_SECONDS)) is not None:
                    await out.write(frames or _WARM)

        return StreamResponse(write, EVENT_STREAM)

    async def _model_id(self, reference: str) -> str:
        """Of a stored model; any other name matches what a caller may mean by it: an id, or nothing."""
        try:
            return (await self._catalog.get(reference)).id
        except (ModelNotFound, InvalidRequest):
            return reference
