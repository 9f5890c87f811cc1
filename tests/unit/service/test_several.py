"""Several prompts side by side, merged into one stream of events."""

import asyncio
from contextlib import aclosing

from dmr_desktop.protocol.errors import ErrorInfo
from dmr_desktop.protocol.generation import (
    ChoiceFinished,
    Event,
    Failed,
    Finished,
    GenerationRequest,
    Started,
    TextDelta,
    TextPrompt,
    Timings,
    Usage,
)
from dmr_desktop.service.several import generate_all
from tests.fakes.scripted_backend import Script, ScriptedRunner


def answer(request: GenerationRequest) -> list[tuple[Event, ...]]:
    assert isinstance(request.prompt, TextPrompt)
    text = request.prompt.text
    return [
        (Started(2, 1),),
        (TextDelta(text, 0), TextDelta(text.upper(), 1)),
        (ChoiceFinished("stop", 0), ChoiceFinished("length", 1), Finished(Usage(2, 3, 1), Timings(5.0, 10.0, 20.0))),
    ]


def requests(*texts: str) -> list[GenerationRequest]:
    return [GenerationRequest(TextPrompt(text), num_choices=2) for text in texts]


async def test_choices_are_numbered_through_and_usage_is_summed() -> None:
    runner = ScriptedRunner(Script(answer=answer))
    events = [event async for group in generate_all(runner, requests("a", "b", "c")) for event in group]
    texts = {event.choice: event.text for event in events if isinstance(event, TextDelta)}
    assert texts == {0: "a", 1: "A", 2: "b", 3: "B", 4: "c", 5: "C"}
    assert sorted(event.choice for event in events if isinstance(event, ChoiceFinished)) == [0, 1, 2, 3, 4, 5]
    assert events[-1] == Finished(Usage(6, 9, 3), Timings(5.0, 30.0, 20.0))
    assert sum(isinstance(event, Finished) for event in events) == 1


async def test_a_runner_that_breaks_its_promise_fails_the_answer_and_leaves_nobody_waiting() -> None:
    def breaks(request: GenerationRequest) -> list[tuple[Event, ...]]:
        raise ZeroDivisionError

    async with asyncio.timeout(5):
        groups = [group async for group in generate_all(ScriptedRunner(Script(answer=breaks)), requests("a", "b"))]
    (failed,) = groups[-1]
    assert isinstance(failed, Failed)
    assert failed.error.hint


async def test_one_request_passes_through() -> None:
    runner = ScriptedRunner(Script(answer=answer))
    assert [group async for group in generate_all(runner, requests("a"))] == answer(requests("a")[0])


async def test_the_first_failure_ends_it_and_cancels_the_others() -> None:
    failed = Failed(ErrorInfo("runner_error", "no"))
    script = Script(answer=lambda request: [(failed,)] if request.prompt == TextPrompt("b") else answer(request))
    script.gate = asyncio.Semaphore(0)
    stream = generate_all(ScriptedRunner(script), requests("a", "b"))
    waiting = asyncio.ensure_future(anext(stream))
    await script.begun.get()
    await script.begun.get()
    script.gate.release()
    groups = [await waiting]
    while not isinstance(groups[-1][-1], Failed):
        script.gate.release()
        groups.append(await anext(stream))
    assert groups[-1] == (failed,)
    assert [group async for group in stream] == []
    assert script.num_cancelled >= 1


async def test_closing_it_cancels_all() -> None:
    script = Script(answer=answer, gate=asyncio.Semaphore(1))
    async with aclosing(generate_all(ScriptedRunner(script), requests("a", "b"))) as stream:
        await anext(stream)
    assert script.num_cancelled == 2
