"""How a model spells reasoning and tool calls: a record, learned from its template or declared.

A new way of spelling calls is a new body type here, a reader for it in :mod:`.calls` and a rule writer in
:mod:`.grammar`; nothing else changes. Texts are exactly as the template renders them, white space
included: the grammar writes them so, the parser ignores the white space around them.
"""

from dataclasses import dataclass
from typing import Literal, TypeAlias

Slot: TypeAlias = Literal["name", "arguments", "id"]


@dataclass(frozen=True, slots=True)
class Literally:
    """Fixed text between the slots of a call."""

    text: str


Skeleton: TypeAlias = tuple[Literally | Slot, ...]


@dataclass(frozen=True, slots=True)
class Reasoning:
    """The markers around what the model thinks before it answers, white space stripped; neither is empty."""

    start: str
    end: str


@dataclass(frozen=True, slots=True)
class JsonCall:
    """One JSON object holds name, arguments and perhaps an id, each at its path of keys.

    ``skeleton`` is the object's source text as the template writes it.
    """

    name_path: tuple[str, ...]
    arguments_path: tuple[str, ...]
    id_path: tuple[str, ...]
    skeleton: Skeleton


@dataclass(frozen=True, slots=True)
class NamedCall:
    """Name (and perhaps id) as plain text between fixed texts, then the arguments as one JSON object."""

    skeleton: Skeleton


CallBody: TypeAlias = JsonCall | NamedCall


@dataclass(frozen=True, slots=True)
class CallSyntax:
    """``section`` surrounds all calls of an answer, ``call`` each one; ``separator`` stands between two.

    Any of the texts may be empty. ``item_separator`` and ``key_separator`` are the template's JSON style.
    """

    body: CallBody
    section_start: str = ""
    section_end: str = ""
    call_start: str = ""
    call_end: str = ""
    separator: str = ""
    item_separator: str = ", "
    key_separator: str = ": "
    parallel: bool = True

    @property
    def triggers(self) -> tuple[str, ...]:
        """The texts at which a call may begin; none where a bare JSON object is the call."""
        texts = [text.strip() for text in (self.section_start, self.call_start)]
        found = [text for text in texts if text]
        # A section's start is the safe sign; a call's own start is one too when it looks like a marker.
        return tuple(text for text in found if text == found[0] or text[0] in "<[")


@dataclass(frozen=True, slots=True)
class WrappedContent:
    """Content comes as a JSON string. ``start`` ends with its opening quote, ``end`` follows its closing one."""

    start: str
    end: str


@dataclass(frozen=True, slots=True)
class ChatFormat:
    """``origin`` says how the format became known, for people."""

    origin: str
    reasoning: Reasoning | None = None
    calls: CallSyntax | None = None
    content: WrappedContent | None = None

    @property
    def markers(self) -> tuple[str, ...]:
        """All texts whose tokens must reach the parser as text."""
        texts: list[str] = []
        if self.reasoning:
            texts += [self.reasoning.start, self.reasoning.end]
        if self.calls:
            calls = self.calls
            texts += [calls.section_start, calls.section_end, calls.call_start, calls.call_end, calls.separator]
            texts += [piece.text for piece in calls.body.skeleton if isinstance(piece, Literally)]
        return tuple(text for text in texts if text.strip())
