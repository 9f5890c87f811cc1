"""What the service's answers say beyond OpenAI's: reasoning and timings, put where LangChain looks for them."""

from collections.abc import Mapping
from typing import Any

from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.outputs import ChatGenerationChunk, ChatResult

PROVIDER = "dmr"
"""Not "openai": LangChain's translator of that name drops reasoning."""


def reasoning_of(message: AIMessage) -> str:
    """What the model thought, "" if that is not known."""
    blocks = (block.get("reasoning") for block in message.content_blocks if block["type"] == "reasoning")
    return "".join(text for text in blocks if isinstance(text, str))


def complete_result(result: ChatResult, answer: Mapping[str, Any]) -> ChatResult:
    if result.llm_output is not None:
        result.llm_output["model_provider"] = PROVIDER
    for generation, choice in zip(result.generations, answer["choices"], strict=True):
        message = generation.message
        message.response_metadata["model_provider"] = PROVIDER
        if timings := answer.get("timings"):
            message.response_metadata["timings"] = timings
        if isinstance(message, AIMessage) and (reasoning := choice["message"].get("reasoning_content")):
            message.additional_kwargs["reasoning_content"] = reasoning
    return result


def complete_chunk(generation: ChatGenerationChunk | None, chunk: Mapping[str, Any]) -> ChatGenerationChunk | None:
    if generation is None or not isinstance(generation.message, AIMessageChunk):
        return generation
    message = generation.message
    message.response_metadata["model_provider"] = PROVIDER
    # Timings come once, with the last chunk; merging two would add them up.
    if timings := chunk.get("timings"):
        message.response_metadata["timings"] = timings
    choices = chunk.get("choices") or (chunk.get("chunk") or {}).get("choices") or [{}]
    if reasoning := (choices[0].get("delta") or {}).get("reasoning_content"):
        message.additional_kwargs["reasoning_content"] = reasoning
    return generation
