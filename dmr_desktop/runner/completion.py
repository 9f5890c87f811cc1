"""Serves text: requests made ready on one thread, the engine's loop on another, answers out on a third.

The inbox is a queue without an end: the service bounds how much it asks for.
"""

import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from functools import partial
from queue import Empty, SimpleQueue
from typing import NoReturn, TypeAlias

from dmr_desktop.engine.api import SequenceOutput, SequenceRequest
from dmr_desktop.engine.call_watch import CallWatching
from dmr_desktop.engine.constraint import ComingConstraint
from dmr_desktop.engine.engine import Engine
from dmr_desktop.engine.formats.chat import ChatFormatter
from dmr_desktop.engine.formats.prepared import Prepared
from dmr_desktop.engine.llama import Model
from dmr_desktop.protocol.errors import InvalidRequest, RunnerError
from dmr_desktop.protocol.generation import (
    ChatPrompt,
    GenerationRequest,
    Prompt,
    SamplingParams,
    TextPrompt,
    TokenPrompt,
)
from dmr_desktop.protocol.json_types import JSON
from dmr_desktop.protocol.wire import load
from dmr_desktop.runner.answers import MAX_CHOICES, Answer, Answers, sequence_id
from dmr_desktop.runner.burst import rest_of_burst
from dmr_desktop.runner.desk import HandOver, Message, answer_tokens
from dmr_desktop.runner.frame_pace import FramePace
from dmr_desktop.runner.outbox import MAX_UNSENT_BYTES, Outbox
from dmr_desktop.runner.watchdog import ends_within

_PAUSE_SECONDS = 0.25
_QUIET_SECONDS = 2.0
_MAX_SCORES = 1 << 17
_PREPARE_SECONDS = 60.0
"""Templates and grammars have bounds of their own; preparing what they allow takes seconds, on a busy machine more."""


@dataclass(frozen=True, slots=True)
class Submit:
    sequences: tuple[SequenceRequest, ...]


@dataclass(frozen=True, slots=True)
class Cancel:
    number: int


Command: TypeAlias = Submit | Cancel


