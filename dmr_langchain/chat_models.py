"""``ChatDMR``: chat models served by DMR Desktop (or Docker Model Runner) for LangChain."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import aclosing, closing
from typing import Any, Literal

import openai
from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import LanguageModelInput
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.messages.utils import count_tokens_approximately
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable, RunnableConfig
from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import BaseModel
from pydantic.v1 import BaseModel as BaseModelV1

from dmr_langchain._answers import complete_chunk, complete_result, reasoning_of
from dmr_langchain._chat_base import ChatBase
from dmr_langchain._sdk import tokenize

DEFAULT_CONCURRENCY = 8
"""Requests that the service computes at a time, unless it was told otherwise."""


class ChatDMR(ChatBase):
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
        type ``"reasoning"``, in ``message.content_blocks``; it is not part of ``message.content``. Given back in the
        history, as agents do, it reaches the model again where the model's template wants it.

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

    def _get_request_payload(
        self, input_: LanguageModelInput, *, stop: list[str] | None = None, **kwargs: Any
    ) -> dict[str, Any]:
        """With what the model thought before it called a tool, which the parent leaves out: templates that show it
        to the model look for it, the others ignore it."""
        payload: dict[str, Any] = super()._get_request_payload(input_, stop=stop, **kwargs)
        messages = self._convert_input(input_).to_messages()
        for message, entry in zip(messages, payload.get("messages", ()), strict=False):
            if isinstance(message, AIMessage) and (reasoning := reasoning_of(message)):
                entry["reasoning_content"] = reasoning
        return payload

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


def init_dmr_model(model: str, **kwargs: Any) -> ChatDMR:
    """What ``init_chat_model`` would do, which takes no providers of others.

    Args:
        model: A model's name, with or without ``dmr:`` in front.
        **kwargs: Those of ``ChatDMR``.
    """
    return ChatDMR(model=model.removeprefix("dmr:"), **kwargs)
