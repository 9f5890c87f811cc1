"""One conversation with a model: the turns so far, and the answer that is being streamed.

Speaks to the service as any client does. Knows no widgets.
"""

import json
from dataclasses import dataclass, field, replace
from typing import Literal

from PySide6.QtCore import QElapsedTimer, QObject, Signal
from PySide6.QtNetwork import QNetworkReply

from dmr_desktop.desktop.problems import joined, problem_from_reply
from dmr_desktop.desktop.quantities import format_number
from dmr_desktop.desktop.service_words import in_own_words
from dmr_desktop.desktop.sse import SseOverflow, SseParser
from dmr_desktop.desktop.transport import Transport, status_of
from dmr_desktop.protocol.json_types import JSON

COMPLETIONS = "/engines/v1/chat/completions"
DONE = "[DONE]"


@dataclass(frozen=True, slots=True)
class Turn:
    """One message. An answer's ``note`` has its figures; ``error`` is the sentence that ended it early, if one did.

    ``model`` is who answered, "" where that is not known.
    """

    role: Literal["user", "assistant"]
    text: str
    reasoning: str = ""
    note: str = ""
    error: str = ""
    model: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class ChatOptions:
    """What goes with every question. ``temperature`` None: the model's own."""

    model: str
    system: str = ""
    temperature: float | None = None


def request_body(turns: tuple[Turn, ...], options: ChatOptions) -> dict[str, JSON]:
    """OpenAI's chat request. Answers that were cut before their first word are left out."""
    messages: list[JSON] = [{"role": "system", "content": options.system}] if options.system.strip() else []
    messages += [{"role": turn.role, "content": turn.text} for turn in turns if turn.text]
    body: dict[str, JSON] = {
        "model": options.model,
        "messages": messages,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    if options.temperature is not None:
        body["temperature"] = options.temperature
    return body


def as_markdown(turns: tuple[Turn, ...]) -> str:
    """The conversation as a document."""
    names = {"user": "You", "assistant": "Model"}
    return "\n\n".join(f"**{names[turn.role]}**\n\n{turn.text}" for turn in turns) + "\n"


def code_blocks(text: str) -> str:
    """What stands between the fences of a Markdown text, "" without any."""
    pieces = text.split("```")[1::2]
    return "\n".join(piece.partition("\n")[2].rstrip("\n") for piece in pieces if "\n" in piece)


class Chat(QObject):
    """Signals: ``changed()`` when turns were added, removed or completed; ``grew(text, is_reasoning)`` while an
    answer streams."""

    changed = Signal()
    grew = Signal(str, bool)

    def __init__(self, transport: Transport, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._transport = transport
        self._turns: tuple[Turn, ...] = ()
        self._options = ChatOptions("")
        self._reply: QNetworkReply | None = None
        self._parser = SseParser()
        self._clock = QElapsedTimer()
        self._first_ms: int | None = None
        self._error = ""
        self._is_done = False

    @property
    def turns(self) -> tuple[Turn, ...]:
        """All turns; while :attr:`is_running` the last one is what has come of the answer."""
        return self._turns

    @property
    def is_running(self) -> bool:
        return self._reply is not None

    def ask(self, text: str, options: ChatOptions) -> None:
        """Adds a question and streams its answer. Not while one is running."""
        if self.is_running or not text.strip():
            return
        self._turns += (Turn("user", text.strip()),)
        self._start(options)

    def regenerate(self, options: ChatOptions) -> None:
        """Drops the last answer and asks again."""
        if self.is_running or not self._turns:
            return
        if self._turns[-1].role == "assistant":
            self._turns = self._turns[:-1]
            self.changed.emit()
        self._start(options)

    def stop(self) -> None:
        """Ends the answer where it is; what has come stays."""
        if self._reply is not None:
            self._is_done = True
            self._set_last(note=self.tr("stopped"))
            self._reply.abort()

    def replace(self, turns: tuple[Turn, ...]) -> None:
        """Another conversation instead."""
        self.clear()
        self._turns = turns
        self.changed.emit()

    def clear(self) -> None:
        self.stop()
        self._turns = ()
        self.changed.emit()

    def _start(self, options: ChatOptions) -> None:
        self._options = options
        self._parser = SseParser()
        self._first_ms, self._error, self._is_done = None, "", False
        body = request_body(self._turns, options)
        self._turns += (Turn("assistant", "", model=options.model),)
        self._clock.start()
        reply = self._reply = self._transport.send("POST", COMPLETIONS, body, {"Accept": "text/event-stream"})
        reply.readyRead.connect(lambda: self._read(reply))
        reply.finished.connect(lambda: self._finish(reply))
        self.changed.emit()

    def _read(self, reply: QNetworkReply) -> None:
        if status_of(reply) != 200 or self._is_done:
            return
        try:
            for event in self._parser.feed(bytes(reply.readAll().data())):
                if event.data == DONE:
                    self._is_done = True
                else:
                    self._take(json.loads(event.data))
        except (ValueError, SseOverflow):
            self._error = self.tr("The service sent something that is no answer.")
            reply.abort()

    def _take(self, chunk: object) -> None:
        if not isinstance(chunk, dict):
            raise ValueError("not an object")
        if isinstance(error := chunk.get("error"), dict):
            message, hint = (in_own_words(str(error.get(name) or "")) for name in ("message", "hint"))
            self._error = joined(message, hint)
            return
        if isinstance(usage := chunk.get("usage"), dict):
            self._set_last(note=self._figures(usage, chunk.get("timings")))
        for choice in chunk.get("choices") or ():
            delta = choice.get("delta") or {}
            self._grow(delta.get("reasoning_content") or "", True)
            self._grow(delta.get("content") or "", False)

    def _grow(self, text: str, is_reasoning: bool) -> None:
        if not text:
            return
        if self._first_ms is None:
            self._first_ms = self._clock.elapsed()
        last = self._turns[-1]
        if is_reasoning:
            self._set_last(reasoning=last.reasoning + text)
        else:
            self._set_last(text=last.text + text)
        self.grew.emit(text, is_reasoning)

    def _figures(self, usage: dict[str, object], timings: object) -> str:
        parts = [self.tr("{count} tokens").format(count=usage.get("completion_tokens", 0))]
        rate = timings.get("predicted_per_second") if isinstance(timings, dict) else None
        if isinstance(rate, int | float) and rate > 0:
            parts.append(self.tr("{rate} tokens/s").format(rate=f"{rate:.0f}"))
        if self._first_ms is not None:
            parts.append(self.tr("first after {seconds} s").format(seconds=format_number(self._first_ms / 1000, 2)))
        return " · ".join(parts)

    def _finish(self, reply: QNetworkReply) -> None:
        self._reply = None
        status = status_of(reply)
        if not self._error and not self._is_done:
            if status == 200:
                self._error = self.tr("The connection to the service was cut.")
            else:
                problem = problem_from_reply("", status, bytes(reply.readAll().data()), reply.errorString())
                self._error = joined(problem.message, problem.hint)
        reply.deleteLater()
        if self._turns and self._error:
            self._set_last(error=self._error)
        self.changed.emit()

    def _set_last(self, **parts: str) -> None:
        if self._turns:
            self._turns = (*self._turns[:-1], replace(self._turns[-1], **parts))  # type: ignore[arg-type]
