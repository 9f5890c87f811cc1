"""``DMRReranker``: ranking models served by DMR Desktop (or Docker Model Runner) for LangChain."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal

from langchain_core.callbacks import Callbacks
from langchain_core.documents import BaseDocumentCompressor, Document
from pydantic import Field

from dmr_langchain._connected import ConnectedModel
from dmr_langchain._sdk import unversioned
from dmr_langchain.errors import helpful_errors

SCORE = "relevance_score"


class DMRReranker(ConnectedModel, BaseDocumentCompressor):
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

    top_n: int | None = Field(default=None, ge=1)
    """How many documents to keep; None: all."""
    use_activation: bool = False
    """Scores from 0 to 1 instead of the model's own, which may be of any size."""
    on_overflow: Literal["error", "truncate"] = "error"
    """A document that is too long for the model is an error, or its end is left out."""
    chunk_size: int = Field(default=256, ge=1)
    """Documents in one request at most."""

    def rerank(
        self, documents: Sequence[str | Document], query: str, *, top_n: int | None = None
    ) -> list[dict[str, Any]]:
        """``index`` and ``relevance_score`` of the best ``top_n``, best first.

        Args:
            documents: Texts or documents.
            query: What they are compared with.
            top_n: Instead of the object's own.
        """
        sdk, found = self._client, []
        with helpful_errors(self.model, self._places):
            for start, body in self._requests(documents, query):
                found += _results(sdk.post(unversioned(sdk) + "/rerank", cast_to=object, body=body), start)
        return _best(found, top_n or self.top_n)

    async def arerank(
        self, documents: Sequence[str | Document], query: str, *, top_n: int | None = None
    ) -> list[dict[str, Any]]:
        """As ``rerank``."""
        sdk, found = self._async_client, []
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


def _results(answer: Any, start: int) -> list[dict[str, Any]]:
    return [{"index": start + int(entry["index"]), SCORE: float(entry[SCORE])} for entry in answer["results"]]


def _best(found: list[dict[str, Any]], top_n: int | None) -> list[dict[str, Any]]:
    return sorted(found, key=lambda entry: (-entry[SCORE], entry["index"]))[:top_n]


def _marked(documents: Sequence[Document], best: Sequence[dict[str, Any]]) -> list[Document]:
    return [_with_score(documents[entry["index"]], entry[SCORE]) for entry in best]


def _with_score(document: Document, score: float) -> Document:
    return document.model_copy(update={"metadata": {**document.metadata, SCORE: score}})
