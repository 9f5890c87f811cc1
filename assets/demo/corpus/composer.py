"""Composes conversations: what they are about, how long they are, and which tools are offered in them."""

from __future__ import annotations

from dataclasses import dataclass, field

from corpus.arithmetic import Arithmetic
from corpus.conversation import Exchange, Message, Sample
from corpus.copying import Copying
from corpus.counting import Counting
from corpus.dice import Dice
from corpus.jokes import Jokes
from corpus.json_only import JsonOnly, Tasks
from corpus.knowledge import Knowledge
from corpus.memory import Memory
from corpus.plain import Plain
from corpus.sides import Side
from corpus.statements import Statements
from corpus.stories import Stories
from corpus.structured import Structured
from corpus.systems import Systems
from corpus.tools.boxes import Toolboxes, has_usual_name
from corpus.tools.definitions import Definitions
from corpus.tools.made_up import MadeUpTools
from corpus.tools.names import ToolNames
from corpus.tools.natural import NaturalTools
from corpus.tools.real import RealTools
from corpus.tools.real_requests import RealRequests
from corpus.tools.requests import Requests
from corpus.tools.results import Results
from corpus.tools.soup import SoupTools
from corpus.tools.tool import Tool
from corpus.tools.use import ToolUse, might_help
from corpus.typist import Typist
from corpus.unknown import Unknown
from corpus.values import Values
from corpus.words import Words

EVALUATED = (
    "smalltalk",
    "facts",
    "typos",
    "lists",
    "recall",
    "arithmetic",
    "copy",
    "count",
    "story",
    "joke",
    "unknown",
    "tool_call",
    "new_tools",
    "real_tools",
    "tool_answer",
    "no_tool",
    "structured",
    "json_only",
    "long_system",
)
KINDS = {"plain": 26, "recall": 4, "tools": 26, "new_tools": 16, "choices": 50, "structured": 18, "primer": 1}
"""What is trained, and how often."""


@dataclass
class Talk:
    """The exchanges of a conversation, and the tools that are offered in it."""

    exchanges: list[Exchange]
    tools: list[Tool] = field(default_factory=list)


