"""Grammar rules for the members of an object, whatever the format spells them like."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from dmr_desktop.protocol.json_types import JSON

_BITS = 64
"""What a rule's parameter can remember."""


class RuleWriter(Protocol):
    """What is needed of :class:`.grammar_writer.GrammarWriter`; what its methods give are expressions for other rules.

    ``define`` writes the rule of a name that ``new_name`` gave, for rules that lead back to themselves.
    """

    def rule(self, body: str, *, lazy: bool = False) -> str: ...
    def new_name(self) -> str: ...
    def define(self, name: str, body: str) -> None: ...
    def literal(self, text: str) -> str: ...
    def json(
        self, schema: JSON, param: str, *, strict: bool, separators: tuple[str, str], root: Mapping[str, JSON] | None
    ) -> str: ...
    def until(self, marker: str) -> str: ...
    def members(self, members: Sequence["Member"]) -> str: ...


@dataclass(frozen=True, slots=True)
class Member:
    """The expression of the whole member where it is the first one, and where it follows another."""

    first: str
    following: str
    is_required: bool


def text_member(lead: str, value: str, separator: str, writer: RuleWriter, *, is_required: bool) -> Member:
    """One that begins with the text ``lead``.

    A separator and what follows it are one text, or the grammar could not tell it from others that begin alike.
    """
    return Member(f"{writer.literal(lead)} {value}", f"{writer.literal(separator + lead)} {value}", is_required)


def in_order(members: Sequence[Member], writer: RuleWriter) -> str:
    """The members in their order."""
    rest = later = '""'
    for member in reversed(members):
        first, following = f"{member.first} {later}", f"{member.following} {later}"
        if not member.is_required:
            first, following = f"({first} | {rest})", f"({following} | {later})"
        rest, later = writer.rule(first), writer.rule(following)
    return rest


def in_any_order(members: Sequence[Member], writer: RuleWriter, other: Member | None = None) -> str:
    """The members in any order, each once, and among them any number of ``other``.

    The rule's parameter remembers with a bit which ones have been, so that what is written grows with the number of
    members, not with that of their orders. Members beyond the bits, may be missing or repeated.
    """
    members = sorted(members, key=lambda member: not member.is_required)
    num_required = min(sum(member.is_required for member in members), _BITS)
    more = writer.new_name()
    begin = [] if num_required else ['""']
    go_on = [f'"" %if is_ones([0:{num_required}])' if num_required else '""']
    for bit, member in enumerate(members[:_BITS]):
        begin.append(f"{member.first} {more}::{1 << bit:#x}")
        go_on.append(f"{member.following} {more}::set_bit({bit}) %if bit_clear({bit})")
    for member in (*members[_BITS:], *([other] if other else [])):
        begin.append(f"{member.first} {more}::0x0")
        go_on.append(f"{member.following} {more}::_")
    writer.define(f"{more}::_", " | ".join(go_on))
    return writer.rule(" | ".join(begin))
