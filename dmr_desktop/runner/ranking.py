"""Serves scores: pairs of texts become tokens on the desk's thread, tokens become scores on the main thread."""

from collections.abc import Sequence
from functools import partial

from dmr_desktop.engine.formats.pairs import Join, PairFormat, shortened
from dmr_desktop.engine.llama import Model
from dmr_desktop.engine.ranking import RankingEngine
from dmr_desktop.protocol.errors import ContextOverflow, InvalidRequest
from dmr_desktop.protocol.generation import GenerationRequest, TextPrompt
from dmr_desktop.protocol.rerank import RerankRequest
from dmr_desktop.protocol.wire import load
from dmr_desktop.runner.desk import HandOver, Message, answer_tokens
from dmr_desktop.runner.outbox import Outbox
from dmr_desktop.runner.pooled import Job, PooledService, Rows


class RankingService(PooledService):
    """``prepare`` runs on the desk's thread."""

    def __init__(self, model: Model, engine: RankingEngine, pairs: PairFormat, outbox: Outbox) -> None:
        super().__init__(outbox)
        self._vocabulary = model.vocabulary
        self._gives_probabilities = model.gives_probabilities
        self._engine = engine
        self._pairs = pairs

    def prepare(self, message: Message) -> HandOver:
        """Raises DMRError or WireError, which become the answer."""
        number = message["id"]
        match message["op"]:
            case "rerank":
                return partial(self.put, Job(number, self._tokens_of(load(RerankRequest, message["request"]))))
            case "tokenize":
                prompt = load(GenerationRequest, {"prompt": message["prompt"]}).prompt
                if not isinstance(prompt, TextPrompt):
                    raise InvalidRequest("this model was loaded to rank documents: it takes no chat")
                tokens = self._vocabulary.tokenize(prompt.text, True, False)
                return partial(answer_tokens, self._outbox, number, tokens)
            case _:
                raise InvalidRequest("this model was loaded to rank documents: use it with /v1/rerank")

    def _rows(self, inputs: Sequence[Sequence[int]]) -> Rows:
        return self._engine.rank(inputs)

    def _send(self, job: Job, rows: Rows) -> None:
        self._outbox.put_message(
            {
                "op": "ranked",
                "id": job.number,
                "scores": rows.tolist(),
                "are_probabilities": self._gives_probabilities,
                "prompt_tokens": sum(map(len, job.inputs)),
            }
        )

    def _tokens_of(self, request: RerankRequest) -> list[list[int]]:
        if len(request.queries) not in (1, len(request.documents)):
            raise InvalidRequest("there must be one query, or as many as documents", param="documents")
        joins = [self._joiner(query, request.truncate) for query in request.queries]
        if len(joins) == 1:
            joins *= len(request.documents)
        return [join(document) for join, document in zip(joins, request.documents, strict=True)]

    def _joiner(self, query: str, truncate: bool) -> Join:
        self._check_query(query)
        join = self._pairs.joiner(query)
        return shortened(join, self._engine.facts.context_size) if truncate else join

    def _check_query(self, query: str) -> None:
        """By itself, before it is multiplied by the number of documents."""
        count, most = len(self._vocabulary.tokenize(query, False, False)), self._engine.facts.context_size
        if count >= most:
            raise ContextOverflow(
                f"This model's maximum context length is {most} tokens, however you requested {count} tokens in the "
                "query alone. Please reduce your input.",
                hint="Shorten the query.",
                param="query",
            )
