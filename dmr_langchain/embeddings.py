"""``DMREmbeddings``: embedding models served by DMR Desktop (or Docker Model Runner) for LangChain."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal

from langchain_core.embeddings import Embeddings
from openai import BadRequestError
from pydantic import Field

from dmr_langchain._connected import ConnectedModel
from dmr_langchain._sdk import atokenize, tokenize
from dmr_langchain.errors import helpful_errors, is_overflow


class DMREmbeddings(ConnectedModel, Embeddings):
    """Embeddings by a model on this machine.

    Texts are sent as they are; tokens are the service's affair.

    Setup:
        .. code-block:: bash

            pip install 'dmr-desktop[langchain]'
            dmr pull ai/mxbai-embed-large

    Instantiate:
        .. code-block:: python

            from dmr_langchain import DMREmbeddings

            embeddings = DMREmbeddings(model="ai/mxbai-embed-large")

    Embed:
        .. code-block:: python

            vector = embeddings.embed_query("How do I turn on TCP access?")
            vectors = embeddings.embed_documents(["first text", "second text"])

    Async:
        .. code-block:: python

            vector = await embeddings.aembed_query("How do I turn on TCP access?")

    ``base_url``, ``socket_path`` (or ``uds``), ``api_key`` and ``timeout`` are those of ``ChatDMR``.
    """

    chunk_size: int = Field(default=64, ge=1)
    """Texts in one request at most."""
    dimensions: int | None = Field(default=None, ge=1)
    """Length of the vectors, for models that can be shortened."""
    query_prefix: str = ""
    """Put before each query, for models that want it (e5: ``"query: "``, nomic: ``"search_query: "``)."""
    document_prefix: str = ""
    """Put before each document (e5: ``"passage: "``, nomic: ``"search_document: "``)."""
    on_overflow: Literal["error", "truncate"] = "error"
    """A text that is too long for the model is an error, or its end is left out."""

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        vectors: list[list[float]] = []
        for batch in self._batches(texts):
            vectors += self._embed(batch)
        return vectors

    def embed_query(self, text: str) -> list[float]:
        return self._embed([self.query_prefix + text])[0]

    async def aembed_documents(self, texts: list[str]) -> list[list[float]]:
        vectors: list[list[float]] = []
        for batch in self._batches(texts):
            vectors += await self._aembed(batch)
        return vectors

    async def aembed_query(self, text: str) -> list[float]:
        return (await self._aembed([self.query_prefix + text]))[0]

    def _embed(self, texts: list[str]) -> list[list[float]]:
        with helpful_errors(self.model, self._places):
            try:
                answer = self._client.embeddings.create(**self._request(texts))
            except BadRequestError as error:
                if self.on_overflow == "error" or not is_overflow(error):
                    raise
                answers = [tokenize(self._client, self._count(text)) for text in texts]
                around = tokenize(self._client, self._count(""))
                answer = self._client.embeddings.create(**self._request(_cut(texts, answers, around)))
        return [item.embedding for item in answer.data]

    async def _aembed(self, texts: list[str]) -> list[list[float]]:
        with helpful_errors(self.model, self._places):
            try:
                answer = await self._async_client.embeddings.create(**self._request(texts))
            except BadRequestError as error:
                if self.on_overflow == "error" or not is_overflow(error):
                    raise
                answers = [await atokenize(self._async_client, self._count(text)) for text in texts]
                around = await atokenize(self._async_client, self._count(""))
                answer = await self._async_client.embeddings.create(**self._request(_cut(texts, answers, around)))
        return [item.embedding for item in answer.data]

    def _batches(self, texts: Sequence[str]) -> Iterator[list[str]]:
        for start in range(0, len(texts), self.chunk_size):
            yield [self.document_prefix + text for text in texts[start : start + self.chunk_size]]

    def _request(self, inputs: Sequence[str] | Sequence[list[int]]) -> dict[str, Any]:
        request: dict[str, Any] = {"model": self.model, "input": inputs}
        if self.dimensions is not None:
            request["dimensions"] = self.dimensions
        return request

    def _count(self, text: str) -> dict[str, Any]:
        return {"model": self.model, "prompt": text, "mode": "embedding"}


def _cut(
    texts: Sequence[str], answers: Sequence[dict[str, Any] | None], around: dict[str, Any] | None
) -> list[list[int]]:
    """The tokens of each text, at most as many as the model takes; a closing token that it wants stays at the end."""
    if around is None:
        raise NotImplementedError("this service cannot count tokens: split the texts instead of on_overflow='truncate'")
    most, closing = int(around["max_model_len"]), list(around["tokens"][1:])
    cut = []
    for text, answer in zip(texts, answers, strict=True):
        assert answer is not None, f"counted {text[:20]!r} like the others"
        tokens = list(answer["tokens"])
        ends = bool(closing) and tokens[-len(closing) :] == closing
        cut.append(
            tokens if len(tokens) <= most else tokens[: most - len(closing)] + closing if ends else tokens[:most]
        )
    return cut
