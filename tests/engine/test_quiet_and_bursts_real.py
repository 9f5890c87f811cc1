"""The runner's loop over a real engine: what it does before the first step, and while nobody asks."""

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dmr_desktop.engine.engine import Engine
from dmr_desktop.engine.formats.chat import ChatFormatter
from dmr_desktop.engine.llama import Model
from dmr_desktop.engine.parked import Parking
from dmr_desktop.engine.tiny_model import TinyShape, write_tiny_model
from dmr_desktop.protocol.generation import GenerationRequest, SamplingParams, TextPrompt
from dmr_desktop.protocol.wire import dump
from dmr_desktop.runner.completion import CompletionService
from dmr_desktop.runner.desk import HandOver
from dmr_desktop.runner.outbox import Outbox

SECONDS = 20
TEXTS = ("the water", "a house and a tree", "who is there")


class Nowhere:
    """In place of a channel."""

    def send(self, message: object) -> None: ...


class Loop:
    """Runs until the tests end, so its model is closed by nobody."""

    def __init__(self, folder: Path) -> None:
        write_tiny_model(folder / "model.gguf", TinyShape(layers=2))
        model = Model.load(folder / "model.gguf", gpu_layers=0)
        self.engine = Engine.open(
            model, context_size=512, num_sequences=4, threads=1, parking=Parking(most_bytes=1 << 24)
        )
        formatter = ChatFormatter(model.vocabulary, model.chat_template())
        self._service = CompletionService(model, self.engine, formatter, Outbox(Nowhere()))  # type: ignore[arg-type]

    def ready(self) -> list[HandOver]:
        requests = [
            GenerationRequest(TextPrompt(text), SamplingParams(temperature=0.0), max_tokens=1) for text in TEXTS
        ]
        messages: list[dict[str, Any]] = [
            {"op": "generate", "id": number, "request": dump(request)} for number, request in enumerate(requests)
        ]
        return [self._service.prepare(message) for message in messages]

    def start(self, is_more_coming: Callable[[], bool]) -> None:
        threading.Thread(target=self._service.run, args=[is_more_coming], daemon=True).start()


def wait_until(is_true: Callable[[], bool]) -> None:
    until = time.monotonic() + SECONDS
    while not is_true():
        assert time.monotonic() < until
        time.sleep(0.01)


def test_the_prompts_of_a_burst_are_one_step(tmp_path: Path) -> None:
    loop = Loop(tmp_path)
    first, *others = loop.ready()

    def is_more_coming() -> bool:
        if others:
            others.pop()()
            return True
        return False

    loop.start(is_more_coming)
    first()
    wait_until(lambda: loop.engine.stats().generated_tokens == len(TEXTS))
    assert loop.engine.stats().steps == 1


def test_idle_conversations_are_parked_while_nobody_asks(tmp_path: Path) -> None:
    loop = Loop(tmp_path)
    handed_over = loop.ready()
    loop.start(lambda: False)
    for hand_over in handed_over:
        hand_over()
    wait_until(lambda: loop.engine.stats().generated_tokens == len(TEXTS))
    computed = loop.engine.stats().prompt_tokens
    wait_until(lambda: loop.engine.stats().kv_cells_used < computed * 2 / 3)
