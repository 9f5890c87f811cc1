"""``DMRReranker``: ranking models served by DMR Desktop (or Docker Model Runner) for LangChain."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal, Self

from langchain_core.callbacks import Callbacks
from langchain_core.documents import BaseDocumentCompressor, Document
from langchain_core.utils import secret_from_env
from pydantic import ConfigDict, Field, PrivateAttr, SecretStr, model_validator

from dmr_langchain._address import Place, find_places
from dmr_langchain._sdk import Clients, make_sdk_clients, unversioned
from dmr_langchain.errors import helpful_errors

SCORE = "relevance_score"


class DMRReranker(BaseDocumentCompressor):
    """Puts documents into the order in which they answer a query, by a model on this machine.

    Setup:
        .. code-block:: bash

            pip install 'dmr-desktop[langchain]'
            dmr pull hf.co/gpustack/bge-reranker-v2-m3-GGUF

    Instantiate:
        .. code-block:: python

            from dmr_langchain import DMRReranker

            reranker = DMRReranker(model="hf.co/gpustack/bge-reranker-v2-m3-GGUF", top_n=3)

    Compress:
        .. code-block:: python

            best = reranker.compress_documents(documents, "What do pandas eat?")
            best[0].metadata["relevance_score"]

    Rank texts:
        .. code-block:: python

            reranker.rerank(["Bamboo.", "They live in China."], "What do pandas eat?")
            # [{'index': 0, 'relevance_score': 5.1}, {'index': 1, 'relevance_score': -3.9}]

    ``base_url``, ``socket_path`` (or ``uds``), ``api_key`` and ``timeout`` are those of ``ChatDMR``.
    """

    model_config = ConfigDict(extra="forbid", populate_by_name=True, arbitrary_types_allowed=True)

    model: str
    top_n: int | None = Field(default=None, ge=1)
    """How many documents to keep; None: all."""
    use_activation: bool = False
    """Scores from 0 to 1 instead of the model's own, which may be of any size."""
    on_overflow: Literal["error", "truncate"] = "error"
    """A document that is too long for the model is an error, or its end is left out."""
    base_url: str | None = None
    socket_path: str | None = None
    uds: str | None = None
    """Another name for ``socket_path``."""
    api_key: SecretStr | None = Field(default_factory=secret_from_env("DMR_API_KEY", default=None))
    timeout: float | Any | None = None
    max_retries: int | None = None
    trust_env: bool = False
    chunk_size: int = Field(default=256, ge=1)
    """Documents in one request at most."""

    _places: tuple[Place, ...] = PrivateAttr(default=())
    _clients: Clients = PrivateAttr()

    @model_validator(mode="after")
    def _find_service(self) -> Self:
        self._places = find_places(self.base_url, self.socket_path or self.uds)
        self._connect()
        return self

    def _connect(self) -> None:
        self._clients = make_sdk_clients(
            self._places,
            api_key=self.api_key,
            timeout=self.timeout,
            max_retries=self.max_retries,
            trust_env=self.trust_env,
        )

    def rerank(
        self, documents: Sequence[str | Document], query: str, *, top_n: int | None = None
    ) -> list[dict[str, Any]]:
        """``index`` and ``relevance_score`` of the best ``top_n``, best first.

        Args:
            documents: Texts or documents.
            query: What they are compared with.
            top_n: Instead of the object's own.
        """
        sdk, found = self._clients[0], []
        with helpful_errors(self.model, self._places):
            for start, body in self._requests(documents, query):
                found += _results(sdk.post(unversioned(sdk) + "/rerank", cast_to=object, body=body), start)
        return _best(found, top_n or self.top_n)

    async def arerank(
        self, documents: Sequence[str | Document], query: str, *, top_n: int | None = None
    ) -> list[dict[str, Any]]:
        """As ``rerank``."""
        sdk, found = self._clients[1], []
        with helpful_errors(self.model, self._places):
            for start, body in self._requests(documents, query):
                found += _results(await sdk.post(unversioned(sdk) + "/rerank", cast_to=object, body=body), start)
        return _best(found, top_n or self.top_n)

    def compress_documents(
        self, documents: Sequence[Document], query: str, callbacks: Callbacks | None = None
    ) -> Sequence[Document]:
        """The best ``top_n`` documents, best first, each with its ``relevance_score`` in the metadata."""
        return _marked(documents, self.rerank(documents, query))

    async def acompress_documents(
        self, documents: Sequence[Document], query: str, callbacks: Callbacks | None = None
    ) -> Sequence[Document]:
        """As ``compress_documents``."""
        return _marked(documents, await self.arerank(documents, query))

    def _requests(self, documents: Sequence[str | Document], query: str) -> Iterator[tuple[int, dict[str, Any]]]:
        """Bodies, each with the number of its first document. Scores do not depend on the company."""
        texts = [document.page_content if isinstance(document, Document) else document for document in documents]
        for start in range(0, len(texts), self.chunk_size):
            body: dict[str, Any] = {
                "model": self.model,
                "query": query,
                "documents": texts[start : start + self.chunk_size],
            }
            if self.use_activation:
                body["use_activation"] = True
            if self.on_overflow == "truncate":
                body["truncate"] = True
            yield start, body

    def __getstate__(self) -> dict[Any, Any]:
        """Clients hold locks and sockets: a copy or an unpickled object makes its own."""
        state = super().__getstate__()
        private = state.get("__pydantic_private__") or {}
        return {**state, "__pydantic_private__": {"_places": private["_places"]}}

    def __setstate__(self, state: dict[Any, Any]) -> None:
        super().__setstate__(state)
        self._connect()

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        return self.model_copy()


def _results(answer: Any, start: int) -> list[dict[str, Any]]:
    return [{"index": start + int(entry["index"]), SCORE: float(entry[SCORE])} for entry in answer["results"]]


def _best(found: list[dict[str, Any]], top_n: int | None) -> list[dict[str, Any]]:
    return sorted(found, key=lambda entry: (-entry[SCORE], entry["index"]))[:top_n]


def _marked(documents: Sequence[Document], best: Sequence[dict[str, Any]]) -> list[Document]:
    return [_with_score(documents[entry["index"]], entry[SCORE]) for entry in best]


def _with_score(document: Document, score: float) -> Document:
    return document.model_copy(update={"metadata": {**document.metadata, SCORE: score}})
