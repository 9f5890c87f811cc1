"""``/api/generate``: one prompt, put into the model's chat template unless ``raw`` or with a ``suffix``."""

from dmr_desktop.dialects.exchange import NO_DEFAULTS, Defaults, Exchange
from dmr_desktop.dialects.fields import Fields
from dmr_desktop.dialects.ollama_exchange import read_exchange
from dmr_desktop.dialects.ollama_fields import read_images, read_template_kwargs
from dmr_desktop.protocol.generation import ChatPrompt, Message, Prompt, TextPart, TextPrompt

_NOT_SUPPORTED = {
    "template": "'template' is not supported: a prompt goes through the model's own chat template; "
    'to format it yourself, send it with "raw": true.',
}
_NOT_RAW = ("system", "images")


def is_load(body: Fields) -> bool:
    """A request without a prompt loads the model, or unloads it with ``keep_alive`` 0."""
    return not body.text("prompt")


def parse(data: object, defaults: Defaults = NO_DEFAULTS) -> Exchange:
    """Raises InvalidRequest. ``context`` (an older answer's tokens) is accepted and has no effect."""
    body = Fields(data)
    for name, sentence in _NOT_SUPPORTED.items():
        if body.text(name):
            body.refuse(name, sentence)
    return read_exchange(body, defaults, "generate", _read_prompt(body, defaults))


def _read_prompt(body: Fields, defaults: Defaults) -> Prompt:
    text, suffix = body.required_text("prompt"), body.text("suffix")
    if suffix:
        # As with Ollama's templates: between two texts there is no place for a system message.
        if body.get("images"):
            body.refuse("images", "'images' cannot be used with a suffix.")
        return TextPrompt(text, suffix)
    if body.flag("raw"):
        for name in _NOT_RAW:
            if body.get(name):
                body.refuse(name, f"'{name}' cannot be used with a raw prompt.")
        return TextPrompt(text)
    system = body.text("system")
    user = Message("user", (*read_images(body), TextPart(text)))
    messages = (Message("system", (TextPart(system),)), user) if system else (user,)
    return ChatPrompt(messages, template_kwargs=read_template_kwargs(body, defaults))
