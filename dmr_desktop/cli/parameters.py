"""``/set parameter``: the members of a request that a chat may set, under the names that DMR and Ollama have. Pure."""

from dmr_desktop.protocol.errors import InvalidRequest
from dmr_desktop.protocol.json_types import JSON

_MEMBERS = {
    "temperature": ("temperature", float),
    "top_p": ("top_p", float),
    "top_k": ("top_k", int),
    "min_p": ("min_p", float),
    "repeat_penalty": ("repeat_penalty", float),
    "presence_penalty": ("presence_penalty", float),
    "frequency_penalty": ("frequency_penalty", float),
    "seed": ("seed", int),
    "max_tokens": ("max_tokens", int),
    "num_predict": ("max_tokens", int),
    "stop": ("stop", str),
}
CONTEXT_SIZE = "num_ctx"
MIN_CONTEXT_SIZE = 512
"""The service takes fewer tokens for a mistake, and uses the default."""
NAMES = (CONTEXT_SIZE, *_MEMBERS)


def parameter(name: str, text: str) -> tuple[str, JSON]:
    """The member of the request, and its value; whether it is in range is the service's to say.

    Raises InvalidRequest.
    """
    if name not in _MEMBERS:
        raise InvalidRequest(f"there is no parameter {name!r}", hint=f"they are {', '.join(NAMES)}")
    member, kind = _MEMBERS[name]
    try:
        return member, kind(text)
    except ValueError:
        raise InvalidRequest(f"{name} is a {'whole ' if kind is int else ''}number, not {text!r}") from None


def num_ctx(text: str) -> int:
    """Raises InvalidRequest."""
    if not text.isdecimal() or int(text) == 0:
        raise InvalidRequest(f"{CONTEXT_SIZE} is a number of tokens, not {text!r}")
    if int(text) < MIN_CONTEXT_SIZE:
        raise InvalidRequest(f"{CONTEXT_SIZE} is at least {MIN_CONTEXT_SIZE} tokens, not {text}")
    return int(text)
