"""``DMREmbeddings``: embedding models served by DMR Desktop (or Docker Model Runner) for LangChain."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Self

from langchain_core.embeddings import Embeddings
from langchain_core.utils import secret_from_env
from openai import AsyncOpenAI, OpenAI
from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, SecretStr, model_validator

from dmr_langchain._address import Place, find_places
from dmr_langchain._sdk import make_sdk_clients
from dmr_langchain.errors import helpful_errors


class DMREmbeddings(BaseModel, Embeddings):
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

    ``base_url``, ``socket_path``, ``api_key`` and ``timeout`` are those of ``ChatDMR``.
    """

    model_config = ConfigDict(extra="forbid", populate_by_name=True, arbitrary_types_allowed=True)

    model: str
    base_url: str | None = None
    socket_path: str | None = None
    api_key: SecretStr | None = Field(default_factory=secret_from_env("DMR_API_KEY", default=None))
    timeout: float | Any | None = None
    max_retries: int = 2
    chunk_size: int = Field(default=64, ge=1)
    """Texts in one request at most."""
    dimensions: int | None = Field(default=None, ge=1)
    """Length of the vectors, for models that can be shortened."""
    query_prefix: str = ""
    """Put before each query, for models that want it (e5: ``"query: "``, nomic: ``"search_query: "``)."""
    document_prefix: str = ""
    """Put before each document (e5: ``"passage: "``, nomic: ``"search_document: "``)."""

    _places: tuple[Place, ...] = PrivateAttr(default=())
    _client: OpenAI = PrivateAttr()
    _async_client: AsyncOpenAI = PrivateAttr()

    @model_validator(mode="after")
    def _find_service(self) -> Self:
        self._places = find_places(self.base_url, self.socket_path)
        self._connect()
        return self

    def _connect(self) -> None:
        self._client, self._async_client = make_sdk_clients(
            self._places, api_key=self.api_key, timeout=self.timeout, max_retries=self.max_retries
        )

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        vectors: list[list[float]] = []
        with helpful_errors(self.model, self._places):
            for batch in self._batches(texts):
                answer = self._client.embeddings.create(**self._request(batch))
                vectors += [item.embedding for item in answer.data]
        return vectors

    def embed_query(self, text: str) -> list[float]:
        with helpful_errors(self.model, self._places):
            answer = self._client.embeddings.create(**self._request([self.query_prefix + text]))
        return answer.data[0].embedding

    async def aembed_documents(self, texts: list[str]) -> list[list[float]]:
        vectors: list[list[float]] = []
        with helpful_errors(self.model, self._places):
            for batch in self._batches(texts):
                answer = await self._async_client.embeddings.create(**self._request(batch))
                vectors += [item.embedding for item in answer.data]
        return vectors

    async def aembed_query(self, text: str) -> list[float]:
        with helpful_errors(self.model, self._places):
            answer = await self._async_client.embeddings.create(**self._request([self.query_prefix + text]))
        return answer.data[0].embedding

    def _batches(self, texts: Sequence[str]) -> Iterator[list[str]]:
        for start in range(0, len(texts), self.chunk_size):
            yield [self.document_prefix + text for text in texts[start : start + self.chunk_size]]

    def _request(self, texts: list[str]) -> dict[str, Any]:
        request: dict[str, Any] = {"model": self.model, "input": texts}
        if self.dimensions is not None:
            request["dimensions"] = self.dimensions
        return request

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
