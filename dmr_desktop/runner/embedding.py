"""Serves vectors: texts become tokens on the reading thread, tokens become vectors on the main thread."""

import base64
from collections.abc import Sequence

from dmr_desktop.engine.embedding import EmbeddingEngine
from dmr_desktop.engine.llama import Model
from dmr_desktop.protocol.embedding import EmbeddingRequest
from dmr_desktop.protocol.errors import InvalidRequest
from dmr_desktop.protocol.generation import GenerationRequest, TextPrompt, TokenPrompt
from dmr_desktop.protocol.wire import load
from dmr_desktop.runner.outbox import Outbox
from dmr_desktop.runner.pooled import Cancel, Job, PooledService, Rows
from dmr_desktop.runner.reader import Message


class EmbeddingService(PooledService):
    """``accept`` runs on the reading thread."""

    def __init__(self, model: Model, engine: EmbeddingEngine, outbox: Outbox) -> None:
        super().__init__(outbox)
        self._vocabulary = model.vocabulary
        self._engine = engine

    def accept(self, message: Message) -> None:
        """Raises DMRError or WireError, which become the answer."""
        number = message["id"]
        match message["op"]:
            case "embed":
                request = load(EmbeddingRequest, message["request"])
                self.put(Job(number, [self._tokens(text) for text in request.inputs]))
            case "cancel":
                self.put(Cancel(number))
            case "tokenize":
                prompt = load(GenerationRequest, {"prompt": message["prompt"]}).prompt
                if not isinstance(prompt, TextPrompt | TokenPrompt):
                    raise InvalidRequest("this model was loaded for embeddings: it takes no chat")
                tokens = self._tokens(prompt.text if isinstance(prompt, TextPrompt) else prompt.tokens)
                self._outbox.put_message({"op": "tokens", "id": number, "tokens": tokens})
            case "stats":
                self.put_stats(number)
            case _:
                raise InvalidRequest("this model was loaded for embeddings: it generates no text")

    def _rows(self, inputs: Sequence[Sequence[int]]) -> Rows:
        return self._engine.embed(inputs)

    def _send(self, job: Job, rows: Rows) -> None:
        count, dim = rows.shape
        self._outbox.put_message(
            {
                "op": "embedded",
                "id": job.number,
                "vectors": base64.b64encode(rows.astype("<f4").tobytes()).decode("ascii"),
                "dim": dim,
                "count": count,
                "prompt_tokens": sum(map(len, job.inputs)),
            }
        )

    def _tokens(self, value: str | tuple[int, ...]) -> list[int]:
        if isinstance(value, str):
            return self._vocabulary.tokenize(value, True, False)
        return list(value)
