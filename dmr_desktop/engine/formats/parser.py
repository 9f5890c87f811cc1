"""From output text, as it arrives, to reasoning, content and tool calls.

The concatenation of what comes out does not depend on how the text was cut into pieces, and nothing is
ever taken back. Text that does not fit the format is content, never an error. One parser serves one
choice; it knows neither tokens nor templates.
"""

from collections.abc import Callable, Collection, Mapping

from dmr_desktop.engine.formats.answer import AnswerReader
from dmr_desktop.engine.formats.channels import ChannelReader
from dmr_desktop.engine.formats.chat_format import ChatFormat
from dmr_desktop.engine.formats.event_writer import EventWriter, random_call_id
from dmr_desktop.engine.formats.source import OutputEnded, Source
from dmr_desktop.protocol.generation import Event, FinishReason, TokenLogprob


class OutputParser:
    """Feed it text, then finish it once.

    ``offered`` are the tools a call may name, as names or with the schemas of their arguments; none means that calls
    are not looked for. ``reasoning_open``: the prompt ends inside reasoning; ``reasoning_begun``: and in the middle of
    it. ``call_open``: the prompt ends with what starts a call, so that the output may begin with a name.
    """

    def __init__(
        self,
        chat_format: ChatFormat,
        offered: Collection[str] = (),
        *,
        reasoning_open: bool = False,
        reasoning_begun: bool = False,
        call_open: bool = False,
        choice: int = 0,
        new_call_id: Callable[[], str] = random_call_id,
    ) -> None:
        self._source = Source()
        self._events = EventWriter(choice, new_call_id)
        tools = offered if isinstance(offered, Mapping) else {name: {} for name in offered}
        self._reader: AnswerReader | ChannelReader
        if chat_format.is_channelled:
            self._reader = ChannelReader(tools, self._source, self._events)
        else:
            self._reader = AnswerReader(
                chat_format,
                tools,
                self._source,
                self._events,
                reasoning_open=reasoning_open,
                reasoning_begun=reasoning_begun,
                call_open=call_open,
            )
        self._reading = self._reader.read()

    @property
    def is_reasoning(self) -> bool:
        return self._reader.is_reasoning

    def feed(self, text: str, logprobs: tuple[TokenLogprob, ...] = ()) -> list[Event]:
        """The events that ``text`` made sure. ``logprobs`` go out with the next content."""
        if logprobs:
            self._events.logprobs += logprobs
        elif text and self._source.direct is not None:
            # The usual case by far: a piece in the middle of running text in which no marker can begin.
            event = self._source.direct(text)
            if event is not None:
                return [event]
        self._source.feed(text)
        next(self._reading)
        return self._events.take()

    def finish(self, reason: FinishReason, stop: str | None = None) -> list[Event]:
        """What was held back, then ChoiceFinished. A ``stop`` after calls is ``tool_calls``, in mid-call ``length``."""
        self._source.end(is_cut=reason != "stop")
        try:
            next(self._reading)
        except OutputEnded:
            return self._events.finish(reason, stop)
        raise AssertionError("a reader reads to the end")
