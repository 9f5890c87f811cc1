"""``ChatDMR``: chat models served by DMR Desktop (or Docker Model Runner) for LangChain."""

from __future__ import annotations

import copy
import math
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import aclosing, asynccontextmanager, closing, contextmanager
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Literal, Self

import openai
from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import LangSmithParams, LanguageModelInput, ModelProfile
from langchain_core.messages import BaseMessage
from langchain_core.messages.utils import count_tokens_approximately
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable, RunnableConfig
from langchain_core.tools import BaseTool
from langchain_core.utils import secret_from_env
from langchain_core.utils.function_calling import convert_to_openai_tool
from langchain_openai.chat_models.base import BaseChatOpenAI
from pydantic import BaseModel, Field, PrivateAttr, SecretStr, model_validator
from pydantic.v1 import BaseModel as BaseModelV1

from dmr_langchain._address import Place, find_places
from dmr_langchain._answers import complete_chunk, complete_result
from dmr_langchain._management import Management
from dmr_langchain._sdk import aconfigure, configure, make_sdk_clients, tokenize
from dmr_langchain._settings import Effort, Mode, configuration, duration
from dmr_langchain.errors import DMRConnectionError, DMRModelNotFoundError, helpful_errors
from dmr_langchain.models import DMRModels

API_KEY_VARIABLE = "DMR_API_KEY"
DEFAULT_CONCURRENCY = 8
"""Requests that the service computes at a time, unless it was told otherwise."""
_CLIENT_FIELDS = ("client", "async_client", "root_client", "root_async_client")


