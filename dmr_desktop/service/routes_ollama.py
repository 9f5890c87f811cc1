"""Ollama's inference routes: chat, generate, embed and embeddings.

A request without a prompt loads its model; with ``keep_alive`` 0 it unloads it.
"""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from dmr_desktop.backends.base import DEFAULT_BACKEND, Runner
from dmr_desktop.dialects import ollama_chat, ollama_embed, ollama_generate
from dmr_desktop.dialects.exchange import Defaults, Exchange, Parse
from dmr_desktop.dialects.fields import Fields
from dmr_desktop.dialects.ollama_answer import DoneReason, Shape, load_answer, new_head
from dmr_desktop.dialects.ollama_embed import OllamaEmbedding
from dmr_desktop.dialects.ollama_fields import read_model
from dmr_desktop.dialects.ollama_options import read_num_ctx
from dmr_desktop.dialects.openai_sampling import read_keep_alive
from dmr_desktop.protocol.embedding import EmbeddingRequest, EmbeddingResult
from dmr_desktop.protocol.errors import Conflict, ContextOverflow, DoesNotFit, ModelNotFound, RunnerError
from dmr_desktop.protocol.generation import TextPrompt, Usage
from dmr_desktop.protocol.models import ModelFiles
from dmr_desktop.protocol.runners import Mode, RunnerKey
from dmr_desktop.service.connection import run_while_connected
from dmr_desktop.service.generate import Answer, Call
from dmr_desktop.service.inference_endpoints import (
    InferenceEndpoint,
    InferenceParts,
    Read,
    WholeEndpoint,
    without_defaults,
)
from dmr_desktop.service.loader import Loader
from dmr_desktop.service.placement import BEST_DEFAULT_CONTEXT

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Kind:
    """One of the two generating routes."""

    shape: Shape
    parse: Parse
    is_load: Callable[[Fields], bool]


CHAT = _Kind("chat", ollama_chat.parse, ollama_chat.is_load)
GENERATE = _Kind("generate", ollama_generate.parse, ollama_generate.is_load)


@dataclass(frozen=True, slots=True)
class _Asked:
    """``exchange`` None: only that the model be loaded, or unloaded with ``keep_alive_seconds`` 0."""

    exchange: Exchange | None
    keep_alive_seconds: float | None
    num_ctx: int | None


def _reading(kind: _Kind) -> Read[_Asked]:
    def read(data: object, defaults: Defaults) -> _Asked:
        body = Fields(data)
        exchange = None if kind.is_load(body) else kind.parse(data, defaults)
        return _Asked(exchange, read_keep_alive(body), read_num_ctx(body))

    return read


def not_found(name: str) -> ModelNotFound:
    """In Ollama's words, which its clients look for."""
    return ModelNotFound(
        f"model '{name}' not found, try pulling it first", hint=f"`dmr pull {name}`, or POST /api/pull", param="model"
    )


class OllamaRoutes:
    def __init__(self, parts: InferenceParts) -> None:
        self._parts = parts

    def routes(self) -> list[BaseRoute]:
        return [
            Route("/api/chat", OllamaGenerationEndpoint(self._parts, CHAT)),
            Route("/api/generate", OllamaGenerationEndpoint(self._parts, GENERATE)),
            Route("/api/embed", OllamaEmbeddingEndpoint(self._parts, without_defaults(ollama_embed.parse))),
            Route("/api/embeddings", OllamaEmbeddingEndpoint(self._parts, without_defaults(ollama_embed.parse_older))),
        ]


class OllamaGenerationEndpoint(InferenceEndpoint[_Asked]):
    mode = Mode.COMPLETION
    model_of = staticmethod(read_model)
    unknown = staticmethod(not_found)

    def __init__(self, parts: InferenceParts, kind: _Kind) -> None:
        super().__init__(parts, _reading(kind))
        self._shape = kind.shape

    async def _answer(self, asked: _Asked, call: Call) -> None:
        if asked.exchange is None:
            await run_while_connected(call.receive, self._load(asked, call))
            return
        with _wide_enough(self._parts, call.files, self.mode, asked.num_ctx):
            await Answer(self._parts.loader, call, asked.exchange).run()

    async def _load(self, asked: _Asked, call: Call) -> None:
        reason: DoneReason = "load"
        if asked.keep_alive_seconds == 0:
            reason = "unload"
            await self._parts.loader.unload_when_idle(call.files.model.id)
        else:
            with _wide_enough(self._parts, call.files, self.mode, asked.num_ctx):
                async with self._lease(call, asked.keep_alive_seconds):
                    pass
        call.record.done(Usage(0, 0))
        answer = load_answer(new_head(call.record.model, self._shape), reason)
        await Response(answer, media_type="application/json")(call.scope, call.receive, call.send)


class OllamaEmbeddingEndpoint(WholeEndpoint[OllamaEmbedding]):
    mode = Mode.EMBEDDING
    model_of = staticmethod(read_model)
    unknown = staticmethod(not_found)

    async def _body(self, exchange: OllamaEmbedding, call: Call) -> bytes:
        began = loaded = time.monotonic()
        result = EmbeddingResult((), 0)
        if not exchange.texts and exchange.keep_alive_seconds == 0:
            await self._parts.loader.unload_when_idle(call.files.model.id)
        else:
            async with self._lease(call, exchange.keep_alive_seconds) as runner:
                loaded = time.monotonic()
                if exchange.texts:
                    result = await _vectors(runner, exchange)
        body = ollama_embed.render(exchange, result, began, loaded)
        call.record.done(Usage(result.prompt_tokens, 0))
        return body


async def _vectors(runner: Runner, request: OllamaEmbedding) -> EmbeddingResult:
    try:
        return await runner.embed(EmbeddingRequest(request.texts))
    except ContextOverflow:
        if not request.truncates:
            raise
    most = runner.facts.context_size
    inputs = []
    for text in request.texts:
        tokens = await runner.tokenize(TextPrompt(text))
        # The last one stays: many of these models read their vector off a closing token.
        inputs.append(tuple(tokens if len(tokens) <= most else [*tokens[: most - 1], tokens[-1]]))
    return await runner.embed(EmbeddingRequest(tuple(inputs)))


@contextmanager
def _wide_enough(parts: InferenceParts, files: ModelFiles, mode: Mode, num_ctx: int | None) -> Iterator[None]:
    """See to it that the model is loaded with at least ``num_ctx`` tokens of context, in the block and from then on.

    It only grows, so that clients with different wishes do not reload the model in turn, and none is left with a
    small window that another one asked for. A runner in use stays as it is, and a wish that fails is forgotten.
    """
    loader, configurations = parts.loader, parts.configurations
    key = RunnerKey(DEFAULT_BACKEND, files.model.id, mode)
    has = configurations.config(key).context_size or files.model.config.context_size or BEST_DEFAULT_CONTEXT
    if num_ctx is None or has < 0 or num_ctx <= has or _has_all(loader, key):
        yield
        return
    before = configurations.entry(key)
    try:
        loader.configure(key, configurations.widened(key, num_ctx))
    except Conflict:
        log.info("%s is in use, so it is not loaded again for a context of %d tokens", files.model.id, num_ctx)
        yield
        return
    try:
        yield
    except (DoesNotFit, RunnerError):
        with suppress(Conflict):
            loader.configure(key, before)
        raise


def _has_all(loader: Loader, key: RunnerKey) -> bool:
    """Whether a runner is loaded with all the context that its model was trained for."""
    for status in loader.statuses():
        if RunnerKey(status.backend, status.model_id, status.mode) == key and status.facts is not None:
            return status.facts.context_size >= status.facts.train_context_size
    return False
