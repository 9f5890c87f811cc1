"""The parameters that chat and text completions share: sampling, limits, stop strings, streaming.

Ranges are OpenAI's for OpenAI's fields; the llama.cpp fields that Docker Model Runner passes on
(``top_k``, ``min_p``, ``repeat_penalty``, ...) have llama.cpp's. A parameter that is absent gets what
Docker Model Runner's users get today, llama.cpp's server defaults, not OpenAI's: small models need them.
"""

from dmr_desktop.dialects.durations import parse_duration
from dmr_desktop.dialects.fields import Fields
from dmr_desktop.protocol.generation import SamplingParams

MAX_TOKENS_LIMIT = 2**31
MAX_CHOICES = 8
MAX_STOPS = 16
MAX_STOP_CHARS = 256
MAX_LOGIT_BIAS = 300
MAX_TOP_LOGPROBS = 20

DEFAULT_TEMPERATURE = 0.8
DEFAULT_TOP_P = 0.95
DEFAULT_TOP_K = 40
DEFAULT_MIN_P = 0.05


def read_sampling(body: Fields) -> SamplingParams:
    temperature = body.number("temperature", 0, 2)
    top_p = body.number("top_p", 0, 1)
    top_k = body.integer("top_k", -1, 2**31 - 1)
    min_p = body.number("min_p", 0, 1)
    return SamplingParams(
        temperature=DEFAULT_TEMPERATURE if temperature is None else temperature,
        top_p=DEFAULT_TOP_P if top_p is None else top_p,
        top_k=DEFAULT_TOP_K if top_k is None else max(top_k, 0),
        min_p=DEFAULT_MIN_P if min_p is None else min_p,
        repeat_penalty=_or(_repeat_penalty(body), 1.0),
        repeat_last_n=int(_or(body.integer("repeat_last_n", -1, 2**31 - 1), 64)),
        presence_penalty=_or(body.number("presence_penalty", -2, 2), 0.0),
        frequency_penalty=_or(body.number("frequency_penalty", -2, 2), 0.0),
        logit_bias=_logit_bias(body),
        seed=_seed(body),
    )


def _or(value: float | None, default: float) -> float:
    return default if value is None else value


def _repeat_penalty(body: Fields) -> float | None:
    """llama.cpp's name, and the one that vLLM and Hugging Face use for the same thing."""
    value = body.number("repeat_penalty", 0, 100)
    return body.number("repetition_penalty", 0, 100) if value is None else value


def _seed(body: Fields) -> int | None:
    """Any 64-bit integer, folded to the engine's 32 bits; -1 asks for a random one, as in llama.cpp."""
    seed = body.integer("seed", -(2**63), 2**63 - 1)
    return None if seed is None or seed == -1 else seed % 2**32


def _logit_bias(body: Fields) -> dict[int, float]:
    given = body.mapping("logit_bias") or {}
    if len(given) > MAX_LOGIT_BIAS:
        body.refuse("logit_bias", f"Invalid 'logit_bias': at most {MAX_LOGIT_BIAS} entries, but got {len(given)}.")
    entries = Fields(given, body.path("logit_bias"))
    bias = {}
    for key in given:
        if not (key.isascii() and key.isdigit() and len(key) <= 9):
            body.refuse("logit_bias", f"Invalid key in 'logit_bias': {key[:40]!r} is not a token id.")
        value = entries.number(key, -100, 100)
        if value is not None:
            bias[int(key)] = value
    return bias


def read_max_tokens(body: Fields, least: int = 1) -> int | None:
    """``max_completion_tokens``, or its older name."""
    older = body.integer("max_tokens", least, MAX_TOKENS_LIMIT)
    newer = body.integer("max_completion_tokens", least, MAX_TOKENS_LIMIT)
    if older is not None and newer is not None and older != newer:
        body.refuse("max_tokens", "Set either 'max_completion_tokens' or 'max_tokens', not both with different values.")
    return older if newer is None else newer


def read_stop(body: Fields, name: str = "stop") -> tuple[str, ...]:
    value = body.get(name)
    if value is None:
        return ()
    if isinstance(value, str):
        body = Fields({name: [value]}, body.where)
    stops = []
    for index, item in enumerate(body.items(name, at_most=MAX_STOPS) or []):
        entry = f"{name}[{index}]"
        if not isinstance(item, str):
            body.refuse(entry, f"Invalid type for '{body.path(entry)}': expected a string.")
        if not item or len(item) > MAX_STOP_CHARS:
            body.refuse(entry, f"Invalid '{body.path(entry)}': a stop string has 1 to {MAX_STOP_CHARS} characters.")
        stops.append(item)
    return tuple(stops)


def read_num_choices(body: Fields) -> int:
    return body.integer("n", 1, MAX_CHOICES) or 1


def read_include_usage(body: Fields) -> bool:
    options = body.inner("stream_options")
    return options.flag("include_usage") if options is not None else False


def read_model(body: Fields) -> str:
    """The model's name as the client wrote it. The sentences are Docker Model Runner's."""
    value = body.get("model")
    if value is not None and not isinstance(value, str):
        body.refuse("model", "invalid request: model must be a string")
    if not value:
        body.refuse("model", "model is required")
    return value


def read_keep_alive(body: Fields) -> float | None:
    """Seconds, or a duration such as ``"10m"`` (Ollama's field, accepted here too). Negative: for ever."""
    value = body.get("keep_alive")
    if isinstance(value, str):
        try:
            return parse_duration(value)
        except ValueError:
            body.refuse("keep_alive", f"Invalid 'keep_alive': {value[:40]!r} is not a duration such as '10m' or '-1'.")
    return body.number("keep_alive", -(10**9), 10**9)
