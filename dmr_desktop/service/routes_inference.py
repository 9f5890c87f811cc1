"""The OpenAI routes: chat, completions, embeddings and the model list, under all their bases."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from dmr_desktop.dialects import (
    anthropic_errors,
    anthropic_models,
    openai_chat,
    openai_completions,
    openai_embeddings,
    openai_models,
)
from dmr_desktop.protocol.errors import InvalidRequest, ModelNotFound
from dmr_desktop.service.answers import error_answer
from dmr_desktop.service.inference_endpoints import (
    EmbeddingEndpoint,
    GenerationEndpoint,
    InferenceParts,
    not_found,
    without_defaults,
)

BASES = ("/v1", "/engines/v1", "/engines/{backend}/v1", "/engines", "/engines/{backend}")
"""The last two for clients whose base has no version (LiteLLM's documented one)."""


class InferenceRoutes:
    def __init__(self, parts: InferenceParts) -> None:
        self._parts = parts

    def routes(self) -> list[BaseRoute]:
        chat = GenerationEndpoint(self._parts, openai_chat.parse)
        completions = GenerationEndpoint(self._parts, openai_completions.parse)
        embeddings = EmbeddingEndpoint(self._parts, without_defaults(openai_embeddings.parse))
        found: list[BaseRoute] = []
        for base in BASES:
            found += [
                Route(f"{base}/chat/completions", chat),
                Route(f"{base}/completions", completions),
                Route(f"{base}/embeddings", embeddings),
                Route(f"{base}/models", self.models, methods=["GET"]),
                Route(f"{base}/models/{{name:path}}", self.model, methods=["GET"]),
            ]
        return found

    async def models(self, request: Request) -> Response:
        models = await self._parts.catalog.models()
        if _asks_as_anthropic(request):
            try:
                listed = anthropic_models.render_list(models, request.query_params)
            except InvalidRequest as error:
                return error_answer(request.scope, error, anthropic_errors.error_body)
            return Response(listed, media_type="application/json")
        return Response(openai_models.render_list(models), media_type="application/json")

    async def model(self, request: Request) -> Response:
        name = request.path_params["name"]
        if not name:
            return await self.models(request)  # only a slash too many
        try:
            model = await self._parts.catalog.get(name)
        except ModelNotFound:
            if _asks_as_anthropic(request):
                return error_answer(request.scope, not_found(name), anthropic_errors.error_body)
            raise not_found(name) from None
        render = anthropic_models.render_one if _asks_as_anthropic(request) else openai_models.render_one
        return Response(render(model), media_type="application/json")


def _asks_as_anthropic(request: Request) -> bool:
    """Its clients ask at the same place, and say so."""
    return "anthropic-version" in request.headers
