"""What ``/api/chat`` and ``/api/generate`` have in common: everything but their prompts."""

from dmr_desktop.dialects.exchange import Defaults, Exchange
from dmr_desktop.dialects.fields import Fields
from dmr_desktop.dialects.ollama_answer import LineWriter, ObjectCollector, Shape, new_head
from dmr_desktop.dialects.ollama_fields import NDJSON, read_format, read_model, read_top_logprobs
from dmr_desktop.dialects.ollama_options import read_options
from dmr_desktop.dialects.openai_sampling import read_keep_alive
from dmr_desktop.protocol.generation import GenerationRequest, Prompt


def read_exchange(body: Fields, defaults: Defaults, shape: Shape, prompt: Prompt) -> Exchange:
    """The rest of a body whose prompt has been read. Raises InvalidRequest."""
    options = read_options(body, defaults)
    request = GenerationRequest(
        prompt=prompt,
        sampling=options.sampling,
        max_tokens=options.max_tokens,
        stop=options.stop,
        top_logprobs=read_top_logprobs(body),
        response_format=read_format(body),
        reasoning_budget=options.reasoning_budget,
    )
    model, has_logprobs = read_model(body), request.top_logprobs is not None
    head = new_head(model, shape)
    return Exchange(
        model=model,
        requests=(request,),
        stream=body.flag("stream", default=True),
        writer=lambda: LineWriter(head, has_logprobs=has_logprobs),
        collector=lambda: ObjectCollector(head, has_logprobs=has_logprobs),
        media_type=NDJSON,
        keep_alive_seconds=read_keep_alive(body),
    )