class Composer:
    """Composes conversations of one side from a seed."""

    def __init__(self, seed: int, side: Side = "train") -> None:
        dice = self.dice = Dice(seed, side)
        words = self.words = Words(dice)
        values = Values(dice, words)
        typist = Typist(dice)
        self.systems = Systems(dice, words)

        knowledge = self.knowledge = Knowledge(dice, typist)
        arithmetic, copying = Arithmetic(dice, words, typist), Copying(dice, words)
        jokes, unknown = Jokes(dice, words, typist), Unknown(dice, words, values, typist)
        self.plain = Plain(
            dice,
            knowledge=knowledge,
            arithmetic=arithmetic,
            copying=copying,
            counting=Counting(dice, typist),
            jokes=jokes,
            stories=Stories(dice, words, typist),
            unknown=unknown,
        )
        self.memory = Memory(dice, words, typist)

        statements = Statements(dice, words, values, self.systems)
        tasks = Tasks(
            dice,
            words,
            typist,
            knowledge=knowledge,
            arithmetic=arithmetic,
            copying=copying,
            jokes=jokes,
            unknown=unknown,
            statements=statements,
        )
        self.json_only = JsonOnly(dice, tasks)
        self.structured = Structured(dice, typist, jokes, statements, self.json_only)

        names = self.tool_names = ToolNames(dice, words)
        definitions = Definitions(dice, words, values)
        self.toolboxes = Toolboxes(
            dice,
            natural=NaturalTools(dice, words, names, definitions),
            made_up=MadeUpTools(dice, words, names, definitions),
            real=RealTools(dice, names, definitions),
            soup=SoupTools(dice, words, names, definitions),
        )
        requests = Requests(dice, values, typist, RealRequests(dice, words, values, typist))
        self.tool_use = ToolUse(dice, values, typist, requests, Results(dice, words, values))

    def sample(self, skill: str | None = None, turns: int | None = None) -> Sample:
        """One conversation; ``skill`` forces what its last turn is about (used for evaluation)."""
        rng = self.dice.rng
        kind = skill or rng.choices(list(KINDS), list(KINDS.values()))[0]
        system = self.systems.prompt()
        if kind == "long_system":
            system = self.systems.long_prompt()
            kind = rng.choice(["facts", "copy", "recall", "tool_call", "no_tool"])
        turns = turns or rng.choice([1, 2, 3, 4, 5, 6])
        talk = self._talk(kind, turns, forced=skill is not None)
        last = talk.exchanges[-1]
        if talk.exchanges[0].system is not None:
            system = talk.exchanges[0].system
        messages: list[Message] = [] if system is None else [{"role": "system", "content": system}]
        for exchange in talk.exchanges:
            messages += exchange.messages
        if system is not None and not talk.tools and rng.random() < 0.01:
            messages[0] = {"role": "system", "content": f"{system}\n\n{system}"}  # several become one
        return Sample(messages, [tool.schema for tool in talk.tools], last.skill, last.check)

    def _talk(self, kind: str, turns: int, forced: bool) -> Talk:
        match kind:
            case "plain":
                return Talk([self.plain.exchange() for _ in range(turns)])
            case "primer":
                return self._primer(turns)
            case "recall":
                return self._recall()
            case "real_tools":
                return self._real_tools()
            case "new_tools":
                return self._new_tools(forced)
            case "choices":
                return self._choices()
            case "tools" | "tool_call" | "tool_answer" | "no_tool":
                return self._tools(kind, turns, forced)
            case "structured":
                return self._structured()
            case "json_only":
                return self._after_plain(self.json_only.exchange())
            case _:
                before = [self.plain.exchange() for _ in range(turns - 1)]
                return Talk([*before, self.plain.of_skill(kind)])

    def _primer(self, turns: int) -> Talk:
        """What has to be learned first: nothing but copying, sums and counts."""
        plain = self.plain
        makers = [plain.copying.exchange, plain.arithmetic.exchange, plain.counting.exchange]
        return Talk([make() for make in self.dice.rng.choices(makers, [3, 6, 1], k=turns)])

    def _recall(self) -> Talk:
        """Things told, something else, and the questions for what was told."""
        rng = self.dice.rng
        told, asked = self.memory.exchanges()
        tools = self.toolboxes.box(rng.choice([1, 2])) if rng.random() < 0.12 else []
        count = rng.choice([0, 0, 1, 1, 2, 3, 4, 5])
        others = [self.plain.exchange(tools=True, math_tool=bool(tools)) for _ in range(count)]
        cut = rng.randint(0, min(1, count))
        return Talk([*others[:cut], *told, *others[cut:], *asked], tools)

    def _real_tools(self) -> Talk:
        """A held-out tool of a real interface, among others."""
        rng = self.dice.rng
        tools = self.toolboxes.real.of_interfaces(rng.choice([3, 4]), held=True)
        exchange = self.tool_use.call(tools[:1])
        rng.shuffle(tools)
        return Talk([exchange], tools)

    def _new_tools(self, forced: bool) -> Talk:
        """A call in the first turn, with names of tools that were never seen."""
        rng = self.dice.rng
        if forced:
            tools = self.toolboxes.box(rng.choice([1, 2, 3]))
            while has_usual_name(tools):
                tools = self.toolboxes.box(len(tools))
        else:
            tools = self.toolboxes.unseen_box(rng.choice([2, 3, 3, 4, 4]))
        return Talk([self.tool_use.call(tools)], tools)

    def _choices(self) -> Talk:
        """Little else than choosing by what is read."""
        rng = self.dice.rng
        tools = self.toolboxes.unseen_box(rng.choice([2, 3, 3, 4, 4]))
        exchanges = [self.tool_use.answer(tools, brief=True) for _ in range(rng.choice([1, 2, 3, 4, 5]))]
        return Talk([*exchanges, self.tool_use.call(tools)], tools)

    def _tools(self, kind: str, turns: int, forced: bool) -> Talk:
        """Calls, their results, and questions that need no tool."""
        rng = self.dice.rng
        # Choosing between many is what takes long to learn.
        tools = self.toolboxes.box(rng.choice([1, 1, 2, 2, 3, 4] if forced else [1, 2, 3, 3, 4, 4, 4]))
        count = rng.choice([2, 3, 4, 5, 6]) if kind == "tools" else min(turns, rng.choice([1, 2, 3]))
        exchanges = [self.tool_use.answer(tools) if rng.random() < 0.72 else self._no_tool(tools) for _ in range(count)]
        if kind == "tools" and rng.random() < 0.08:
            exchanges += self.tool_use.follow_up(tools)
        if kind == "no_tool":
            exchanges.append(self._no_tool(tools))
        elif kind == "tool_answer":
            exchanges.append(self.tool_use.answer(tools))
        elif kind == "tool_call" or rng.random() < 0.2:
            exchanges.append(self.tool_use.call(tools))
        return Talk(exchanges, tools)

    def _no_tool(self, tools: list[Tool]) -> Exchange:
        """A question with which none of the tools can help."""
        maths = any(tool.topic in ("add", "subtract", "multiply", "divide", "calculator") for tool in tools)
        searches = any(tool.topic in ("search", "wikipedia") for tool in tools)
        while True:
            exchange = self.plain.exchange(maths, tools=True)
            if exchange.skill != "unknown" or not (searches or might_help(tools, exchange.messages[0]["content"])):
                return Exchange("no_tool", exchange.messages, exchange.check)

    def _structured(self) -> Talk:
        """JSON, once or twice; a system prompt that asks for it stands alone."""
        exchange = self.structured.exchange()
        talk = self._after_plain(exchange)
        if exchange.system is None and exchange.skill != "structured_forced" and self.dice.rng.random() < 0.5:
            another = self.structured.exchange()
            if another.system is None:
                talk.exchanges.append(another)
        return talk

    def _after_plain(self, exchange: Exchange) -> Talk:
        """An exchange after others, unless it has its own system prompt."""
        if exchange.system is not None:
            return Talk([exchange])
        count = self.dice.rng.choice([0, 0, 0, 1, 2])
        return Talk([*(self.plain.exchange() for _ in range(count)), exchange])
