"""OpenAI's Responses: generating one, and what is kept of those that are finished."""

from collections.abc import Callable

import orjson
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from dmr_desktop.backends.base import DEFAULT_BACKEND
from dmr_desktop.dialects.exchange import Exchange
from dmr_desktop.dialects.responses import ResponsesDialect
from dmr_desktop.dialects.responses_memory import StoredItem, StoredResponse
from dmr_desktop.protocol.errors import InvalidRequest, ResponseNotFound
from dmr_desktop.protocol.generation import Usage
from dmr_desktop.protocol.runners import Mode
from dmr_desktop.service.answers import HTTPProblem
from dmr_desktop.service.engine_states import check_backend
from dmr_desktop.service.generate import Call
from dmr_desktop.service.inference_endpoints import GenerationEndpoint, InferenceParts, WholeEndpoint
from dmr_desktop.service.response_store import ResponseStore
from dmr_desktop.service.routes_inference import BASES

DEFAULT_PAGE = 20
MAX_PAGE = 100


class ResponseRoutes:
    """``store`` keeps what is finished, for all bases alike."""

    def __init__(self, parts: InferenceParts, store: ResponseStore) -> None:
        self._parts = parts
        self._store = store

    def routes(self) -> list[BaseRoute]:
        dialect = ResponsesDialect(self._store)
        create = GenerationEndpoint(self._parts, dialect.parse, recall=dialect.recall)
        count = CountEndpoint(self._parts, dialect.parse, recall=dialect.recall)
        found: list[BaseRoute] = []
        for base in ("", *BASES):
            found += [
                Route(f"{base}/responses", create),
                Route(f"{base}/responses/input_tokens", count),
                Route(f"{base}/responses/{{id}}", _Methods({"GET": self._read, "DELETE": self._delete})),
                Route(f"{base}/responses/{{id}}/input_items", _Methods({"GET": self._input_items})),
                Route(f"{base}/responses/{{id}}/cancel", _Methods({"POST": self._cancel})),
            ]
        return found

    def _find(self, request: Request) -> StoredResponse:
        response_id = request.path_params["id"]
        found = self._store.response(response_id)
        if found is None:
            raise ResponseNotFound(
                f"Response with id '{response_id[:80]}' not found.",
                hint="responses are kept for a while, in memory, unless 'store' is false",
            )
        return found

    def _read(self, request: Request) -> Response:
        found = self._find(request)
        if request.query_params.get("stream", "false").lower() == "true":
            raise InvalidRequest("A finished response cannot be streamed again.", param="stream")
        return _json(found.body)

    def _delete(self, request: Request) -> Response:
        found = self._find(request)
        self._store.forget(found.id)
        return _json(orjson.dumps({"id": found.id, "object": "response.deleted", "deleted": True}))

    def _input_items(self, request: Request) -> Response:
        page, has_more = _page(self._find(request).input, request.query_params)
        ends = {"first_id": page[0].id, "last_id": page[-1].id} if page else {"first_id": None, "last_id": None}
        listed = b",".join(item.json for item in page)
        return _json(b'{"object":"list","data":[' + listed + b"]," + orjson.dumps({**ends, "has_more": has_more})[1:])

    def _cancel(self, request: Request) -> Response:
        self._find(request)
        raise InvalidRequest(
            "Only responses that run in the background can be cancelled.", hint="close the connection instead"
        )


def _page(items: tuple[StoredItem, ...], query: QueryParams) -> tuple[tuple[StoredItem, ...], bool]:
    """By ``order`` (newest first, unless ``asc``), ``after`` and ``limit``; and whether there is more."""
    order = query.get("order", "desc")
    if order not in ("asc", "desc"):
        raise InvalidRequest("Invalid value: 'order' is 'asc' or 'desc'.", param="order")
    limit = query.get("limit", str(DEFAULT_PAGE))
    if not (limit.isascii() and limit.isdigit() and len(limit) < 4 and 1 <= int(limit) <= MAX_PAGE):
        raise InvalidRequest(f"Invalid 'limit': an integer from 1 to {MAX_PAGE} is expected.", param="limit")
    ordered = items if order == "asc" else items[::-1]
    after = query.get("after")
    if after is not None:
        ids = [item.id for item in ordered]
        if after not in ids:
            raise InvalidRequest(f"Invalid 'after': no item has the id '{after[:80]}'.", param="after")
        ordered = ordered[ids.index(after) + 1 :]
    return ordered[: int(limit)], len(ordered) > int(limit)


def _json(body: bytes) -> Response:
    return Response(body, media_type="application/json")


class CountEndpoint(WholeEndpoint[Exchange]):
    """How many tokens a request would read; the model itself is asked, so it is loaded for that."""

    mode = Mode.COMPLETION

    async def _body(self, exchange: Exchange, call: Call) -> bytes:
        async with self._lease(call, exchange.keep_alive_seconds) as runner:
            count = len(await runner.tokenize(exchange.requests[0].prompt))
        call.record.done(Usage(count, 0))
        return orjson.dumps({"object": "response.input_tokens", "input_tokens": count})


class _Methods:
    """One path's handlers by method, HEAD as GET; other methods are refused in the dialect."""

    def __init__(self, handlers: dict[str, Callable[[Request], Response]]) -> None:
        self._handlers = handlers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        handler = self._handlers.get("GET" if scope["method"] == "HEAD" else scope["method"])
        if handler is None:
            raise HTTPProblem(405, "Method Not Allowed", headers={"Allow": ", ".join(self._handlers)})
        check_backend(scope["path_params"].get("backend", DEFAULT_BACKEND))
        await handler(Request(scope, receive))(scope, receive, send)
