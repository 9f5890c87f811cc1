"""``/tokenize``: what a text or a conversation becomes, counted by the model itself."""

from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from dmr_desktop.dialects import tokenize
from dmr_desktop.dialects.tokenize import TokenizeExchange
from dmr_desktop.protocol.errors import UnsupportedModel
from dmr_desktop.protocol.generation import TextPrompt, Usage
from dmr_desktop.protocol.models import ModelFiles
from dmr_desktop.protocol.runners import Mode
from dmr_desktop.service.connection import run_while_connected
from dmr_desktop.service.generate import leased
from dmr_desktop.service.inference_endpoints import InferenceEndpoint, InferenceParts
from dmr_desktop.service.recorder import Record
from dmr_desktop.service.routes_inference import BASES


class TokenizeEndpoint(InferenceEndpoint):
    mode = Mode.COMPLETION

    async def _answer(
        self, data: object, files: ModelFiles, record: Record, scope: Scope, receive: Receive, send: Send
    ) -> None:
        exchange = tokenize.parse(data)
        await run_while_connected(receive, self._tokenize(exchange, files, record, scope, receive, send))

    async def _tokenize(
        self,
        exchange: TokenizeExchange,
        files: ModelFiles,
        record: Record,
        scope: Scope,
        receive: Receive,
        send: Send,
    ) -> None:
        try:
            body = await self._tokens(exchange, files, exchange.mode)
        except UnsupportedModel:
            if exchange.mode is not Mode.COMPLETION:
                raise
            # A model for embeddings knows its tokens, too.
            body = await self._tokens(exchange, files, Mode.EMBEDDING)
        record.done(Usage(0, 0))
        await Response(body, media_type="application/json")(scope, receive, send)

    async def _tokens(self, exchange: TokenizeExchange, files: ModelFiles, mode: Mode) -> bytes:
        async with leased(self._parts.loader, files, mode, exchange.model, exchange.keep_alive_seconds) as runner:
            tokens = await runner.tokenize(exchange.prompt)
            if not exchange.add_special:
                tokens = tokenize.without_special(tokens, await runner.tokenize(TextPrompt("")))
            return tokenize.render(tokens, runner.facts.context_size)


def tokenize_routes(parts: InferenceParts) -> list[BaseRoute]:
    endpoint = TokenizeEndpoint(parts)
    return [Route(f"{base}/tokenize", endpoint) for base in (*BASES, "")]
