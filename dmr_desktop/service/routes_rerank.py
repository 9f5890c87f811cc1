"""The routes of models that rank documents: ``/rerank`` and ``/score``, under the OpenAI bases and without one."""

import asyncio
from collections.abc import Callable

from starlette.routing import BaseRoute, Route

from dmr_desktop.dialects.rerank import RerankExchange, parse_rerank, parse_score
from dmr_desktop.protocol.generation import Usage
from dmr_desktop.protocol.models import ModelFiles
from dmr_desktop.protocol.runners import Mode
from dmr_desktop.service.generate import Call
from dmr_desktop.service.inference_endpoints import InferenceParts, WholeEndpoint, without_defaults
from dmr_desktop.service.model_check import shard_paths
from dmr_desktop.service.routes_inference import BASES
from dmr_desktop.store.ranking import check_can_rank

MAX_REMEMBERED = 256


class Rankers:
    """Models known to rank. The others are refused before anything is unloaded to make room for them."""

    def __init__(self) -> None:
        self._known: set[str] = set()

    async def check(self, files: ModelFiles) -> None:
        """Raises UnsupportedModel."""
        if files.model.id in self._known:
            return
        await asyncio.to_thread(check_can_rank, shard_paths(files.weights))
        if len(self._known) >= MAX_REMEMBERED:
            self._known.clear()
        self._known.add(files.model.id)


class RerankEndpoint(WholeEndpoint[RerankExchange]):
    mode = Mode.RERANKING

    def __init__(self, parts: InferenceParts, rankers: Rankers, parse: Callable[[object], RerankExchange]) -> None:
        super().__init__(parts, without_defaults(parse))
        self._rankers = rankers

    async def _body(self, exchange: RerankExchange, call: Call) -> bytes:
        await self._rankers.check(call.files)
        async with self._lease(call, exchange.keep_alive_seconds) as runner:
            result = await runner.rerank(exchange.request)
        call.record.done(Usage(result.prompt_tokens, 0))
        return exchange.render(result)


def rerank_routes(parts: InferenceParts) -> list[BaseRoute]:
    rankers = Rankers()
    rerank, score = RerankEndpoint(parts, rankers, parse_rerank), RerankEndpoint(parts, rankers, parse_score)
    found: list[BaseRoute] = []
    for base in (*BASES, "/engines", ""):
        found += [Route(f"{base}/rerank", rerank), Route(f"{base}/score", score)]
    return found
