"""``/api/chat``: Ollama's chat. What it reads; :mod:`ollama_answer` writes."""

from dmr_desktop.dialects.exchange import NO_DEFAULTS, Defaults, Exchange
from dmr_desktop.dialects.fields import Fields
from dmr_desktop.dialects.ollama_answer import LineWriter, ObjectCollector, new_head
from dmr_desktop.dialects.ollama_fields import (
    NDJSON,
    read_format,
    read_model,
    read_template_kwargs,
    read_top_logprobs,
)
from dmr_desktop.dialects.ollama_messages import read_messages
from dmr_desktop.dialects.ollama_options import read_options
from dmr_desktop.dialects.openai_sampling import read_keep_alive
from dmr_desktop.dialects.openai_tools import read_tools
from dmr_desktop.protocol.generation import ChatPrompt, GenerationRequest, Tool


def is_load(body: Fields) -> bool:
    """A request without messages loads the model, or unloads it with ``keep_alive`` 0."""
    return not body.items("messages")


def parse(data: object, defaults: Defaults = NO_DEFAULTS) -> Exchange:
    """Raises InvalidRequest."""
    body = Fields(data)
    options = read_options(body, defaults)
    request = GenerationRequest(
        prompt=ChatPrompt(
            messages=read_messages(body),
            tools=_read_tools(body),
            template_kwargs=read_template_kwargs(body, defaults),
        ),
        sampling=options.sampling,
        max_tokens=options.max_tokens,
        stop=options.stop,
        top_logprobs=read_top_logprobs(body),
        response_format=read_format(body),
        reasoning_budget=options.reasoning_budget,
    )
    model, has_logprobs = read_model(body), request.top_logprobs is not None
    head = new_head(model, "chat")
    return Exchange(
        model=model,
        requests=(request,),
        stream=body.flag("stream", default=True),
        writer=lambda: LineWriter(head, has_logprobs=has_logprobs),
        collector=lambda: ObjectCollector(head, has_logprobs=has_logprobs),
        media_type=NDJSON,
        keep_alive_seconds=read_keep_alive(body),
    )


def _read_tools(body: Fields) -> tuple[Tool, ...]:
    """OpenAI's form, but that ``type`` may be missing."""
    tools = [{"type": "function", **tool} if isinstance(tool, dict) else tool for tool in body.items("tools") or ()]
    return read_tools(Fields({"tools": tools}, body.where))
