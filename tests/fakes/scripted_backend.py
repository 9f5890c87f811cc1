"""A backend without processes: its runner says what the test tells it to say, when the test allows it."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from dmr_desktop.backends.base import Death, LogLine
from dmr_desktop.protocol.embedding import EmbeddingRequest, EmbeddingResult
from dmr_desktop.protocol.errors import DMRError, RunnerCrashed
from dmr_desktop.protocol.generation import (
    ChoiceFinished,
    Event,
    Failed,
    Finished,
    GenerationRequest,
    Prompt,
    Started,
    TextDelta,
    Usage,
)
from dmr_desktop.protocol.json_types import JSON
from dmr_desktop.protocol.rerank import RerankRequest, RerankResult
from dmr_desktop.protocol.runners import LaunchSpec, RunnerFacts

FACTS = RunnerFacts(4096, 4096, 8, 1000, 4, "scripted")


def words(*texts: str) -> list[tuple[Event, ...]]:
    """The groups of a well-behaved answer, one word a step."""
    return [
        (Started(prompt_tokens=5, cached_tokens=2),),
        *((TextDelta(text),) for text in texts),
        (ChoiceFinished("stop"), Finished(Usage(5, len(texts), cached_tokens=2))),
    ]


@dataclass
class Script:
    """What every runner of the backend does.

    ``answer`` makes the groups of a request. ``gate``, if set, must be released once a group. ``load_error`` is
    raised by a start; ``load_gate`` holds it back.
    """

    answer: Callable[[GenerationRequest], list[tuple[Event, ...]]] = lambda request: words("Hello", " world")
    vectors: Callable[[EmbeddingRequest], EmbeddingResult] = lambda request: EmbeddingResult(
        tuple((0.6, 0.8, 0.0, 0.0) for _ in request.inputs), prompt_tokens=3 * len(request.inputs)
    )
    scores: Callable[[RerankRequest], RerankResult] = lambda request: RerankResult(
        tuple(float(len(document)) for document in request.documents), False, 3 * len(request.documents)
    )
    gate: asyncio.Semaphore | None = None
    load_error: DMRError | None = None
    load_gate: asyncio.Event | None = None
    requests: list[GenerationRequest] = field(default_factory=list)
    begun: "asyncio.Queue[GenerationRequest]" = field(default_factory=asyncio.Queue)
    """Each request as its generation begins, for tests that wait for that."""
    embeddings: list[EmbeddingRequest] = field(default_factory=list)
    rankings: list[RerankRequest] = field(default_factory=list)
    launches: list[LaunchSpec] = field(default_factory=list)
    launched: "asyncio.Queue[LaunchSpec]" = field(default_factory=asyncio.Queue)
    stats: Mapping[str, JSON] = field(default_factory=dict)
    runners: "list[ScriptedRunner]" = field(default_factory=list)
    """Those that were started, dead ones too."""
    num_cancelled: int = 0
    cancelled: asyncio.Event = field(default_factory=asyncio.Event)


class ScriptedRunner:
    pid = 0
    facts = FACTS
    num_open = 0

    def __init__(self, script: Script) -> None:
        self._script = script
        self._death: asyncio.Future[Death] = asyncio.get_running_loop().create_future()
        self._last_words: DMRError = RunnerCrashed("the scripted runner died")

    async def generate(self, request: GenerationRequest) -> AsyncGenerator[tuple[Event, ...], None]:
        script = self._script
        script.requests.append(request)
        script.begun.put_nowait(request)
        is_complete = False
        try:
            for group in script.answer(request):
                if script.gate is not None and not await self._may_go_on(script.gate):
                    yield (Failed(self._last_words.info),)
                    break
                yield group
            is_complete = True
        finally:
            if not is_complete:
                script.num_cancelled += 1
                script.cancelled.set()

    async def _may_go_on(self, gate: asyncio.Semaphore) -> bool:
        """False once the runner is dead, as a real one's channel tells."""
        opened: asyncio.Future[bool] = asyncio.ensure_future(gate.acquire())
        either: set[asyncio.Future[Any]] = {opened, self._death}
        try:
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            return not self._death.done()
        finally:
            opened.cancel()

    async def embed(self, request: EmbeddingRequest) -> EmbeddingResult:
        self._script.embeddings.append(request)
        return self._script.vectors(request)

    async def rerank(self, request: RerankRequest) -> RerankResult:
        self._script.rankings.append(request)
        return self._script.scores(request)

    async def tokenize(self, prompt: Prompt) -> list[int]:
        return [1, 2, 3]

    async def stats(self) -> Mapping[str, JSON]:
        return self._script.stats

    def silent_seconds(self) -> float:
        return 0.0

    def kill(self, reason: str) -> None:
        self._die(Death(None, "SIGKILL", reason))

    async def stop(self, because: DMRError | None = None) -> None:
        self._last_words = because or self._last_words
        self._die(Death(0))

    async def wait_dead(self) -> Death:
        return await asyncio.shield(self._death)

    def _die(self, death: Death) -> None:
        if not self._death.done():
            self._death.set_result(death)


class ScriptedBackend:
    name = "llama.cpp"

    def __init__(self, script: Script) -> None:
        self._script = script

    async def start(self, spec: LaunchSpec, log: LogLine) -> ScriptedRunner:
        self._script.launches.append(spec)
        self._script.launched.put_nowait(spec)
        if self._script.load_gate is not None:
            await self._script.load_gate.wait()
        if self._script.load_error is not None:
            raise self._script.load_error
        log("scripted runner is ready")
        runner = ScriptedRunner(self._script)
        self._script.runners.append(runner)
        return runner
