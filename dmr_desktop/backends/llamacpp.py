"""The llama.cpp backend: our own runner, as a child process at the other end of a socket pair.

The pair is private by construction (no path, no port), and its end of file is how each side learns that
the other is gone.
"""

import asyncio
import logging
import socket
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from dmr_desktop.backends.base import DEFAULT_BACKEND, Death, LogLine
from dmr_desktop.backends.channel import RunnerChannel
from dmr_desktop.backends.process import ChildProcess
from dmr_desktop.protocol.embedding import EmbeddingRequest, EmbeddingResult
from dmr_desktop.protocol.errors import DMRError, RunnerError, RunnerStartFailed
from dmr_desktop.protocol.generation import ChatPrompt, Event, Failed, Finished, GenerationRequest, Prompt
from dmr_desktop.protocol.json_types import JSON
from dmr_desktop.protocol.rerank import RerankRequest, RerankResult
from dmr_desktop.protocol.runners import LaunchSpec, RunnerFacts
from dmr_desktop.protocol.wire import dump
from dmr_desktop.settings import self_command

log = logging.getLogger(__name__)

_LAST_WORDS_SECONDS = 1.0
_MANY_MESSAGES = 500
_TIMED_OUT = "Timeout ("  # how faulthandler begins
_STOP_SECONDS = 2.0
_TERMINATE_SECONDS = 1.0


class LlamaCpp:
    """Starts runners with ``command`` (default: this program's ``runner`` role).

    ``state_dir`` is where a runner keeps what it learnt about this machine and build.
    """

    name = DEFAULT_BACKEND

    def __init__(self, state_dir: Path | None = None, command: Sequence[str] = ()) -> None:
        self._command = [*(command or self_command("runner"))]
        if state_dir is not None:
            self._command += ["--state-dir", str(state_dir)]

    async def start(self, spec: LaunchSpec, log: LogLine) -> "LlamaCppRunner":
        ours, theirs = socket.socketpair()
        try:
            child = await ChildProcess.spawn(
                [*self._command, "--channel-fd", str(theirs.fileno())], log, pass_fds=(theirs.fileno(),)
            )
        except OSError as error:
            ours.close()
            raise RunnerStartFailed(f"the model's process cannot be started: {error}") from error
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
        runner = await LlamaCppRunner.attach(child, ours)
        try:
            await runner.launch(spec)
        except BaseException:
            runner.kill("it was not needed any more")
            await runner.wait_dead()
            raise
        return runner


class LlamaCppRunner:
    """The ready (or dying) runner process. Ends every open request with the reason when it dies."""

    def __init__(self, child: ChildProcess, channel: RunnerChannel) -> None:
        self._child = child
        self._channel = channel
        self._facts: RunnerFacts | None = None
        self._watcher = asyncio.create_task(self._watch(), name=f"runner {child.pid}")

    @classmethod
    async def attach(cls, child: ChildProcess, sock: socket.socket) -> "LlamaCppRunner":
        """Take over ``sock`` as the channel to ``child``."""
        loop = asyncio.get_running_loop()
        try:
            _, channel = await loop.create_unix_connection(lambda: RunnerChannel(child.kill), sock=sock)
        except BaseException:
            sock.close()
            child.kill("its channel could not be opened")
            await child.wait()
            raise
        return cls(child, channel)

    @property
    def facts(self) -> RunnerFacts:
        assert self._facts is not None, "a runner is handed out once it is ready"
        return self._facts

    @property
    def pid(self) -> int:
        return self._child.pid

    @property
    def num_open(self) -> int:
        return self._channel.num_open

    def silent_seconds(self) -> float:
        return time.monotonic() - self._channel.heard_at

    async def launch(self, spec: LaunchSpec) -> None:
        """Tell it what to serve, and wait until it does. Raises the runner's refusal, or RunnerCrashed."""
        self._channel.send({"op": "launch", "spec": dump(spec)})
        self._facts = await asyncio.shield(self._channel.ready)
        for note in self._facts.notes:
            log.warning("runner %d: %s", self.pid, note)

    async def generate(self, request: GenerationRequest) -> AsyncGenerator[tuple[Event, ...], None]:
        number, stream = self._channel.open_stream(await _dumped(request))
        try:
            while True:
                events = await stream.next()
                yield events
                if isinstance(events[-1], Finished | Failed):
                    return
        finally:
            # No await here: this runs while the reading task is being cancelled.
            self._channel.close_stream(number)

    async def embed(self, request: EmbeddingRequest) -> EmbeddingResult:
        return cast(EmbeddingResult, await self._channel.ask("embed", request=dump(request)))

    async def rerank(self, request: RerankRequest) -> RerankResult:
        result = cast(RerankResult, await self._channel.ask("rerank", request=dump(request)))
        if len(result.scores) != len(request.documents):
            raise RunnerError(f"the model's process sent {len(result.scores)} scores for {len(request.documents)}")
        return result

    async def tokenize(self, prompt: Prompt) -> list[int]:
        return cast(list[int], await self._channel.ask("tokenize", prompt=await _dumped(prompt)))

    async def stats(self) -> Mapping[str, JSON]:
        return cast(Mapping[str, JSON], await self._channel.ask("stats"))

    def kill(self, reason: str) -> None:
        self._child.kill(reason)

    async def stop(self, because: DMRError | None = None) -> None:
        if because is not None:
            self._channel.end(because.info)
        with suppress(DMRError):
            self._channel.send({"op": "stop"})
        try:
            for seconds, insist in ((_STOP_SECONDS, self._child.terminate), (_TERMINATE_SECONDS, self._kill_for_stop)):
                if await self._is_dead_within(seconds):
                    return
                insist()
            await self.wait_dead()
        except asyncio.CancelledError:
            self._kill_for_stop()
            raise

    async def wait_dead(self) -> Death:
        return await asyncio.shield(self._watcher)

    def _kill_for_stop(self) -> None:
        self._child.kill("it did not stop when asked")

    async def _is_dead_within(self, seconds: float) -> bool:
        done, _ = await asyncio.wait({self._watcher}, timeout=seconds)
        return bool(done)

    async def _watch(self) -> Death:
        """The one place that learns of the process's end and tells everybody."""
        exited = asyncio.create_task(self._child.wait())
        both: tuple[asyncio.Future[Any], ...] = (exited, self._channel.closed)
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        # What a dying runner has sent is still delivered; a runner without a channel is of no use.
        await asyncio.wait(both, timeout=_LAST_WORDS_SECONDS, return_when=asyncio.ALL_COMPLETED)
        self._child.kill("it closed its channel")
        death = _explained(await exited)
        self._channel.end(death.error().info)
        self._channel.close()
        return death


async def _dumped(asked: GenerationRequest | Prompt) -> JSON:
    """In a thread where it takes so long that the streams of others would stand still."""
    prompt = asked.prompt if isinstance(asked, GenerationRequest) else asked
    if isinstance(prompt, ChatPrompt) and len(prompt.messages) > _MANY_MESSAGES:
        return await asyncio.to_thread(dump, asked)
    return dump(asked)


def _explained(death: Death) -> Death:
    """A runner's own watchdog has no other way to say why it ended the process than Python's words for it."""
    if death.exit_code == 1 and not death.reason and any(line.startswith(_TIMED_OUT) for line in death.last_lines):
        return replace(death, reason="a request could not be prepared in time")
    return death
