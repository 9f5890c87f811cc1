"""How a model spells reasoning and tool calls: a record, learned from its template or declared.

A new way of spelling calls is a new body type here, a reader for it (see :mod:`.call_reader`), a rule writer in
:mod:`.grammar_writer` and a speller in :mod:`.spell`; nothing else changes. Texts are exactly as the template renders
them, white space included: the grammar writes them so, the parser ignores the white space around them.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

Slot: TypeAlias = Literal["name", "arguments", "id", "index"]
"""What stands between fixed texts. ``index`` counts the calls of an answer."""

_BETWEEN_UNITS = re.compile(r"(?<=[>\]])\s*(?=[<\[][\w|/]|\[\Z|`)")
_MIN_TRIGGER = 4


@dataclass(frozen=True, slots=True)
class Literally:
    """Fixed text between the slots of a call."""

    text: str


Skeleton: TypeAlias = tuple[Literally | Slot, ...]


@dataclass(frozen=True, slots=True)
class Reasoning:
    """The texts around what the model thinks before it answers, white space stripped; neither is empty."""

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


USUAL_CALL = JsonCall(
    ("name",),
    ("arguments",),
    (),
    (Literally('{"name": "'), "name", Literally('", "arguments": '), "arguments", Literally("}")),
)
"""The spelling that most models were trained on, and to which others fall back."""


@dataclass(frozen=True, slots=True)
class NamedCall:
    """Name (and perhaps id or index) between fixed texts, and the arguments as one JSON object.

    ``id_prefix`` is set where the text of the call itself is its id: this, the name, and so on to the index.
    """

    skeleton: Skeleton
    id_prefix: str | None = None


@dataclass(frozen=True, slots=True)
class TextValues:
    """Strings stand as they are, everything else as JSON. Which it is, the tool's schema tells.

    ``words``: where not only the schema but a word in front of the value tells, that word by JSON type; ``key_end``
    is then the text up to the word and ``word_end`` the text behind it.
    """

    words: Mapping[str, str] = field(default_factory=dict)
    word_end: str = ""


@dataclass(frozen=True, slots=True)
class QuotedValues:
    """Values are literals much like JSON or Python. ``quote`` stands around strings.

    ``bare_keys``: keys of nested objects stand without quotes.
    """

    quote: str
    bare_keys: bool = False


@dataclass(frozen=True, slots=True)
class NestedValues:
    """The key is the tag: ``prefix<key>value prefix</key>``, in objects too; list items have the tag ``item``."""

    prefix: str
    item: str


Values: TypeAlias = TextValues | QuotedValues | NestedValues


@dataclass(frozen=True, slots=True)
class TaggedCall:
    """The name, then each argument's key and value between fixed texts.

    ``head`` is the name with what follows it, up to the first argument.
    """

    head: Skeleton
    key_start: str
    key_end: str
    value_end: str
    separator: str
    values: Values

    @property
    def skeleton(self) -> Skeleton:
        """All fixed texts and slots, as in the other bodies."""
        texts = [self.key_start, self.key_end, self.value_end, self.separator]
        match self.values:
            case TextValues(words=words, word_end=end):
                texts += [*words.values(), end] if words else []
            case QuotedValues(quote=quote):
                texts.append(quote)
            case NestedValues(prefix=prefix):
                texts.append(prefix)
        return (*self.head, *(Literally(text) for text in texts if text))


CallBody: TypeAlias = JsonCall | NamedCall | TaggedCall


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
    def start(self) -> str:
        """What stands in front of the first call."""
        return self.section_start + self.call_start

    @property
    def starts(self) -> tuple[str, ...]:
        """The parts in front of a call, each of which a model may leave out."""
        return units(self.section_start) + units(self.call_start)

    @property
    def ends(self) -> tuple[str, ...]:
        """The parts behind a call, likewise."""
        return units(self.call_end)

    @property
    def triggers(self) -> tuple[str, ...]:
        """The texts at which a call may begin; none where a bare JSON object is the call."""
        starts = self.starts
        # The first part is the safe sign; the others are signs too when they look like markers.
        return tuple(text for text in starts if text == starts[0] or (text[0] in "<[]" and len(text) >= _MIN_TRIGGER))


@dataclass(frozen=True, slots=True)
class WrappedContent:
    """Content comes as a JSON string. ``start`` ends with its opening quote, ``end`` follows its closing one."""

    start: str
    end: str


@dataclass(frozen=True, slots=True)
class ChatFormat:
    """``origin`` says how the format became known, for people.

    ``answer_start`` and ``answer_end`` are markers around plain content, which nobody wants to see; ``silent`` are
    further ones. ``is_channelled``: messages have a header that names a channel and a recipient.
    """

    origin: str
    reasoning: Reasoning | None = None
    calls: CallSyntax | None = None
    content: WrappedContent | None = None
    answer_start: str = ""
    answer_end: str = ""
    silent: tuple[str, ...] = ()
    is_channelled: bool = False

    @property
    def guarded(self) -> tuple[str, ...]:
        """The parts of the markers that nobody but the model and the template may write."""
        parts = [part for marker in self.markers for part in units(marker)]
        return tuple(part for part in parts if part[0] in "<[]" and len(part) >= _MIN_TRIGGER)

    @property
    def markers(self) -> tuple[str, ...]:
        """All texts whose tokens must reach the parser as text."""
        texts = [self.answer_start, self.answer_end, *self.silent]
        if self.reasoning:
            texts += [self.reasoning.start, self.reasoning.end]
        if self.calls:
            calls = self.calls
            texts += [calls.section_start, calls.section_end, calls.call_start, calls.call_end, calls.separator]
            texts += [piece.text for piece in calls.body.skeleton if isinstance(piece, Literally)]
        return tuple(text for text in texts if text.strip())


def units(text: str) -> tuple[str, ...]:
    """``text`` cut between neighbouring markers, white space around them stripped."""
    return tuple(unit for unit in (piece.strip() for piece in _BETWEEN_UNITS.split(text)) if unit)
