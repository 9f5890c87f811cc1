"""The part of ``ChatDMR`` that is about the service: its fields, where it is, what to prepare before a request."""

from __future__ import annotations

import copy
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Literal, Self

from langchain_core.language_models import LangSmithParams, ModelProfile
from langchain_core.utils import secret_from_env
from langchain_openai.chat_models.base import BaseChatOpenAI
from pydantic import Field, PrivateAttr, SecretStr, model_validator

from dmr_langchain._address import Place, find_places
from dmr_langchain._management import Management
from dmr_langchain._sdk import aconfigure, configure, make_sdk_clients
from dmr_langchain._settings import Effort, Mode, configuration, duration
from dmr_langchain.errors import DMRConnectionError, DMRModelNotFoundError, helpful_errors
from dmr_langchain.models import DMRModels

API_KEY_VARIABLE = "DMR_API_KEY"
_CLIENT_FIELDS = ("client", "async_client", "root_client", "root_async_client")


class ChatBase(BaseChatOpenAI):
    """See ``ChatDMR``."""

    model_name: str = Field(alias="model")
    openai_api_base: str | None = Field(alias="base_url", default=None)
    openai_api_key: SecretStr | None = Field(
        alias="api_key", default_factory=secret_from_env(API_KEY_VARIABLE, default=None)
    )
    openai_organization: str | None = Field(default=None, alias="organization")
    openai_proxy: str | None = None
    socket_path: str | None = None
    """Unix socket of the service; with it ``base_url`` is not looked at."""
    uds: str | None = None
    """Another name for ``socket_path``."""
    trust_env: bool = False
    """Whether proxy settings of the environment count, for a service that ``base_url`` names."""
    request_timeout: float | tuple[float, float] | Any | None = Field(default=None, alias="timeout")
    max_retries: int | None = None
    stream_usage: bool | None = True
    stream_chunk_timeout: float | None = Field(default=600.0, exclude=True)
    """Seconds between two chunks of an asynchronous stream; the first may have to wait for the model to load."""
    use_responses_api: bool | None = False

    top_k: int | None = None
    """Sample among the ``top_k`` likeliest tokens only."""
    min_p: float | None = None
    """Sample among tokens at least ``min_p`` times as likely as the likeliest one."""
    repeat_penalty: float | None = None
    """Above 1, tokens of the last part of the text become less likely."""
    thinking: bool | None = None
    """Whether a model that can reason before it answers shall do so; None leaves it to the model."""

    context_size: int | None = Field(default=None, ge=-1)
    """Tokens the model shall be able to hold, prompt and answer; -1: all it can. Set before the first request."""
    keep_alive: str | int | None = None
    """How long the model stays loaded when nobody uses it: ``"10m"``, seconds, ``"0"``, ``"-1"`` for ever."""
    runtime_flags: list[str] | str | None = None
    """Flags of llama.cpp's server, such as ``["--temp", "0.7"]``; the service takes those that it honours."""
    raw_runtime_flags: str | None = None
    """The same as one string; not together with ``runtime_flags``."""
    mode: Mode | None = None
    """What the settings are for, if not for completions."""
    thinking_budget: int | Effort | None = None
    """Tokens a model may think: a number, 0 (off), -1 (as many as it likes) or a word."""
    speculative_draft_model: str | None = None
    """A small model that guesses ahead."""
    speculative_num_tokens: int | None = Field(default=None, ge=1)
    """Tokens it guesses at a time."""
    speculative_acceptance_rate: float | None = Field(default=None, ge=0, le=1)
    """How sure it must be."""

    auto_pull: bool = False
    """Download the model if it is not there. That may be gigabytes, so it must be asked for."""
    validate_model_on_init: bool = False
    """Ask the service for the model at once: the constructor raises ``DMRModelNotFoundError`` if it is not there."""
    max_concurrency: int | Literal["auto"] | None = "auto"
    """Requests that ``batch`` sends at a time, where the config says nothing; None: no limit."""

    _places: tuple[Place, ...] = PrivateAttr(default=())
    _prepared: dict[str, dict[str, Any] | None] = PrivateAttr(default_factory=dict)
    """Models that are known to be there, with what was set for each. Copies share it, and may wish otherwise."""
    _management: Management | None = PrivateAttr(default=None)

    # ---- construction -----------------------------------------------------------------------

    @model_validator(mode="before")
    @classmethod
    def validate_temperature(cls, values: dict[str, Any]) -> Any:
        """Replaces the parent's, which drops the temperature of models with certain names."""
        return values

    @model_validator(mode="after")
    def _set_dmr_version(self) -> Self:
        self._add_version("dmr-desktop", _package_version())
        return self

    @model_validator(mode="after")
    def validate_environment(self) -> Self:
        """Replaces the parent's, which reads ``OPENAI_*``: find the service's places and make the clients."""
        if self.n is not None and self.n < 1:
            raise ValueError("n must be at least 1")
        if self.n is not None and self.n > 1 and self.streaming:
            raise ValueError("n must be 1 when streaming")
        if self.keep_alive is not None:
            self.keep_alive = duration(self.keep_alive)
        self._wish(self.model_name)
        self._places = find_places(self.openai_api_base, self.socket_path or self.uds)
        if self.openai_api_base is not None:
            self.openai_api_base = self._places[0].base_url
        self._connect()
        if self.validate_model_on_init:
            self._learn_profile()
        return self

    def _connect(self) -> None:
        if self.client is not None and self.async_client is not None:
            return
        sdk, async_sdk = make_sdk_clients(
            self._places,
            api_key=self.openai_api_key,
            timeout=self.request_timeout,
            max_retries=self.max_retries,
            default_headers=self.default_headers,
            default_query=self.default_query,
            http_client=self.http_client,
            http_async_client=self.http_async_client,
            trust_env=self.trust_env,
        )
        self.root_client, self.client = sdk, sdk.chat.completions
        self.root_async_client, self.async_client = async_sdk, async_sdk.chat.completions

    # ---- identity ---------------------------------------------------------------------------

    @property
    def _llm_type(self) -> str:
        return "chat-dmr"

    @property
    def lc_secrets(self) -> dict[str, str]:
        return {"openai_api_key": API_KEY_VARIABLE}

    @classmethod
    def is_lc_serializable(cls) -> bool:
        return True

    @classmethod
    def get_lc_namespace(cls) -> list[str]:
        return ["dmr_langchain"]

    def _get_ls_params(self, stop: list[str] | None = None, **kwargs: Any) -> LangSmithParams:
        params = super()._get_ls_params(stop=stop, **kwargs)
        params["ls_provider"] = "dmr"
        return params

    def _resolve_model_profile(self) -> ModelProfile | None:
        """The engine enforces schemas and tool choices by itself, whatever the model."""
        profile = ModelProfile(
            text_inputs=True, text_outputs=True, tool_calling=True, tool_choice=True, structured_output=True
        )
        if self.context_size is not None and self.context_size > 0:
            profile["max_input_tokens"] = self.context_size
        return profile

    def _learn_profile(self) -> None:
        """Ask the service what the model can hold. Raises ``DMRError``."""
        models = self.models
        if self.auto_pull:
            self._pull_if_missing(self.model_name)
        found = models.inspect(self.model_name).context_size
        if self.profile is None:
            self.profile = self._resolve_model_profile()
        if self.profile is not None and found is not None:
            self.profile.setdefault("max_input_tokens", found)

    @property
    def models(self) -> DMRModels:
        """The models of the service that this object speaks to."""
        if self._management is None:
            self._management = Management(
                self._places,
                api_key=self.openai_api_key,
                headers=self.default_headers,
                trust_env=self.trust_env,
            )
        return DMRModels.of(self._management)

    # ---- before a request -------------------------------------------------------------------

    @contextmanager
    def _prepare(self, kwargs: dict[str, Any]) -> Iterator[None]:
        """Before the first request with a model: get it and set it up, as far as that was asked for."""
        model = self._model_of(kwargs)
        wish = self._wish(model)
        with self._errors(model):
            if not self._is_prepared(model, wish):
                if self.auto_pull:
                    self._pull_if_missing(model)
                if wish is not None:
                    configure(self.root_client, wish)
                self._prepared[model] = wish
            yield

    @asynccontextmanager
    async def _aprepare(self, kwargs: dict[str, Any]) -> AsyncIterator[None]:
        model = self._model_of(kwargs)
        wish = self._wish(model)
        with self._errors(model):
            if not self._is_prepared(model, wish):
                if self.auto_pull:
                    await self._apull_if_missing(model)
                if wish is not None:
                    await aconfigure(self.root_async_client, wish)
                self._prepared[model] = wish
            yield

    def _is_prepared(self, model: str, wish: dict[str, Any] | None) -> bool:
        return model in self._prepared and self._prepared[model] == wish

    @contextmanager
    def _errors(self, model: str) -> Iterator[None]:
        try:
            with helpful_errors(model, self._places):
                yield
        except (DMRModelNotFoundError, DMRConnectionError):
            # It may come back, and will then have forgotten what was set.
            self._prepared.pop(model, None)
            raise

    def _pull_if_missing(self, model: str) -> None:
        try:
            self.models.inspect(model)
        except DMRModelNotFoundError:
            self.models.pull(model)

    async def _apull_if_missing(self, model: str) -> None:
        try:
            await self.models.ainspect(model)
        except DMRModelNotFoundError:
            await self.models.apull(model)

    def _wish(self, model: str) -> dict[str, Any] | None:
        """What has to be configured for ``model``. Raises ValueError."""
        return configuration(
            model,
            mode=self.mode,
            context_size=self.context_size,
            keep_alive=self.keep_alive,
            runtime_flags=self.runtime_flags,
            raw_runtime_flags=self.raw_runtime_flags,
            thinking_budget=self.thinking_budget,
            speculative_draft_model=self.speculative_draft_model,
            speculative_num_tokens=self.speculative_num_tokens,
            speculative_acceptance_rate=self.speculative_acceptance_rate,
        )

    def _model_of(self, kwargs: dict[str, Any]) -> str:
        return str(kwargs.get("model") or self.model_name)

    # ---- copies -----------------------------------------------------------------------------

    def __getstate__(self) -> dict[Any, Any]:
        """Clients hold locks and sockets: a copy or an unpickled model makes its own."""
        state = super().__getstate__()
        private = {**(state.get("__pydantic_private__") or {}), "_management": None}
        fields = {name: value for name, value in state["__dict__"].items() if name not in _CLIENT_FIELDS}
        return {**state, "__dict__": fields, "__pydantic_private__": private}

    def __setstate__(self, state: dict[Any, Any]) -> None:
        super().__setstate__({**state, "__dict__": {**state["__dict__"], **dict.fromkeys(_CLIENT_FIELDS)}})
        self._connect()

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        twin = self.__class__.__new__(self.__class__)
        twin.__setstate__(copy.deepcopy(self.__getstate__(), memo))
        return twin


def _package_version() -> str:
    try:
        return version("dmr-desktop")
    except PackageNotFoundError:  # a source tree that was never installed
        return "0.0.0"
