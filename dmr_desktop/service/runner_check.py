"""Whether a runner still computes: the smallest request of its mode."""

import asyncio

from dmr_desktop.backends.base import Runner
from dmr_desktop.protocol.embedding import EmbeddingRequest
from dmr_desktop.protocol.errors import DMRError
from dmr_desktop.protocol.generation import Failed, GenerationRequest, TextPrompt
from dmr_desktop.protocol.rerank import RerankRequest
from dmr_desktop.protocol.runners import Mode

_TEXT = "Hello"


async def computes(runner: Runner, mode: Mode, timeout_seconds: float) -> bool:
    """One token, one vector or one score; False if there was none in time."""
    try:
        async with asyncio.timeout(timeout_seconds):
            match mode:
                case Mode.COMPLETION:
                    events = runner.generate(GenerationRequest(TextPrompt(_TEXT), max_tokens=1))
                    return not [event async for group in events for event in group if isinstance(event, Failed)]
                case Mode.EMBEDDING:
                    await runner.embed(EmbeddingRequest((_TEXT,)))
                case Mode.RERANKING:
                    await runner.rerank(RerankRequest((_TEXT,), (_TEXT,)))
    except (TimeoutError, DMRError):
        return False
    return True
