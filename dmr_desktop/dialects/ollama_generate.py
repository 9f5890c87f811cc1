"""``/api/generate``: one prompt, put into the model's chat template unless ``raw``."""

from dmr_desktop.dialects.exchange import NO_DEFAULTS, Defaults, Exchange
from dmr_desktop.dialects.fields import Fields
from dmr_desktop.dialects.ollama_answer import LineWriter, ObjectCollector, new_head
from dmr_desktop.dialects.ollama_fields import (
    NDJSON,
    read_format,
    read_images,
    read_model,
    read_template_kwargs,
    read_top_logprobs,
)
from dmr_desktop.dialects.ollama_options import read_options
from dmr_desktop.dialects.openai_sampling import read_keep_alive
from dmr_desktop.protocol.generation import ChatPrompt, GenerationRequest, Message, Prompt, TextPart, TextPrompt

_NOT_SUPPORTED = {
    "suffix": "'suffix' is not supported: this program does not fill in the middle of a text.",
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
    options = read_options(body, defaults)
    request = GenerationRequest(
        prompt=_read_prompt(body, defaults),
        sampling=options.sampling,
        max_tokens=options.max_tokens,
        stop=options.stop,
        top_logprobs=read_top_logprobs(body),
        response_format=read_format(body),
        reasoning_budget=options.reasoning_budget,
    )
    model, has_logprobs = read_model(body), request.top_logprobs is not None
    head = new_head(model, "generate")
    return Exchange(
        model=model,
        requests=(request,),
        stream=body.flag("stream", default=True),
        writer=lambda: LineWriter(head, has_logprobs=has_logprobs),
        collector=lambda: ObjectCollector(head, has_logprobs=has_logprobs),
        media_type=NDJSON,
        keep_alive_seconds=read_keep_alive(body),
    )


def _read_prompt(body: Fields, defaults: Defaults) -> Prompt:
    text = body.required_text("prompt")
    if body.flag("raw"):
        for name in _NOT_RAW:
            if body.get(name):
                body.refuse(name, f"'{name}' cannot be used with a raw prompt.")
        return TextPrompt(text)
    system = body.text("system")
    user = Message("user", (*read_images(body), TextPart(text)))
    messages = (Message("system", (TextPart(system),)), user) if system else (user,)
    return ChatPrompt(messages, template_kwargs=read_template_kwargs(body, defaults))
