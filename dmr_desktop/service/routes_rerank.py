"""The routes of models that rank documents: ``/rerank`` and ``/score``, under the OpenAI bases and without one."""

from starlette.routing import BaseRoute, Route

from dmr_desktop.dialects.rerank import RerankExchange, parse_rerank, parse_score
from dmr_desktop.protocol.generation import Usage
from dmr_desktop.protocol.runners import Mode
from dmr_desktop.service.generate import Call
from dmr_desktop.service.inference_endpoints import InferenceParts, WholeEndpoint, without_defaults
from dmr_desktop.service.routes_inference import BASES


class RerankEndpoint(WholeEndpoint[RerankExchange]):
    mode = Mode.RERANKING

    async def _body(self, exchange: RerankExchange, call: Call) -> bytes:
        async with self._lease(call, exchange.keep_alive_seconds) as runner:
            result = await runner.rerank(exchange.request)
        call.record.done(Usage(result.prompt_tokens, 0))
        return exchange.render(result)


def rerank_routes(parts: InferenceParts) -> list[BaseRoute]:
    rerank = RerankEndpoint(parts, without_defaults(parse_rerank))
    score = RerankEndpoint(parts, without_defaults(parse_score))
    found: list[BaseRoute] = []
    for base in (*BASES, ""):
        found += [Route(f"{base}/rerank", rerank), Route(f"{base}/score", score)]
    return found
