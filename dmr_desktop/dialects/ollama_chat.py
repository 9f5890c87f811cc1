"""``/api/chat``: Ollama's chat. What it reads; :mod:`ollama_answer` writes."""

from dmr_desktop.dialects.exchange import NO_DEFAULTS, Defaults, Exchange
from dmr_desktop.dialects.fields import Fields
from dmr_desktop.dialects.ollama_exchange import read_exchange
from dmr_desktop.dialects.ollama_fields import read_template_kwargs
from dmr_desktop.dialects.ollama_messages import read_messages
from dmr_desktop.dialects.openai_tools import read_tools
from dmr_desktop.protocol.generation import ChatPrompt, Tool


def is_load(body: Fields) -> bool:
    """A request without messages loads the model, or unloads it with ``keep_alive`` 0."""
    return not body.items("messages")


def parse(data: object, defaults: Defaults = NO_DEFAULTS) -> Exchange:
    """Raises InvalidRequest."""
    body = Fields(data)
    prompt = ChatPrompt(
        messages=read_messages(body),
        tools=_read_tools(body),
        template_kwargs=read_template_kwargs(body, defaults),
    )
    return read_exchange(body, defaults, "chat", prompt)


def _read_tools(body: Fields) -> tuple[Tool, ...]:
    """OpenAI's form, but that ``type`` may be missing."""
    tools = [{"type": "function", **tool} if isinstance(tool, dict) else tool for tool in body.items("tools") or ()]
    return read_tools(Fields({"tools": tools}, body.where))
