"""Several prompts of one request, generated side by side and answered as one."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import replace

from dmr_desktop.backends.base import Runner
from dmr_desktop.protocol.errors import DMRError
from dmr_desktop.protocol.generation import Event, Failed, Finished, GenerationRequest, Started, Timings, Usage

log = logging.getLogger(__name__)

_MAX_WAITING_GROUPS = 64


async def generate_all(
    runner: Runner, requests: Sequence[GenerationRequest]
) -> AsyncGenerator[tuple[Event, ...], None]:
    """As ``runner.generate``, for all requests at once; choice ``c`` of request ``i`` becomes ``i * n + c``.

    Ends with one ``Finished`` whose usage is the sum, or with the first ``Failed``.
    """
    if len(requests) == 1:
        async with aclosing(runner.generate(requests[0])) as groups:
            async for group in groups:
                yield group
        return
    waiting: asyncio.Queue[tuple[Event, ...]] = asyncio.Queue(_MAX_WAITING_GROUPS)
    tasks = [asyncio.create_task(_feed(waiting, runner, index, request)) for index, request in enumerate(requests)]
    finished: list[Finished] = []
    try:
        while len(finished) < len(requests):
            group = await waiting.get()
            finished += [event for event in group if isinstance(event, Finished)]
            rest = tuple(event for event in group if not isinstance(event, Finished))
            if rest:
                yield rest
            if any(isinstance(event, Failed) for event in rest):
                return
        yield (_sum(finished),)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


async def _feed(
    waiting: "asyncio.Queue[tuple[Event, ...]]", runner: Runner, index: int, request: GenerationRequest
) -> None:
    first = index * request.num_choices
    try:
        async with aclosing(runner.generate(request)) as groups:
            async for group in groups:
                await waiting.put(tuple(_renumber(event, first) for event in group))
    except Exception:
        log.exception("one of several prompts broke down")
        problem = DMRError("the service failed to answer", hint="its log tells more")
        await waiting.put((Failed(problem.info),))  # else who reads would wait for ever


def _renumber(event: Event, first: int) -> Event:
    if isinstance(event, Started | Finished | Failed):
        return event
    return replace(event, choice=first + event.choice)


def _sum(finished: Sequence[Finished]) -> Finished:
    usages, timings = [event.usage for event in finished], [event.timings for event in finished]
    return Finished(
        Usage(
            prompt_tokens=sum(usage.prompt_tokens for usage in usages),
            completion_tokens=sum(usage.completion_tokens for usage in usages),
            cached_tokens=sum(usage.cached_tokens for usage in usages),
            reasoning_tokens=sum(usage.reasoning_tokens for usage in usages),
        ),
        Timings(
            queue_ms=max(timing.queue_ms for timing in timings),
            prompt_ms=sum(timing.prompt_ms for timing in timings),
            predicted_ms=max(timing.predicted_ms for timing in timings),
        ),
    )