class CompletionService:
    """``prepare`` runs on the desk's thread, ``run`` on the main thread, which alone steps the engine."""

    def __init__(self, model: Model, engine: Engine, formatter: ChatFormatter, outbox: Outbox) -> None:
        self._vocabulary = model.vocabulary
        self._engine = engine
        self._formatter = formatter
        self._outbox = outbox
        self._inbox: SimpleQueue[Command] = SimpleQueue()
        self._is_warm = False
        self._pace = FramePace()
        self._answers = Answers(lambda number: self._inbox.put(Cancel(number)))

    def prepare(self, message: Message) -> HandOver:
        """Raises DMRError or WireError, which become the answer."""
        number = message["id"]
        match message["op"]:
            case "generate":
                return self._generation(number, load(GenerationRequest, message["request"]))
            case "tokenize":
                # Prompt is a union, not a class: the request is what knows how to load one.
                prompt = load(GenerationRequest, {"prompt": message["prompt"]}).prompt
                return partial(answer_tokens, self._outbox, number, self._tokenize(prompt))
            case _:
                raise InvalidRequest("this model was loaded to generate text, not for embeddings")

    def cancel(self, number: int) -> None:
        self._outbox.put(lambda: self._answers.close(number))
        self._inbox.put(Cancel(number))

    def stats(self) -> dict[str, JSON]:
        return asdict(self._engine.stats())

    def run(self, is_more_coming: Callable[[], bool]) -> NoReturn:
        """The engine's loop: what came in, then a step, for ever."""
        engine, inbox = self._engine, self._inbox
        while True:
            if engine.is_idle:
                self._obey(self._first_command())
                for command in rest_of_burst(inbox, is_more_coming):
                    self._obey(command)
            elif not inbox.empty():
                # A newcomer's prompt may make the next step a long one.
                self._send_held()
                while not inbox.empty():
                    self._obey(inbox.get())
            self._pace.add(engine.step())
            if self._pace.is_due:
                self._send_held()

    def _first_command(self) -> Command:
        """Waits for it. Quiet moments are used to get ready for it."""
        with suppress(Empty):
            return self._inbox.get(timeout=_PAUSE_SECONDS)
        while self._inbox.empty() and self._engine.tidy():
            pass
        if not self._is_warm:
            with suppress(Empty):
                return self._inbox.get(timeout=_QUIET_SECONDS)
            # Beside a request it would slow every step of it: building the table holds the interpreter.
            threading.Thread(target=self._engine.warm_grammars, name="warm grammars", daemon=True).start()
            self._is_warm = True
        return self._inbox.get()

    def _send_held(self) -> None:
        if not self._pace.is_holding:
            return
        outputs = self._pace.take()
        self._outbox.put_outputs(outputs, self._answers.render)
        if self._outbox.unsent_bytes > MAX_UNSENT_BYTES:
            self._give_up(outputs)

    def _obey(self, command: Command) -> None:
        match command:
            case Submit(sequences):
                for sequence in sequences:
                    self._engine.submit(sequence)
            case Cancel(number):
                for choice in range(MAX_CHOICES):
                    self._engine.cancel(sequence_id(number, choice))

    def _give_up(self, outputs: list[SequenceOutput]) -> None:
        """Nobody takes what these requests produce, and memory is not endless."""
        error = RunnerError("the answer was given up because nobody read it").info
        for number in {output.id // MAX_CHOICES for output in outputs}:
            self._obey(Cancel(number))
            self._outbox.put(partial(self._answers.fail, number, error))

    def _generation(self, number: int, request: GenerationRequest) -> HandOver:
        if not 1 <= request.num_choices <= MAX_CHOICES:
            raise InvalidRequest(f"n must be from 1 to {MAX_CHOICES}", param="n")
        prepared = self._prepare(request)
        calls = None
        if prepared.calls is not None:
            calls = prepared.calls.watching, self._engine.compile_later(prepared.calls.write_grammar)
        sequences = tuple(
            self._sequence(number, choice, request, prepared, calls) for choice in range(request.num_choices)
        )
        answer = Answer(number, [prepared.new_parser(choice) for choice in range(request.num_choices)])
        if request.echo and not isinstance(request.prompt, ChatPrompt):
            answer.echo = self._prompt_text(request.prompt)
            answer.num_unseen = self._num_unseen(request.prompt, prepared.tokens)

        def hand_over() -> None:
            # First the one who waits for outputs, then what makes them.
            self._outbox.put(lambda: self._answers.open(answer))
            self._inbox.put(Submit(sequences))

        return hand_over

    def _prepare(self, request: GenerationRequest) -> Prepared:
        with ends_within(_PREPARE_SECONDS):
            return self._formatter.prepare(request)

    def _sequence(
        self,
        number: int,
        choice: int,
        request: GenerationRequest,
        prepared: Prepared,
        calls: tuple[CallWatching, ComingConstraint] | None,
    ) -> SequenceRequest:
        constraint = None
        if prepared.grammar is not None:
            with ends_within(_PREPARE_SECONDS):
                constraint = self._engine.compile_grammar(prepared.grammar)
        return SequenceRequest(
            id=sequence_id(number, choice),
            tokens=prepared.tokens,
            sampling=_sampling_of_choice(request.sampling, choice),
            max_tokens=request.max_tokens,
            stop=prepared.stop,
            top_logprobs=request.top_logprobs,
            constraint=constraint,
            ignore_eos=request.ignore_eos,
            visible_tokens=prepared.visible_tokens,
            thinking=prepared.thinking,
            calls=calls,
            group=number,
            scores_prompt=_scores_prompt(request, len(prepared.tokens)),
        )

    def _tokenize(self, prompt: Prompt) -> list[int]:
        return self._prepare(GenerationRequest(prompt)).tokens

    def _num_unseen(self, prompt: TextPrompt | TokenPrompt, tokens: list[int]) -> int:
        """Whether a text got a token in front that is none of it."""
        vocabulary = self._vocabulary
        if isinstance(prompt, TokenPrompt) or vocabulary.bos is None or tokens[:1] != [vocabulary.bos]:
            return 0
        return 0 if prompt.text.startswith(vocabulary.bos_text) else 1

    def _prompt_text(self, prompt: TextPrompt | TokenPrompt) -> str:
        if isinstance(prompt, TextPrompt):
            return prompt.text
        pieces = (self._vocabulary.piece(token, special=True) for token in prompt.tokens)
        return b"".join(pieces).decode("utf-8", "replace")


def _scores_prompt(request: GenerationRequest, num_tokens: int) -> bool:
    """What is said of a prompt in front of its answer is said of its tokens too. Raises InvalidRequest."""
    if not request.echo or request.top_logprobs is None or isinstance(request.prompt, ChatPrompt):
        return False
    if num_tokens * (1 + request.top_logprobs) > _MAX_SCORES:
        raise InvalidRequest(
            f"The log-probabilities of a prompt of {num_tokens} tokens are too many.",
            hint="Send a shorter prompt, or ask for fewer alternatives.",
            param="logprobs",
        )
    return True


def _sampling_of_choice(sampling: SamplingParams, choice: int) -> SamplingParams:
    """With one seed for all, every choice would be the same text."""
    if sampling.seed is None or choice == 0:
        return sampling
    return replace(sampling, seed=sampling.seed + choice)
