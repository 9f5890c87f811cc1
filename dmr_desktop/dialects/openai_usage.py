"""What every OpenAI answer ends with (usage, timings) and begins with (id, creation time)."""

import secrets
import time
from dataclasses import dataclass

from dmr_desktop import __version__
from dmr_desktop.protocol.generation import Finished, FinishReason, Timings, TokenLogprob, Usage

FINGERPRINT = f"dmr-desktop-{__version__}"

FINISH_REASONS: dict[FinishReason, str] = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "cancelled": "stop",
}
"""OpenAI knows no cancellation by the server; whoever cancelled does not read it."""


@dataclass(frozen=True, slots=True)
class Head:
    """What stays the same in every piece of one answer. ``model`` is the name as the client wrote it."""

    id: str
    created: int
    model: str

    def object(self, kind: str) -> dict[str, object]:
        """The members that an answer of ``kind``, or each piece of it, begins with."""
        return {
            "id": self.id,
            "object": kind,
            "created": self.created,
            "model": self.model,
            "system_fingerprint": FINGERPRINT,
        }


def new_head(prefix: str, model: str) -> Head:
    return Head(f"{prefix}-{secrets.token_hex(12)}", int(time.time()), model)


def usage_object(usage: Usage) -> dict[str, object]:
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.total_tokens,
        "prompt_tokens_details": {"cached_tokens": usage.cached_tokens},
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
    }


def timings_object(usage: Usage, timings: Timings) -> dict[str, object]:
    """The member that llama.cpp's server adds, in its names: counts, milliseconds, tokens a second."""
    prompt_n = usage.prompt_tokens - usage.cached_tokens
    return {
        "cache_n": usage.cached_tokens,
        "queue_ms": round(timings.queue_ms, 3),
        "prompt_n": prompt_n,
        "prompt_ms": round(timings.prompt_ms, 3),
        "prompt_per_second": _rate(prompt_n, timings.prompt_ms),
        "predicted_n": usage.completion_tokens,
        "predicted_ms": round(timings.predicted_ms, 3),
        "predicted_per_second": _rate(usage.completion_tokens, timings.predicted_ms),
    }


def totals(finished: Finished) -> dict[str, object]:
    """The members that an answer ends with."""
    return {
        "usage": usage_object(finished.usage),
        "timings": timings_object(finished.usage, finished.timings),
    }


def _rate(count: int, milliseconds: float) -> float:
    return round(count * 1000 / milliseconds, 3) if milliseconds > 0 else 0.0


def logprob_objects(logprobs: tuple[TokenLogprob, ...]) -> list[dict[str, object]]:
    """Entries of ``choices[].logprobs.content``."""
    return [
        {
            "token": entry.token,
            "logprob": entry.logprob,
            "bytes": entry.token_bytes,
            "top_logprobs": [
                {"token": other.token, "logprob": other.logprob, "bytes": other.token_bytes} for other in entry.top
            ],
        }
        for entry in logprobs
    ]
