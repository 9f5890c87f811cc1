"""``/completions``: raw prompts, OpenAI's older dialect."""

from dmr_desktop.dialects.exchange import NO_DEFAULTS, Defaults, Exchange, with_defaults
from dmr_desktop.dialects.fields import Fields, refuse, refuse_type
from dmr_desktop.dialects.openai_completions_answer import CompletionWriter, completion_collector
from dmr_desktop.dialects.openai_sampling import (
    MAX_TOP_LOGPROBS,
    read_include_usage,
    read_keep_alive,
    read_max_tokens,
    read_model,
    read_num_choices,
    read_sampling,
    read_stop,
)
from dmr_desktop.dialects.openai_usage import new_head
from dmr_desktop.dialects.response_formats import read_constraint
from dmr_desktop.protocol.generation import GenerationRequest, TextPrompt, TokenPrompt

MAX_PROMPTS = 16
MAX_TOKEN_ID = 2**31 - 1


def parse(data: object, defaults: Defaults = NO_DEFAULTS) -> Exchange:
    """Raises InvalidRequest."""
    body = Fields(with_defaults(data, defaults))
    model = read_model(body)
    prompts = _with_suffix(_read_prompts(body), body)
    # Nothing but the prompt is computed at 0, which is of use where its log-probabilities are wanted.
    sampling, max_tokens, stop = read_sampling(body), read_max_tokens(body, least=0), read_stop(body)
    num_choices = read_num_choices(body)
    _refuse_unsupported(body, num_choices)
    top_logprobs = body.integer("logprobs", 0, MAX_TOP_LOGPROBS)
    echo, ignore_eos = body.flag("echo"), body.flag("ignore_eos")
    response_format = read_constraint(body)
    include_usage = read_include_usage(body)
    head = new_head("cmpl", model)
    requests = tuple(
        GenerationRequest(
            prompt=prompt,
            sampling=sampling,
            max_tokens=max_tokens,
            stop=stop,
            num_choices=num_choices,
            top_logprobs=top_logprobs,
            response_format=response_format,
            ignore_eos=ignore_eos,
            echo=echo,
        )
        for prompt in prompts
    )
    total = len(requests) * num_choices
    return Exchange(
        model=model,
        requests=requests,
        stream=body.flag("stream"),
        writer=lambda: CompletionWriter(
            head, include_usage=include_usage, has_logprobs=top_logprobs is not None, has_echo=echo
        ),
        collector=lambda: completion_collector(head, total, has_logprobs=top_logprobs is not None, has_echo=echo),
        keep_alive_seconds=read_keep_alive(body),
    )


def _refuse_unsupported(body: Fields, num_choices: int) -> None:
    if (body.integer("best_of", 1, 2**31) or num_choices) != num_choices:
        body.refuse("best_of", "'best_of' must be equal to 'n'.")


def _with_suffix(prompts: list[TextPrompt | TokenPrompt], body: Fields) -> list[TextPrompt | TokenPrompt]:
    """The prompts as what stands before a gap, if it is said what stands behind it."""
    suffix = body.text("suffix")
    if not suffix:
        return prompts
    if body.flag("echo"):
        body.refuse("suffix", "'suffix' cannot be used with 'echo'.")
    found: list[TextPrompt | TokenPrompt] = []
    for prompt in prompts:
        if isinstance(prompt, TokenPrompt):
            body.refuse("suffix", "'suffix' needs a prompt of text, not of token ids.")
        found.append(TextPrompt(prompt.text, suffix))
    return found


def _read_prompts(body: Fields) -> list[TextPrompt | TokenPrompt]:
    """A text, several texts, one array of token ids, or several of them."""
    value = body.get("prompt")
    if value is None:
        body.missing("prompt")
    if isinstance(value, str):
        return [_text_prompt(value, "prompt")]
    if not isinstance(value, list):
        refuse_type(value, "a string or an array", "prompt")
    items = body.items("prompt", at_least=1) or []
    if _is_token(items[0]):
        return [TokenPrompt(read_tokens(items, "prompt"))]
    body.items("prompt", at_most=MAX_PROMPTS)
    return [_read_prompt(item, f"prompt[{index}]") for index, item in enumerate(items)]


def _read_prompt(item: object, where: str) -> TextPrompt | TokenPrompt:
    if isinstance(item, str):
        return _text_prompt(item, where)
    if not isinstance(item, list):
        refuse_type(item, "a string or an array of token ids", where)
    return TokenPrompt(read_tokens(item, where))


def _text_prompt(text: str, where: str) -> TextPrompt:
    if not text:
        refuse(f"Invalid '{where}': the prompt is empty.", where)
    return TextPrompt(text)


def _is_token(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def read_tokens(items: list[object], where: str) -> tuple[int, ...]:
    """Token ids; whether they are in the vocabulary, the runner checks."""
    if not items:
        refuse(f"Invalid '{where}': the array of token ids is empty.", where)
    tokens = []
    for index, item in enumerate(items):
        if not isinstance(item, int) or isinstance(item, bool):
            refuse_type(item, "an integer", f"{where}[{index}]")
        if not 0 <= item <= MAX_TOKEN_ID:
            refuse(f"Invalid '{where}[{index}]': {item} is not a token id.", f"{where}[{index}]")
        tokens.append(item)
    return tuple(tokens)