class ChatDMR(BaseChatOpenAI):
    """Chat models on this machine, through DMR Desktop's OpenAI-compatible API.

    Setup:
        Install the package and start the service:

        .. code-block:: bash

            pip install 'dmr-desktop[langchain]'
            dmr quickstart

    Key init args — completion params:
        model: str
            Name of a model on this machine, e.g. ``"dmr.local/demo"`` or ``"ai/smollm2"`` (``dmr ls`` lists them).
        temperature: float | None
            Sampling temperature; 0 gives the same answer each time.
        max_tokens: int | None
            Length of an answer at most.
        top_k, min_p, repeat_penalty:
            Further sampling parameters that OpenAI does not have.
        thinking: bool | None
            False asks a reasoning model to answer at once.

    Key init args — how the service shall run the model, for everybody who uses it until somebody says otherwise:
        context_size: int | None
            Tokens of prompt and answer together.
        keep_alive: str | int | None
            How long it stays loaded unused.
        runtime_flags, raw_runtime_flags, thinking_budget, speculative_draft_model, speculative_num_tokens,
        speculative_acceptance_rate, mode:
            Docker Model Runner's other settings; what the service does not honour it refuses with a sentence.
        auto_pull: bool
            Download the model before the first request if it is not there.

    Key init args — client params:
        base_url: str | None
            Where the service is. Not needed on the machine that runs it: without it ``DMR_BASE_URL``,
            ``MODEL_RUNNER_HOST`` and ``DOCKER_MODEL_RUNNER_API_BASE`` are read, and then the service's Unix
            socket, ``http://localhost:12434`` and, in a container, ``model-runner.docker.internal`` and
            ``host.docker.internal:12434`` are tried, when the first request is made. ``localhost:12434``,
            ``http://h/engines`` and ``http://h/engines/llama.cpp/v1`` are all understood; so is ``unix:///path``.
        socket_path: str | None
            Unix socket of the service. Read from ``DMR_SOCKET`` if not given.
        api_key: str | None
            Only needed for a service that asks for one. Read from ``DMR_API_KEY`` if not given.
        timeout: float | None
            Seconds without any answer after which to give up; by default 600, since a model may have to be loaded.
            A request that timed out is not sent again.
        max_retries: int | None
            When the service has too much to do, or is not ready; 4 by default.
        max_concurrency: int | "auto" | None
            Requests that ``batch`` sends at once; "auto" as many as the service computes at a time.
        validate_model_on_init: bool
            Ask at once whether the model is there; also fills ``profile``.

        No ``OPENAI_*`` variable is ever used, and proxy settings of the environment only with ``trust_env=True``.

    Instantiate:
        .. code-block:: python

            from dmr_langchain import ChatDMR

            model = ChatDMR(model="dmr.local/demo", temperature=0)

    Invoke:
        .. code-block:: python

            model.invoke("How do I turn on TCP access?").content

    Stream:
        .. code-block:: python

            for chunk in model.stream("How do I turn on TCP access?"):
                print(chunk.text, end="")

        The last chunks carry ``usage_metadata``.

    Async:
        .. code-block:: python

            await model.ainvoke("How do I turn on TCP access?")

    Tool calling:
        .. code-block:: python

            def add(a: int, b: int) -> int:
                "Add two integers."
                return a + b

            model.bind_tools([add]).invoke("What is 2 + 3?").tool_calls

        ``tool_choice`` ("any" or a tool's name) is enforced while the answer is generated.

    Structured output:
        .. code-block:: python

            from pydantic import BaseModel

            class Joke(BaseModel):
                setup: str
                punchline: str

            model.with_structured_output(Joke).invoke("Tell me a joke")

        The default method is ``"json_schema"``: the answer cannot but follow the schema.

    Reasoning:
        What a reasoning model thinks is in ``message.additional_kwargs["reasoning_content"]`` and, as a block of
        type ``"reasoning"``, in ``message.content_blocks``; it is not part of ``message.content``.

    Token usage and response metadata:
        .. code-block:: python

            message.usage_metadata      # {'input_tokens': 23, 'output_tokens': 31, ...}
            message.response_metadata   # {'finish_reason': 'stop', 'model_name': ..., 'timings': {...}}

        Tokens that were in the cache are in ``usage_metadata["input_token_details"]["cache_read"]``.

    Counting tokens:
        .. code-block:: python

            model.get_num_tokens("How do I turn on TCP access?")
            model.get_num_tokens_from_messages([HumanMessage("hi")])  # with the chat template

        The service counts, with the model's own tokenizer; nothing is downloaded.
    """

    model_name: str = Field(alias="model")
    openai_api_base: str | None = Field(alias="base_url", default=None)
    openai_api_key: SecretStr | None = Field(
        alias="api_key", default_factory=secret_from_env(API_KEY_VARIABLE, default=None)
    )
    openai_organization: str | None = Field(default=None, alias="organization")
    openai_proxy: str | None = None
    socket_path: str | None = Field(default=None, alias="uds")
    """Unix socket of the service; with it ``base_url`` is not looked at."""
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
    _prepared: set[str] = PrivateAttr(default_factory=set)
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
        self._places = find_places(self.openai_api_base, self.socket_path)
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

    # ---- requests ---------------------------------------------------------------------------

    @property
    def _default_params(self) -> dict[str, Any]:
        params = super()._default_params
        extra = {
            name: value for name in ("top_k", "min_p", "repeat_penalty") if (value := getattr(self, name)) is not None
        }
        if self.thinking is not None:
            extra["chat_template_kwargs"] = {"enable_thinking": self.thinking}
        if extra:
            params["extra_body"] = {**extra, **(self.extra_body or {})}
        return params

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        with self._prepare(kwargs):
            return super()._generate(messages, stop, run_manager, **kwargs)

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        """Unlike the parent's, without a thread for what takes microseconds."""
        async with self._aprepare(kwargs):
            payload = self._get_request_payload(messages, stop=stop, **kwargs)
            if "response_format" in payload:
                payload.pop("stream")
                raw = await self.root_async_client.chat.completions.with_raw_response.parse(**payload)
            else:
                raw = await self.async_client.with_raw_response.create(**payload)
            info = {"headers": dict(raw.headers)} if self.include_response_headers else {}
            return self._create_chat_result(raw.parse(), info)

    def _stream(self, *args: Any, **kwargs: Any) -> Iterator[ChatGenerationChunk]:
        with (
            self._prepare(kwargs),
            # Closing at once, also when the caller leaves half way, frees the model's slot.
            closing(super()._stream(*args, **kwargs)) as chunks,  # type: ignore[type-var]
        ):
            yield from chunks

    async def _astream(self, *args: Any, **kwargs: Any) -> AsyncIterator[ChatGenerationChunk]:
        async with (
            self._aprepare(kwargs),
            aclosing(super()._astream(*args, **kwargs)) as chunks,  # type: ignore[type-var]
        ):
            async for chunk in chunks:
                yield chunk

    @contextmanager
    def _prepare(self, kwargs: dict[str, Any]) -> Iterator[None]:
        """Before the first request with a model: get it and set it up, as far as that was asked for."""
        model = self._model_of(kwargs)
        with self._errors(model):
            if model not in self._prepared:
                if self.auto_pull:
                    self._pull_if_missing(model)
                if (wish := self._wish(model)) is not None:
                    configure(self.root_client, wish)
                self._prepared.add(model)
            yield

    @asynccontextmanager
    async def _aprepare(self, kwargs: dict[str, Any]) -> AsyncIterator[None]:
        model = self._model_of(kwargs)
        with self._errors(model):
            if model not in self._prepared:
                if self.auto_pull:
                    await self._apull_if_missing(model)
                if (wish := self._wish(model)) is not None:
                    await aconfigure(self.root_async_client, wish)
                self._prepared.add(model)
            yield

    @contextmanager
    def _errors(self, model: str) -> Iterator[None]:
        try:
            with helpful_errors(model, self._places):
                yield
        except (DMRModelNotFoundError, DMRConnectionError):
            # It may come back, and will then have forgotten what was set.
            self._prepared.discard(model)
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

    # ---- answers ----------------------------------------------------------------------------

    def _create_chat_result(
        self, response: dict[str, Any] | openai.BaseModel, generation_info: dict[str, Any] | None = None
    ) -> ChatResult:
        result = super()._create_chat_result(response, generation_info)
        return complete_result(result, response if isinstance(response, dict) else response.model_dump(warnings=False))

    def _convert_chunk_to_generation_chunk(
        self, chunk: dict[str, Any], default_chunk_class: type, base_generation_info: dict[str, Any] | None
    ) -> ChatGenerationChunk | None:
        generation = super()._convert_chunk_to_generation_chunk(chunk, default_chunk_class, base_generation_info)
        return complete_chunk(generation, chunk)

    def with_structured_output(
        self,
        schema: dict[str, Any] | type | None = None,
        *,
        method: Literal["function_calling", "json_mode", "json_schema"] = "json_schema",
        include_raw: bool = False,
        strict: bool | None = None,
        tools: list[Any] | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, dict[str, Any] | BaseModel]:
        """Answers in the form of ``schema``: a Pydantic class, a TypedDict or a JSON schema.

        Args:
            schema: The form of the answer.
            method: ``"json_schema"`` (default) constrains the whole answer, ``"function_calling"`` asks for a
                call of a tool of that form, ``"json_mode"`` for any JSON object.
            include_raw: Also give the message and a parsing error, instead of raising it.
            strict: Passed on with the schema.
            tools: Tools the model may call instead of answering, with ``"json_schema"`` only.
            **kwargs: Passed on to ``bind``.
        """
        if method == "json_schema" and isinstance(schema, type) and issubclass(schema, BaseModelV1):
            method = "function_calling"  # the only way that the parent has for Pydantic 1
        return super().with_structured_output(
            schema, method=method, include_raw=include_raw, strict=strict, tools=tools, **kwargs
        )

    # ---- several at once ---------------------------------------------------------------------

    def batch(self, inputs: list[Any], config: Any = None, **kwargs: Any) -> list[Any]:
        return super().batch(inputs, self._with_concurrency(config), **kwargs)

    async def abatch(self, inputs: list[Any], config: Any = None, **kwargs: Any) -> list[Any]:
        return await super().abatch(inputs, self._with_concurrency(config), **kwargs)

    def batch_as_completed(self, inputs: Sequence[Any], config: Any = None, **kwargs: Any) -> Iterator[Any]:
        return super().batch_as_completed(inputs, self._with_concurrency(config), **kwargs)

    def abatch_as_completed(self, inputs: Sequence[Any], config: Any = None, **kwargs: Any) -> AsyncIterator[Any]:
        return super().abatch_as_completed(inputs, self._with_concurrency(config), **kwargs)

    def _with_concurrency(
        self, config: RunnableConfig | Sequence[RunnableConfig] | None
    ) -> RunnableConfig | list[RunnableConfig] | None:
        """What the caller says goes first."""
        limit = DEFAULT_CONCURRENCY if self.max_concurrency == "auto" else self.max_concurrency
        if limit is None:
            return list(config) if isinstance(config, Sequence) else config
        if isinstance(config, Sequence):
            return [RunnableConfig(**{"max_concurrency": limit, **one}) for one in config]
        return RunnableConfig(**{"max_concurrency": limit, **(config or {})})

    # ---- counting tokens ---------------------------------------------------------------------

    def get_token_ids(self, text: str) -> list[int]:
        """By the model itself. Raises ``DMRError``; NotImplementedError with a service that cannot tell."""
        if self.custom_get_token_ids is not None:
            return self.custom_get_token_ids(text)
        answer = self._tokenize({"content": text})
        if answer is None:
            raise NotImplementedError("this service does not tell token ids: pass custom_get_token_ids= to count")
        return [int(token) for token in answer["tokens"]]

    def get_num_tokens(self, text: str) -> int:
        """By the model itself; with a service that cannot tell, an estimate (four characters a token)."""
        if self.custom_get_token_ids is not None:
            return len(self.custom_get_token_ids(text))
        answer = self._tokenize({"content": text})
        return math.ceil(len(text) / 4) if answer is None else len(answer["tokens"])

    def get_num_tokens_from_messages(
        self,
        messages: Sequence[BaseMessage],
        tools: Sequence[dict[str, Any] | type | Callable[..., Any] | BaseTool] | None = None,
        **kwargs: Any,
    ) -> int:
        """Of the whole prompt that the model's template makes; with a service that cannot tell, an estimate."""
        listed: list[Any] = list(tools) if tools else []
        payload = self._get_request_payload(list(messages))
        body: dict[str, Any] = {"messages": payload["messages"]}
        if kwargs_of_template := (payload.get("extra_body") or {}).get("chat_template_kwargs"):
            body["chat_template_kwargs"] = kwargs_of_template
        if listed:
            body["tools"] = [convert_to_openai_tool(tool) for tool in listed]
        answer = self._tokenize(body)
        if answer is None:
            return count_tokens_approximately(messages, tools=listed or None)
        return len(answer["tokens"])

    def _tokenize(self, body: dict[str, Any]) -> dict[str, Any] | None:
        with self._prepare({}):
            return tokenize(self.root_client, {"model": self.model_name, **body})

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


def init_dmr_model(model: str, **kwargs: Any) -> ChatDMR:
    """What ``init_chat_model`` would do, which takes no providers of others.

    Args:
        model: A model's name, with or without ``dmr:`` in front.
        **kwargs: Those of ``ChatDMR``.
    """
    return ChatDMR(model=model.removeprefix("dmr:"), **kwargs)


def _package_version() -> str:
    try:
        return version("dmr-desktop")
    except PackageNotFoundError:  # a source tree that was never installed
        return "0.0.0"
