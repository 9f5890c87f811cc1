"""``/completions``, the answer: a stream of pieces, or one object of the same events."""

from collections.abc import Sequence
from functools import partial

import orjson

from dmr_desktop.dialects.frames import DONE, data_frame
from dmr_desktop.dialects.gathered import GatheredChoice
from dmr_desktop.dialects.openai_choices import ChoicesCollector
from dmr_desktop.dialects.openai_errors import error_frame
from dmr_desktop.dialects.openai_usage import FINISH_REASONS, Head, totals
from dmr_desktop.protocol.generation import (
    ChoiceFinished,
    Event,
    Failed,
    Finished,
    ReasoningDelta,
    TextDelta,
    TokenLogprob,
)

KIND = "text_completion"


class CompletionWriter:
    """Pieces of ``text_completion``. A raw prompt has no roles, so reasoning is text like any other."""

    __slots__ = ("_before", "_has_logprobs", "_head", "_include_usage", "_lengths")

    def __init__(self, head: Head, *, include_usage: bool, has_logprobs: bool) -> None:
        self._head = head.object(KIND)
        self._before = b"data: " + orjson.dumps(self._head)[:-1] + b',"choices":[{"index":'
        self._include_usage = include_usage
        self._has_logprobs = has_logprobs
        self._lengths: dict[int, int] = {}

    def write(self, events: Sequence[Event]) -> bytes:
        frames: list[bytes] = []
        for event in events:
            match event:
                case TextDelta(text, choice, logprobs):
                    frames.append(self._piece(choice, text, self._logprobs(choice, text, logprobs)))
                case ReasoningDelta(text, choice):
                    frames.append(self._piece(choice, text, self._logprobs(choice, text, ())))
                case ChoiceFinished(reason, choice):
                    frames.append(self._piece(choice, "", b"null", f'"{FINISH_REASONS[reason]}"'.encode()))
                case Finished():
                    if self._include_usage:
                        frames.append(self._usage(event))
                    frames.append(DONE)
                case Failed(error):
                    frames.append(error_frame(error))
        return b"".join(frames)

    def _piece(self, choice: int, text: str, logprobs: bytes, finish_reason: bytes = b"null") -> bytes:
        return b'%b%d,"text":%b,"logprobs":%b,"finish_reason":%b}]}\n\n' % (
            self._before,
            choice,
            orjson.dumps(text),
            logprobs,
            finish_reason,
        )

    def _logprobs(self, choice: int, text: str, logprobs: tuple[TokenLogprob, ...]) -> bytes:
        if not self._has_logprobs:
            return b"null"
        offset = self._lengths.get(choice, 0)
        self._lengths[choice] = offset + len(text)
        return orjson.dumps(_logprobs_object(logprobs, offset))

    def _usage(self, finished: Finished) -> bytes:
        return data_frame({**self._head, "choices": [], **totals(finished)})


def completion_collector(head: Head, num_choices: int, *, has_logprobs: bool) -> ChoicesCollector:
    """One ``text_completion``."""
    return ChoicesCollector(KIND, partial(_choice, has_logprobs=has_logprobs), head, num_choices)


def _choice(choice: GatheredChoice, *, has_logprobs: bool) -> dict[str, object]:
    return {
        "text": choice.reasoning + choice.text,
        "logprobs": _logprobs_object(tuple(choice.logprobs), 0) if has_logprobs else None,
        "finish_reason": FINISH_REASONS[choice.finish_reason],
    }


def _logprobs_object(logprobs: tuple[TokenLogprob, ...], offset: int) -> dict[str, object]:
    """The older form: parallel arrays; ``text_offset`` counts characters of the choice's text."""
    offsets = []
    for entry in logprobs:
        offsets.append(offset)
        offset += len(entry.token)
    return {
        "tokens": [entry.token for entry in logprobs],
        "token_logprobs": [entry.logprob for entry in logprobs],
        "top_logprobs": [{other.token: other.logprob for other in entry.top} for entry in logprobs],
        "text_offset": offsets,
    }
