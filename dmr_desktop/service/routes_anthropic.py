"""The Anthropic routes: messages, the counting of their tokens, and the model list."""

from functools import partial

import orjson
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dmr_desktop.dialects import anthropic_models, anthropic_request
from dmr_desktop.dialects.anthropic_errors import error_body, new_request_id
from dmr_desktop.protocol.errors import DMRError, ModelNotFound
from dmr_desktop.protocol.generation import ChatPrompt, Usage
from dmr_desktop.protocol.runners import Mode
from dmr_desktop.service.answers import HTTPProblem, error_answer
from dmr_desktop.service.generate import Call
from dmr_desktop.service.inference_endpoints import GenerationEndpoint, InferenceParts, WholeEndpoint
from dmr_desktop.service.routes_inference import BASES

ANTHROPIC_BASE = "/anthropic/v1"


class AnthropicRoutes:
    def __init__(self, parts: InferenceParts) -> None:
        self._parts = parts

    def routes(self) -> list[BaseRoute]:
        messages = _Identified(MessagesEndpoint(self._parts, anthropic_request.parse))
        count = _Identified(CountTokensEndpoint(self._parts, anthropic_request.parse_count))
        found: list[BaseRoute] = [
            Route(f"{ANTHROPIC_BASE}/models", self.models, methods=["GET"]),
            Route(f"{ANTHROPIC_BASE}/models/{{name:path}}", self.model, methods=["GET"]),
        ]
        for base in (ANTHROPIC_BASE, *BASES):
            found += [Route(f"{base}/messages", messages), Route(f"{base}/messages/count_tokens", count)]
        return found

    async def models(self, request: Request) -> Response:
        models = await self._parts.catalog.models()
        return Response(anthropic_models.render_list(models, request.query_params), media_type="application/json")

    async def model(self, request: Request) -> Response:
        name = request.path_params["name"]
        if not name:
            return await self.models(request)  # only a slash too many
        try:
            model = await self._parts.catalog.get(name)
        except ModelNotFound:
            raise unknown_model(name) from None
        return Response(anthropic_models.render_one(model), media_type="application/json")


def unknown_model(name: str) -> ModelNotFound:
    return ModelNotFound(
        f"Model not found: {name}",
        hint=f"`dmr pull {name}` gets it, `dmr ls` lists what is here",
        param="model",
    )


class MessagesEndpoint(GenerationEndpoint):
    unknown = staticmethod(unknown_model)


class CountTokensEndpoint(WholeEndpoint[ChatPrompt]):
    """How many tokens the model would read; the model's own tokenizer is asked, so it is loaded for that."""

    mode = Mode.COMPLETION
    unknown = staticmethod(unknown_model)

    async def _body(self, exchange: ChatPrompt, call: Call) -> bytes:
        async with self._lease(call) as runner:
            count = len(await runner.tokenize(exchange))
        call.record.done(Usage(count, 0))
        return orjson.dumps({"input_tokens": count})


class _Identified:
    """An endpoint whose answers carry a ``request-id``, refusals too: the SDKs show it, and the log has it."""

    def __init__(self, endpoint: ASGIApp) -> None:
        self._endpoint = endpoint

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request_id = new_request_id()
        scope["state"]["request_id"] = request_id
        has_begun = False

        async def send_identified(message: Message) -> None:
            nonlocal has_begun
            if message["type"] == "http.response.start":
                has_begun = True
                MutableHeaders(scope=message)["request-id"] = request_id
            await send(message)

        try:
            await self._endpoint(scope, receive, send_identified)
        except (DMRError, HTTPProblem) as error:
            if has_begun:
                raise
            refusal = error_answer(scope, error, partial(error_body, request_id=request_id))
            await refusal(scope, receive, send_identified)
