"""Serves vectors: texts become tokens on the desk's thread, tokens become vectors on the main thread."""

import base64
from collections.abc import Sequence
from functools import partial

from dmr_desktop.engine.embedding import EmbeddingEngine
from dmr_desktop.engine.llama import Model
from dmr_desktop.protocol.embedding import EmbeddingRequest
from dmr_desktop.protocol.errors import InvalidRequest
from dmr_desktop.protocol.generation import GenerationRequest, TextPrompt, TokenPrompt
from dmr_desktop.protocol.wire import load
from dmr_desktop.runner.desk import HandOver, Message, answer_tokens
from dmr_desktop.runner.outbox import Outbox
from dmr_desktop.runner.pooled import Job, PooledService, Rows

_BYTES_AT_ONCE = 4 * 1024 * 1024


class EmbeddingService(PooledService):
    """``prepare`` runs on the desk's thread."""

    def __init__(self, model: Model, engine: EmbeddingEngine, outbox: Outbox) -> None:
        super().__init__(outbox)
        self._vocabulary = model.vocabulary
        self._engine = engine

    def prepare(self, message: Message) -> HandOver:
        """Raises DMRError or WireError, which become the answer."""
        number = message["id"]
        match message["op"]:
            case "embed":
                request = load(EmbeddingRequest, message["request"])
                return partial(self.put, Job(number, [self._tokens(text) for text in request.inputs]))
            case "tokenize":
                prompt = load(GenerationRequest, {"prompt": message["prompt"]}).prompt
                if not isinstance(prompt, TextPrompt | TokenPrompt):
                    raise InvalidRequest("this model was loaded for embeddings: it takes no chat")
                tokens = self._tokens(prompt.text if isinstance(prompt, TextPrompt) else prompt.tokens)
                return partial(answer_tokens, self._outbox, number, tokens)
            case _:
                raise InvalidRequest("this model was loaded for embeddings: it generates no text")

    def _rows(self, inputs: Sequence[Sequence[int]]) -> Rows:
        return self._engine.embed(inputs)

    def _send(self, job: Job, rows: Rows) -> None:
        """In pieces, none of which holds up the reader, nor is too long for a frame."""
        count, dim = rows.shape
        at_once = max(1, _BYTES_AT_ONCE // (4 * dim))
        for start in range(0, count, at_once):
            part = rows[start : start + at_once]
            self._outbox.put_message(
                {
                    "op": "embedded",
                    "id": job.number,
                    "vectors": base64.b64encode(part.astype("<f4").tobytes()).decode("ascii"),
                    "dim": dim,
                    "count": len(part),
                    "prompt_tokens": sum(map(len, job.inputs)),
                    "more": start + at_once < count,
                }
            )

    def _tokens(self, value: str | tuple[int, ...]) -> list[int]:
        if isinstance(value, str):
            return self._vocabulary.tokenize(value, True, False)
        return list(value)
