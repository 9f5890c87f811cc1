"""``ChatDMR``: chat models served by DMR Desktop (or Docker Model Runner) for LangChain."""

from __future__ import annotations

import copy
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import aclosing, closing
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Literal, Self

import openai
from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import LangSmithParams, LanguageModelInput, ModelProfile
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.messages.utils import count_tokens_approximately
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable
from langchain_core.tools import BaseTool
from langchain_core.utils import secret_from_env
from langchain_openai.chat_models.base import BaseChatOpenAI
from pydantic import BaseModel, Field, PrivateAttr, SecretStr, model_validator
from pydantic.v1 import BaseModel as BaseModelV1

from dmr_langchain._address import Place, find_places
from dmr_langchain._sdk import aconfigure, configure, make_sdk_clients
from dmr_langchain.errors import helpful_errors

API_KEY_VARIABLE = "DMR_API_KEY"
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
        context_size, keep_alive:
            How the service shall run the model: for everybody who uses it, until somebody says otherwise.
        thinking: bool | None
            False asks a reasoning model to answer at once.

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

        No ``OPENAI_*`` variable and no proxy setting of the environment is ever used.

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
    """

    model_name: str = Field(alias="model")
    openai_api_base: str | None = Field(alias="base_url", default=None)
    openai_api_key: SecretStr | None = Field(
        alias="api_key", default_factory=secret_from_env(API_KEY_VARIABLE, default=None)
    )
    openai_organization: str | None = Field(default=None, alias="organization")
    openai_proxy: str | None = None
    socket_path: str | None = None
    """Unix socket of the service; with it ``base_url`` is not looked at."""
    request_timeout: float | tuple[float, float] | Any | None = Field(default=None, alias="timeout")
    max_retries: int | None = 2
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

    context_size: int | None = Field(default=None, ge=1)
    """Tokens the model shall be able to hold, prompt and answer. Set in the service before the first request."""
    keep_alive: str | None = None
    """How long the model stays loaded when nobody uses it: ``"10m"``, ``"0"``, ``"-1"`` for ever. Set likewise."""

    _places: tuple[Place, ...] = PrivateAttr(default=())
    _configured: set[str] = PrivateAttr(default_factory=set)

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
        self._places = find_places(self.openai_api_base, self.socket_path)
        if self.openai_api_base is not None:
            self.openai_api_base = self._places[0].base_url
        self._connect()
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
        return ModelProfile(
            text_inputs=True, text_outputs=True, tool_calling=True, tool_choice=True, structured_output=True
        )

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
        with helpful_errors(self._model_of(kwargs), self._places):
            for model, wish in self._wishes(kwargs):
                configure(self.root_client, wish)
                self._configured.add(model)
            return super()._generate(messages, stop, run_manager, **kwargs)

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        with helpful_errors(self._model_of(kwargs), self._places):
            for model, wish in self._wishes(kwargs):
                await aconfigure(self.root_async_client, wish)
                self._configured.add(model)
            return await super()._agenerate(messages, stop, run_manager, **kwargs)

    def _stream(self, *args: Any, **kwargs: Any) -> Iterator[ChatGenerationChunk]:
        with helpful_errors(self._model_of(kwargs), self._places):
            for model, wish in self._wishes(kwargs):
                configure(self.root_client, wish)
                self._configured.add(model)
            # Closing at once, also when the caller leaves half way, frees the model's slot.
            with closing(super()._stream(*args, **kwargs)) as chunks:  # type: ignore[type-var]
                yield from chunks

    async def _astream(self, *args: Any, **kwargs: Any) -> AsyncIterator[ChatGenerationChunk]:
        with helpful_errors(self._model_of(kwargs), self._places):
            for model, wish in self._wishes(kwargs):
                await aconfigure(self.root_async_client, wish)
                self._configured.add(model)
            async with aclosing(super()._astream(*args, **kwargs)) as chunks:  # type: ignore[type-var]
                async for chunk in chunks:
                    yield chunk

    def _wishes(self, kwargs: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
        """What has to be configured before this request: nothing, or this model."""
        model = self._model_of(kwargs)
        wish: dict[str, Any] = {}
        if self.context_size is not None:
            wish["context-size"] = self.context_size
        if self.keep_alive is not None:
            wish["keep_alive"] = self.keep_alive
        return (
            [(model, {"model": model, "mode": "completion", **wish})] if wish and model not in self._configured else []
        )

    def _model_of(self, kwargs: dict[str, Any]) -> str:
        return str(kwargs.get("model") or self.model_name)

    # ---- answers ----------------------------------------------------------------------------

    def _create_chat_result(
        self, response: dict[str, Any] | openai.BaseModel, generation_info: dict[str, Any] | None = None
    ) -> ChatResult:
        result = super()._create_chat_result(response, generation_info)
        answer = response if isinstance(response, dict) else response.model_dump(warnings=False)
        if result.llm_output is not None:
            result.llm_output["model_provider"] = "dmr"
        for generation, choice in zip(result.generations, answer["choices"], strict=True):
            message = generation.message
            message.response_metadata["model_provider"] = "dmr"
            if timings := answer.get("timings"):
                message.response_metadata["timings"] = timings
            if isinstance(message, AIMessage) and (reasoning := choice["message"].get("reasoning_content")):
                message.additional_kwargs["reasoning_content"] = reasoning
        return result

    def _convert_chunk_to_generation_chunk(
        self, chunk: dict[str, Any], default_chunk_class: type, base_generation_info: dict[str, Any] | None
    ) -> ChatGenerationChunk | None:
        generation = super()._convert_chunk_to_generation_chunk(chunk, default_chunk_class, base_generation_info)
        if generation is None or not isinstance(generation.message, AIMessageChunk):
            return generation
        message = generation.message
        message.response_metadata["model_provider"] = "dmr"
        # Timings come once, with the last chunk; merging two would add them up.
        if timings := chunk.get("timings"):
            message.response_metadata["timings"] = timings
        choices = chunk.get("choices") or (chunk.get("chunk") or {}).get("choices") or [{}]
        if reasoning := (choices[0].get("delta") or {}).get("reasoning_content"):
            message.additional_kwargs["reasoning_content"] = reasoning
        return generation

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

    # ---- counting tokens ---------------------------------------------------------------------

    def get_num_tokens(self, text: str) -> int:
        """An estimate (four characters a token), made without the network; the parent's downloads OpenAI's tables."""
        if self.custom_get_token_ids is not None:
            return len(self.custom_get_token_ids(text))
        return -(-len(text) // 4)

    def get_token_ids(self, text: str) -> list[int]:
        if self.custom_get_token_ids is not None:
            return self.custom_get_token_ids(text)
        raise NotImplementedError("the API does not tell token ids: pass custom_get_token_ids= to count by your own")

    def get_num_tokens_from_messages(
        self,
        messages: Sequence[BaseMessage],
        tools: Sequence[dict[str, Any] | type | Callable[..., Any] | BaseTool] | None = None,
        **kwargs: Any,
    ) -> int:
        """An estimate, made without the network. The true figure is in the answer's ``usage_metadata``."""
        counted: list[Any] = list(tools) if tools else []
        return count_tokens_approximately(messages, tools=counted or None)

    # ---- copies -----------------------------------------------------------------------------

    def __getstate__(self) -> dict[Any, Any]:
        """Clients hold locks and sockets: a copy or an unpickled model makes its own."""
        state = super().__getstate__()
        return {**state, "__dict__": {k: v for k, v in state["__dict__"].items() if k not in _CLIENT_FIELDS}}

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
