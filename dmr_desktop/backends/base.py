"""What a backend promises: to start a runner, to speak with it, and to say how it died.

Nothing here knows HTTP, models on disk or which requests share a runner.
"""

from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from dmr_desktop.protocol.embedding import EmbeddingRequest, EmbeddingResult
from dmr_desktop.protocol.errors import DMRError, RunnerCrashed
from dmr_desktop.protocol.generation import Event, GenerationRequest, Prompt
from dmr_desktop.protocol.json_types import JSON
from dmr_desktop.protocol.rerank import RerankRequest, RerankResult
from dmr_desktop.protocol.runners import LaunchSpec, RunnerFacts

LogLine: TypeAlias = Callable[[str], None]
"""Called on the event loop with each line (no newline) that a runner prints."""

DEFAULT_BACKEND = "llama.cpp"
_EVIDENCE_LINES = 10  # in an answer to a client; the log has them all


@dataclass(frozen=True, slots=True)
class Death:
    """How a runner process ended. ``signal`` is a name such as ``SIGSEGV``, "" if it exited by itself.

    ``exit_code`` is None after a signal. ``reason`` is what this program knows beyond that, e.g. that it
    killed a runner that had stopped to answer. ``last_lines`` is the end of what the runner printed.
    """

    exit_code: int | None
    signal: str = ""
    reason: str = ""
    last_lines: tuple[str, ...] = ()

    @property
    def cause(self) -> str:
        """``killed by SIGSEGV``, ``exited with code 1`` and the like."""
        how = f"killed by {self.signal}" if self.signal else f"exited with code {self.exit_code}"
        return f"{self.reason} ({how})" if self.reason else how

    def error(self) -> RunnerCrashed:
        """What every request that was in flight ends with."""
        return RunnerCrashed(
            f"the model's process died: {self.cause}",
            hint="send the request again: a new process is started; the log tells more",
            evidence="\n".join((self.cause, *self.last_lines[-_EVIDENCE_LINES:])),
        )


class Runner(Protocol):
    """One ready process that serves one model in one mode."""

    @property
    def facts(self) -> RunnerFacts: ...

    @property
    def pid(self) -> int: ...

    def generate(self, request: GenerationRequest) -> AsyncGenerator[tuple[Event, ...], None]:
        """The events of one request, in groups that arrived together; the last is Finished or Failed.

        Close it early (``aclose``, or cancel the task that reads it) to cancel the request. A refusal
        or the runner's death is a ``Failed``, never an exception.
        """
        ...

    async def embed(self, request: EmbeddingRequest) -> EmbeddingResult:
        """Raises :class:`DMRError`; cancel the task to drop the request."""
        ...

    async def rerank(self, request: RerankRequest) -> RerankResult:
        """Raises :class:`DMRError`; cancel the task to drop the request."""
        ...

    async def tokenize(self, prompt: Prompt) -> list[int]:
        """The token ids the model would be fed for ``prompt``. Raises :class:`DMRError`."""
        ...

    async def stats(self) -> Mapping[str, JSON]:
        """The engine's counters; answered even while a step is being computed. Raises RunnerCrashed."""
        ...

    @property
    def num_open(self) -> int:
        """Requests whose answer is not complete."""
        ...

    def silent_seconds(self) -> float:
        """Since anything was heard from the process."""
        ...

    def kill(self, reason: str) -> None:
        """End it at once; ``reason`` becomes part of its :class:`Death`."""
        ...

    async def stop(self, because: DMRError | None = None) -> None:
        """Ask, then insist; returns when the process is gone. Open requests end with ``because`` if given."""
        ...

    async def wait_dead(self) -> Death:
        """Returns once the process is gone and every open request has been told."""
        ...


class Backend(Protocol):
    """A kind of runner. One-shot: it never restarts anything by itself."""

    @property
    def name(self) -> str: ...

    async def start(self, spec: LaunchSpec, log: LogLine) -> Runner:
        """A ready runner. Cancelling kills the process that is being started.

        Raises what the runner answered (UnsupportedModel, RunnerStartFailed, DoesNotFit, ...), or
        RunnerCrashed if it died before it answered.
        """
        ...
