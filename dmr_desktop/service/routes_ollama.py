"""Ollama's inference routes: chat, generate, embed and embeddings.

A request without a prompt loads its model; with ``keep_alive`` 0 it unloads it.
"""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace

from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from dmr_desktop.backends.base import DEFAULT_BACKEND, Runner
from dmr_desktop.dialects import ollama_chat, ollama_embed, ollama_generate
from dmr_desktop.dialects.exchange import Parse
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
from dmr_desktop.protocol.runners import Mode, RunnerKey, RunnerState
from dmr_desktop.service.connection import run_while_connected
from dmr_desktop.service.generate import Answer, leased
from dmr_desktop.service.inference_endpoints import InferenceEndpoint, InferenceParts
from dmr_desktop.service.loader import Loader
from dmr_desktop.service.placement import BEST_DEFAULT_CONTEXT
from dmr_desktop.service.recorder import Record

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Kind:
    """One of the two generating routes."""

    shape: Shape
    parse: Parse
    is_load: Callable[[Fields], bool]


CHAT = _Kind("chat", ollama_chat.parse, ollama_chat.is_load)
GENERATE = _Kind("generate", ollama_generate.parse, ollama_generate.is_load)


def not_found(name: str) -> ModelNotFound:
    """In Ollama's words, which its clients look for."""
    return ModelNotFound(f"model '{name}' not found", hint="GET /api/tags lists what is here; pull the model first")


class OllamaRoutes:
    def __init__(self, parts: InferenceParts) -> None:
        self._parts = parts

    def routes(self) -> list[BaseRoute]:
        return [
            Route("/api/chat", OllamaGenerationEndpoint(self._parts, CHAT)),
            Route("/api/generate", OllamaGenerationEndpoint(self._parts, GENERATE)),
            Route("/api/embed", OllamaEmbeddingEndpoint(self._parts, is_older=False)),
            Route("/api/embeddings", OllamaEmbeddingEndpoint(self._parts, is_older=True)),
        ]


class OllamaEndpoint(InferenceEndpoint):
    """The model by either of its two names, and refusals in Ollama's words."""

    model_of = staticmethod(read_model)
    unknown = staticmethod(not_found)


class OllamaGenerationEndpoint(OllamaEndpoint):
    mode = Mode.COMPLETION

    def __init__(self, parts: InferenceParts, kind: _Kind) -> None:
        super().__init__(parts)
        self._kind = kind

    async def _answer(
        self, data: object, files: ModelFiles, record: Record, scope: Scope, receive: Receive, send: Send
    ) -> None:
        body, loader = Fields(data), self._parts.loader
        if self._kind.is_load(body):
            await run_while_connected(receive, self._load(body, files, record, scope, receive, send))
            return
        exchange = self._kind.parse(data, self._defaults(files))
        with _wide_enough(loader, files, self.mode, read_num_ctx(body)):
            await Answer(loader, files, exchange, record).run(scope, receive, send)

    async def _load(
        self, body: Fields, files: ModelFiles, record: Record, scope: Scope, receive: Receive, send: Send
    ) -> None:
        loader, keep_alive = self._parts.loader, read_keep_alive(body)
        reason: DoneReason = "load"
        if keep_alive == 0:
            reason = "unload"
            await unload(loader, files, record.model)
        else:
            with _wide_enough(loader, files, self.mode, read_num_ctx(body)):
                async with leased(loader, files, self.mode, record.model, keep_alive):
                    pass
        record.done(Usage(0, 0))
        answer = load_answer(new_head(record.model, self._kind.shape), reason)
        await Response(answer, media_type="application/json")(scope, receive, send)


class OllamaEmbeddingEndpoint(OllamaEndpoint):
    mode = Mode.EMBEDDING

    def __init__(self, parts: InferenceParts, *, is_older: bool) -> None:
        super().__init__(parts)
        self._read = ollama_embed.parse_older if is_older else ollama_embed.parse

    async def _answer(
        self, data: object, files: ModelFiles, record: Record, scope: Scope, receive: Receive, send: Send
    ) -> None:
        request = self._read(data)
        await run_while_connected(receive, self._embed(request, files, record, scope, receive, send))

    async def _embed(
        self,
        request: OllamaEmbedding,
        files: ModelFiles,
        record: Record,
        scope: Scope,
        receive: Receive,
        send: Send,
    ) -> None:
        began = loaded = time.monotonic()
        result = EmbeddingResult((), 0)
        if not request.texts and request.keep_alive_seconds == 0:
            await unload(self._parts.loader, files, request.model)
        else:
            async with leased(
                self._parts.loader, files, self.mode, request.model, request.keep_alive_seconds
            ) as runner:
                loaded = time.monotonic()
                if request.texts:
                    result = await _vectors(runner, request)
        body = ollama_embed.render(request, result, began, loaded)
        record.done(Usage(result.prompt_tokens, 0))
        await Response(body, media_type="application/json")(scope, receive, send)


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


async def unload(loader: Loader, files: ModelFiles, label: str) -> None:
    """Idle runners of the model go at once, those in use when their requests have ended."""
    model_id = files.model.id
    for status in loader.statuses():
        if status.model_id == model_id and status.state is RunnerState.BUSY:
            async with loader.lease(files, status.mode, label, backend=status.backend, keep_alive_seconds=0):
                pass
    await loader.unload(model_id)


@contextmanager
def _wide_enough(loader: Loader, files: ModelFiles, mode: Mode, num_ctx: int | None) -> Iterator[None]:
    """See to it that the model is loaded with at least ``num_ctx`` tokens of context, in the block and from then on.

    It only grows, so that clients with different wishes do not reload the model in turn, and none is left with a
    small window that another one asked for. A runner in use stays as it is, and a wish that fails is forgotten.
    """
    key = RunnerKey(DEFAULT_BACKEND, files.model.id, mode)
    before = loader.configuration(key)
    has = before.context_size or files.model.config.context_size or BEST_DEFAULT_CONTEXT
    if num_ctx is None or has < 0 or num_ctx <= has or _has_all(loader, key):
        yield
        return
    try:
        loader.configure(key, replace(before, context_size=num_ctx))
    except Conflict:
        log.info("%s is in use, so it is not loaded again for a context of %d tokens", files.model.id, num_ctx)
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
