"""``/completions``, the answer: a stream of pieces, or one object of the same events."""

import codecs
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
from dmr_desktop.protocol.wire import LOWEST_LOGPROB

KIND = "text_completion"
_new_decoder = codecs.getincrementaldecoder("utf-8")


class CompletionWriter:
    """Pieces of ``text_completion``. A raw prompt has no roles, so reasoning is text like any other."""

    __slots__ = ("_before", "_has_echo", "_has_logprobs", "_head", "_include_usage", "_lengths")

    def __init__(self, head: Head, *, include_usage: bool, has_logprobs: bool, has_echo: bool = False) -> None:
        self._has_echo = has_echo
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
        return orjson.dumps(_logprobs_object(logprobs, offset, has_echo=self._has_echo))

    def _usage(self, finished: Finished) -> bytes:
        return data_frame({**self._head, "choices": [], **totals(finished)})


def completion_collector(
    head: Head, num_choices: int, *, has_logprobs: bool, has_echo: bool = False
) -> ChoicesCollector:
    """One ``text_completion``."""
    choice = partial(_choice, has_logprobs=has_logprobs, has_echo=has_echo)
    return ChoicesCollector(KIND, choice, head, num_choices)


def _choice(choice: GatheredChoice, *, has_logprobs: bool, has_echo: bool) -> dict[str, object]:
    return {
        "text": choice.reasoning + choice.text,
        "logprobs": _logprobs_object(tuple(choice.logprobs), 0, has_echo=has_echo) if has_logprobs else None,
        "finish_reason": FINISH_REASONS[choice.finish_reason],
    }


def _logprobs_object(logprobs: tuple[TokenLogprob, ...], offset: int, *, has_echo: bool) -> dict[str, object]:
    """The older form: parallel arrays; ``text_offset`` counts characters of the choice's text.

    With ``has_echo`` the first token of all may be the prompt's first, whose probability nobody knows.
    """
    offsets = []
    decoder = _new_decoder("replace")
    for entry in logprobs:
        offsets.append(offset)
        # A character may span several tokens.
        offset += len(decoder.decode(bytes(entry.token_bytes)))
    values: list[float | None] = [entry.logprob for entry in logprobs]
    tops: list[dict[str, float] | None] = [
        {**{other.token: other.logprob for other in entry.top}, entry.token: entry.logprob} for entry in logprobs
    ]
    if has_echo and offsets[:1] == [0] and logprobs[0].logprob == LOWEST_LOGPROB and not logprobs[0].top:
        values[0] = tops[0] = None
    return {
        "tokens": [entry.token for entry in logprobs],
        "token_logprobs": values,
        "top_logprobs": tops,
        "text_offset": offsets,
    }
