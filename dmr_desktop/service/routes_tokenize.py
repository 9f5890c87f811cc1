"""``/tokenize``: what a text or a conversation becomes, counted by the model itself."""

from starlette.routing import BaseRoute, Route

from dmr_desktop.dialects import tokenize
from dmr_desktop.dialects.tokenize import TokenizeExchange
from dmr_desktop.protocol.errors import WrongMode
from dmr_desktop.protocol.generation import TextPrompt, Usage
from dmr_desktop.protocol.runners import Mode
from dmr_desktop.service.bodies import apart_if_large
from dmr_desktop.service.generate import Call
from dmr_desktop.service.inference_endpoints import InferenceParts, WholeEndpoint, without_defaults
from dmr_desktop.service.routes_inference import BASES


class TokenizeEndpoint(WholeEndpoint[TokenizeExchange]):
    mode = Mode.COMPLETION

    async def _body(self, exchange: TokenizeExchange, call: Call) -> bytes:
        try:
            body = await self._tokens(exchange, call, exchange.mode)
        except WrongMode:
            if exchange.mode is not Mode.COMPLETION:
                raise
            # A model for embeddings knows its tokens, too.
            body = await self._tokens(exchange, call, Mode.EMBEDDING)
        call.record.done(Usage(0, 0))
        return body

    async def _tokens(self, exchange: TokenizeExchange, call: Call, mode: Mode) -> bytes:
        async with self._lease(call, exchange.keep_alive_seconds, mode) as runner:
            tokens = await runner.tokenize(exchange.prompt)
            around = None if exchange.add_special else await runner.tokenize(TextPrompt(""))
            context_size = runner.facts.context_size
        return await apart_if_large(len(tokens), lambda: _render(tokens, around, context_size))


def _render(tokens: list[int], around: list[int] | None, context_size: int) -> bytes:
    shown = tokens if around is None else tokenize.without_special(tokens, around)
    return tokenize.render(shown, context_size)


def tokenize_routes(parts: InferenceParts) -> list[BaseRoute]:
    endpoint = TokenizeEndpoint(parts, without_defaults(tokenize.parse))
    return [Route(f"{base}/tokenize", endpoint) for base in (*BASES, "")]
