"""A request made ready: what the engine needs to answer it, and what reads the answer."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from dmr_desktop.engine.call_watch import CallWatching
from dmr_desktop.engine.formats.chat_format import ChatFormat
from dmr_desktop.engine.formats.parser import OutputParser
from dmr_desktop.engine.thinking import ThinkingLimit
from dmr_desktop.protocol.json_types import JSON

RAW = ChatFormat("raw")
"""Of prompts that are no chat."""


@dataclass(frozen=True, slots=True)
class FreeCalls:
    """Calls that the model may start by itself: what to watch for, and the grammar from there on.

    ``write_grammar`` takes milliseconds and may run on any thread; None: nothing can be said of the calls.
    """

    watching: CallWatching
    write_grammar: Callable[[], str | None]


@dataclass(frozen=True, slots=True)
class Prepared:
    """A request made ready for the engine.

    ``stop`` are the stop strings that count: none where a call is demanded. ``grammar`` as in SequenceRequest.
    ``visible_tokens``: control tokens whose text the parser must see. ``prompt_text`` is for people; it
    is empty for a prompt given as tokens.
    """

    tokens: list[int]
    stop: tuple[str, ...]
    grammar: str | None
    visible_tokens: frozenset[int]
    prompt_text: str
    chat_format: ChatFormat = RAW
    tools: Mapping[str, Mapping[str, JSON]] = field(default_factory=dict)
    reasoning_open: bool = False
    reasoning_begun: bool = False
    call_open: bool = False
    thinking: ThinkingLimit | None = None
    calls: FreeCalls | None = None

    def new_parser(self, choice: int) -> OutputParser:
        """A parser for the output of one choice, that is of one sequence."""
        return OutputParser(
            self.chat_format,
            self.tools,
            reasoning_open=self.reasoning_open,
            reasoning_begun=self.reasoning_begun,
            call_open=self.call_open,
            choice=choice,
        )
