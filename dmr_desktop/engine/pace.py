"""How much of a prompt one step may compute, learned from how long steps take on this machine.

While other sequences stream, a step must be short, or all of them stutter; but those that wait for their
first token count as much: the more of them there are for each that streams, the longer a step may be. Never
much more than a second, for a request to cancel or a newcomer waits so long.
"""

_STREAMING_SECONDS = 0.2
_ALONE_SECONDS = 1.0
_SMALLEST = 64
_FIRST_GUESS = 256
# Steps with fewer prompt tokens say more about the fixed cost of a step than about a prompt's.
_TELLING_TOKENS = 32
_WEIGHT = 0.3


class PrefillPace:
    """``n_ubatch`` is the most while others stream, ``n_batch`` the most in any case."""

    def __init__(self, *, n_batch: int, n_ubatch: int) -> None:
        self._n_batch = n_batch
        self._n_ubatch = min(n_ubatch, n_batch)
        self._seconds_per_token: float | None = None

    def prompt_tokens(self, *, streaming: int, prompts: int) -> int:
        """The number of prompt tokens to put into the next step, for that many sequences of either kind."""
        most = self._n_ubatch if streaming else self._n_batch
        if self._seconds_per_token is None:
            return min(_FIRST_GUESS, most)
        seconds = _ALONE_SECONDS
        if streaming:
            seconds = min(seconds, _STREAMING_SECONDS * max(1.0, prompts / streaming))
        return min(max(int(seconds / self._seconds_per_token), _SMALLEST), most)

    def seconds_for(self, tokens: int) -> float:
        """How long so many prompt tokens take, as far as is known."""
        return tokens * (self._seconds_per_token or 0.0)

    def observe(self, tokens: int, seconds: float) -> None:
        """A step that computed ``tokens`` prompt tokens took ``seconds``."""
        if tokens < _TELLING_TOKENS:
            return
        latest = max(seconds / tokens, 1e-7)
        known = self._seconds_per_token
        self._seconds_per_token = latest if known is None else known + _WEIGHT * (latest - known)
