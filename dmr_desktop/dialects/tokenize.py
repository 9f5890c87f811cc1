"""``/tokenize``: the token ids of a text or of messages, in the forms of llama.cpp's server and of vLLM."""

from collections.abc import Sequence
from dataclasses import dataclass

import orjson

from dmr_desktop.dialects.fields import Fields
from dmr_desktop.dialects.openai_chat import read_template_kwargs
from dmr_desktop.dialects.openai_messages import read_messages
from dmr_desktop.dialects.openai_sampling import read_keep_alive, read_model
from dmr_desktop.dialects.openai_tools import read_tools
from dmr_desktop.protocol.generation import ChatPrompt, TextPrompt
from dmr_desktop.protocol.runners import Mode

_AT_ONCE = 32_000


@dataclass(frozen=True, slots=True)
class TokenizeExchange:
    """One parsed request. ``add_special``: with what the model wants around a text; a chat has it always.

    ``mode`` says which of the model's runners is asked; they may differ in their context.
    """

    model: str
    prompt: TextPrompt | ChatPrompt
    add_special: bool
    mode: Mode
    keep_alive_seconds: float | None


def parse(data: object) -> TokenizeExchange:
    """Raises InvalidRequest."""
    body = Fields(data)
    model = read_model(body)
    prompt: TextPrompt | ChatPrompt
    if "messages" in body:
        prompt = ChatPrompt(
            read_messages(body),
            tools=read_tools(body),
            template_kwargs=read_template_kwargs(body, body, "reasoning_effort"),
        )
        add_special = True
    elif "prompt" in body:  # vLLM's spelling, and vLLM's default
        prompt, add_special = TextPrompt(body.required_text("prompt")), body.flag("add_special_tokens", default=True)
    else:
        prompt, add_special = TextPrompt(body.required_text("content")), body.flag("add_special")
    mode = Mode(body.choice("mode", tuple(Mode)) or Mode.COMPLETION)
    return TokenizeExchange(model, prompt, add_special, mode, read_keep_alive(body))


def without_special(tokens: Sequence[int], around_nothing: Sequence[int]) -> list[int]:
    """``tokens`` of a text without those that a model puts around any text, even ``around_nothing``."""
    for split in range(len(around_nothing), -1, -1):
        front, back = list(around_nothing[:split]), list(around_nothing[split:])
        end = len(tokens) - len(back)
        if end >= split and list(tokens[:split]) == front and list(tokens[end:]) == back:
            return list(tokens[split:end])
    return list(tokens)


def render(tokens: Sequence[int], context_size: int) -> bytes:
    """Many tokens piece by piece: one long call would hold the interpreter, also from another thread."""
    pieces = (orjson.dumps(tokens[start : start + _AT_ONCE])[1:-1] for start in range(0, len(tokens), _AT_ONCE))
    rest = orjson.dumps({"count": len(tokens), "max_model_len": context_size})
    return b'{"tokens":[' + b",".join(pieces) + b"]," + rest[1:]
