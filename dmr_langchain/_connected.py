"""What embeddings and rerankers have in common: where the service is, and clients that talk to it."""

from __future__ import annotations

from typing import Any, Self

from langchain_core.utils import secret_from_env
from openai import AsyncOpenAI, OpenAI
from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, SecretStr, model_validator

from dmr_langchain._address import Place, find_places
from dmr_langchain._sdk import make_sdk_clients


class ConnectedModel(BaseModel):
    """One model of the service, by clients that are made anew for every copy."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True, arbitrary_types_allowed=True)

    model: str
    base_url: str | None = None
    socket_path: str | None = None
    uds: str | None = None
    """Another name for ``socket_path``."""
    api_key: SecretStr | None = Field(default_factory=secret_from_env("DMR_API_KEY", default=None))
    timeout: float | Any | None = None
    max_retries: int | None = None
    trust_env: bool = False

    _places: tuple[Place, ...] = PrivateAttr(default=())
    _client: OpenAI = PrivateAttr()
    _async_client: AsyncOpenAI = PrivateAttr()

    @model_validator(mode="after")
    def _find_service(self) -> Self:
        self._places = find_places(self.base_url, self.socket_path or self.uds)
        self._connect()
        return self

    def _connect(self) -> None:
        self._client, self._async_client = make_sdk_clients(
            self._places,
            api_key=self.api_key,
            timeout=self.timeout,
            max_retries=self.max_retries,
            trust_env=self.trust_env,
        )

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
