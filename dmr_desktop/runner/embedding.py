"""Serves vectors: texts become tokens on the reading thread, tokens become vectors on the main thread.

Requests that wait together are computed together; a large one is cut, so that a cancelled one ends soon.
"""

import base64
from dataclasses import dataclass
from queue import SimpleQueue
from typing import NoReturn, TypeAlias

import numpy as np
import numpy.typing as npt

from dmr_desktop.engine.embedding import EmbeddingEngine
from dmr_desktop.engine.llama import Model
from dmr_desktop.protocol.embedding import EmbeddingRequest
from dmr_desktop.protocol.errors import DMRError, InvalidRequest
from dmr_desktop.protocol.generation import GenerationRequest, TextPrompt, TokenPrompt
from dmr_desktop.protocol.wire import dump, load
from dmr_desktop.runner.outbox import Outbox
from dmr_desktop.runner.reader import Message

_INPUTS_AT_ONCE = 64


@dataclass(frozen=True, slots=True)
class Job:
    number: int
    inputs: list[list[int]]


@dataclass(frozen=True, slots=True)
class Cancel:
    number: int


Command: TypeAlias = Job | Cancel


class EmbeddingService:
    """``accept`` runs on the reading thread, ``run`` on the main thread, which alone uses the engine."""

    def __init__(self, model: Model, engine: EmbeddingEngine, outbox: Outbox) -> None:
        self._vocabulary = model.vocabulary
        self._engine = engine
        self._outbox = outbox
        self._inbox: SimpleQueue[Command] = SimpleQueue()
        self._waiting: dict[int, Job] = {}
        self._num_inputs = 0

    def accept(self, message: Message) -> None:
        """Raises DMRError or WireError, which become the answer."""
        number = message["id"]
        match message["op"]:
            case "embed":
                request = load(EmbeddingRequest, message["request"])
                self._inbox.put(Job(number, [self._tokens(text) for text in request.inputs]))
            case "cancel":
                self._inbox.put(Cancel(number))
            case "tokenize":
                prompt = load(GenerationRequest, {"prompt": message["prompt"]}).prompt
                if not isinstance(prompt, TextPrompt | TokenPrompt):
                    raise InvalidRequest("this model was loaded for embeddings: it takes no chat")
                tokens = self._tokens(prompt.text if isinstance(prompt, TextPrompt) else prompt.tokens)
                self._outbox.put_message({"op": "tokens", "id": number, "tokens": tokens})
            case "stats":
                stats = {"waiting": len(self._waiting), "inputs": self._num_inputs}
                self._outbox.put_message({"op": "stats", "id": number, "stats": stats})
            case _:
                raise InvalidRequest("this model was loaded for embeddings: it generates no text")

    def run(self) -> NoReturn:
        """For ever: take what has come, compute the oldest with as many others as fit."""
        while True:
            self._take(wait=not self._waiting)
            jobs: list[Job] = []
            for job in self._waiting.values():
                if jobs and sum(len(other.inputs) for other in jobs) + len(job.inputs) > _INPUTS_AT_ONCE:
                    break
                jobs.append(job)
            if not self._compute_together(jobs):
                for job in jobs:
                    self._compute(job)

    def _take(self, *, wait: bool) -> None:
        while wait or not self._inbox.empty():
            wait = False
            match self._inbox.get():
                case Job() as job:
                    self._waiting[job.number] = job
                case Cancel(number):
                    self._waiting.pop(number, None)

    def _compute_together(self, jobs: list[Job]) -> bool:
        """False if there is nothing to join, or one of them is wrong: then each is computed by itself."""
        if len(jobs) < 2:
            return False
        try:
            vectors = self._engine.embed([tokens for job in jobs for tokens in job.inputs])
        except DMRError:
            return False
        start = 0
        for job in jobs:
            self._answer(job, vectors[start : start + len(job.inputs)])
            start += len(job.inputs)
        return True

    def _compute(self, job: Job) -> None:
        parts = []
        try:
            for start in range(0, len(job.inputs), _INPUTS_AT_ONCE):
                self._take(wait=False)
                if job.number not in self._waiting:
                    return  # cancelled
                parts.append(self._engine.embed(job.inputs[start : start + _INPUTS_AT_ONCE]))
        except DMRError as error:
            del self._waiting[job.number]
            self._outbox.put_message({"op": "error", "id": job.number, "error": dump(error.info)})
            return
        self._answer(job, np.concatenate(parts))

    def _answer(self, job: Job, vectors: npt.NDArray[np.float32]) -> None:
        del self._waiting[job.number]
        self._num_inputs += len(job.inputs)
        count, dim = vectors.shape
        self._outbox.put_message(
            {
                "op": "embedded",
                "id": job.number,
                "vectors": base64.b64encode(vectors.astype("<f4").tobytes()).decode("ascii"),
                "dim": dim,
                "count": count,
                "prompt_tokens": sum(map(len, job.inputs)),
            }
        )

    def _tokens(self, value: str | tuple[int, ...]) -> list[int]:
        if isinstance(value, str):
            return self._vocabulary.tokenize(value, True, False)
        return list(value)
