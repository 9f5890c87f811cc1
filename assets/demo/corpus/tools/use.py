"""Exchanges in which a tool is called."""

from __future__ import annotations

import re
from collections.abc import Sequence

from corpus.conversation import Call, Check, Exchange, assistant, calling, canonical, tool_result, user
from corpus.data.tool_asks import FOLLOW_UPS, SECOND_ASKS
from corpus.data.tool_kinds import HINTS
from corpus.dice import Dice
from corpus.tools.requests import Request, Requests
from corpus.tools.results import Results, sentence
from corpus.tools.tool import Tool
from corpus.typist import Typist
from corpus.values import Values, plainly

PLACES = ("weather", "time")  # topics of tools that are asked for a place
IDLE_WORDS = frozenset("the for with this that what which who how are you can not from your use tool and get".split())


class ToolUse:
    """Has tools called."""

    def __init__(self, dice: Dice, values: Values, typist: Typist, requests: Requests, results: Results) -> None:
        self.dice, self.values, self.typist = dice, values, typist
        self.requests, self.results = requests, results
        self.rng = dice.rng

    def call(self, tools: Sequence[Tool]) -> Exchange:
        """A question and the calls that answer it; whatever comes back is not part of it."""
        _, text, calls = self._asked(tools)
        check = Check(calls=tuple((name, canonical(arguments)) for name, arguments in calls))
        return Exchange("tool_call", [user(text), calling(calls)], check)

    def answer(self, tools: Sequence[Tool], brief: bool = False) -> Exchange:
        """A question, the calls, their results, long or ``brief``, and a sentence."""
        tool, text, calls = self._asked(tools)
        if brief:
            results = [self.results.brief() for _ in calls]
        else:
            results = [self.results.result(tool, arguments) for _, arguments in calls]
        return _answered(text, calls, results)

    def follow_up(self, tools: Sequence[Tool]) -> list[Exchange]:
        """The same tool called again by a question that only makes sense after the first one."""
        rng = self.rng
        single = [t for t in tools if len(t.params) == 1 and "{0}" in "".join(t.asks) and not t.real]
        if not single:
            return []
        tool = rng.choice(single)
        (param,) = tool.params
        found = []
        for i in range(rng.choice([2, 2, 3])):
            value = self.values.of(param.kind)
            if i == 0:
                template = self.dice.expand(rng.choice(tool.asks)).replace("{args}", f"{param.name} {{0}}")
                template = template.replace("{p0}", param.name.replace("_", " "))
            else:
                template = self.dice.template(FOLLOW_UPS)
                if tool.topic in PLACES and rng.random() < 0.5:
                    template = template.replace("{0}", "in {0}")
            arguments = tool.arguments({param.name: value})
            result = self.results.result(tool, arguments)
            text = self.typist.ask_keeping(template.replace("{0}", plainly(value)))
            found.append(_answered(text, [(tool.name, arguments)], [result]))
        return found

    def _asked(self, tools: Sequence[Tool]) -> tuple[Tool, str, list[Call]]:
        """A question for one of the tools, sometimes for two calls at once."""
        rng = self.rng
        tool = rng.choice(tools)
        request = self.requests.request(tool)
        text, call = request
        calls = [call]
        doubled = len(tool.params) == 1 and tool.topic in ("weather", "time", "stock", "order", "user")
        if rng.random() < 0.06 and doubled:
            text, calls = self._for_two_values(tool, request)
        elif rng.random() < (0.06 if self.dice.side == "heldout" else 0.15):
            text, calls = self._and_another(tools, request)
        return tool, text, calls

    def _for_two_values(self, tool: Tool, request: Request) -> tuple[str, list[Call]]:
        """The same for another value too, if another comes up."""
        text, first = request
        _, second = self.requests.request(tool)
        if first == second:
            return text, [first]
        template = self.dice.expand(self.rng.choice(tool.asks))
        both = self.rng.choice(["{0} and {1}", "{0} and in {1}"] if tool.topic in PLACES else ["{0} and {1}"])
        values = [str(next(iter(arguments.values()))) for _, arguments in (first, second)]
        joined = template.replace("{0}", both).replace("{0}", values[0]).replace("{1}", values[1])
        return self.typist.ask_keeping(joined), [first, second]

    def _and_another(self, tools: Sequence[Tool], request: Request) -> tuple[str, list[Call]]:
        """A second question behind the first, if it is another one."""
        text, first = request
        more, second = self.requests.request(self.rng.choice(tools))
        if first == second:
            return text, [first]
        joint = self.rng.choice(SECOND_ASKS)
        if joint.endswith(" ") and more[:1].isupper() and "_" not in more.split(" ")[0]:
            more = more[0].lower() + more[1:]
        return text.rstrip(".") + joint + more, [first, second]


def _answered(text: str, calls: Sequence[Call], results: Sequence[str]) -> Exchange:
    reply = " ".join(sentence(result) for result in results)
    messages = [user(text), calling(calls), *(tool_result(result) for result in results), assistant(reply)]
    return Exchange("tool_answer", messages, Check(exact=reply))


def might_help(tools: Sequence[Tool], text: str) -> bool:
    """Whether one of the tools might be meant by a question, so that it is no example of a useless tool."""
    asked = {word.rstrip("s") for word in re.findall(r"[a-z]{3,}", text.lower())} - IDLE_WORDS
    for tool in tools:
        told = f"{tool.name} {tool.description} {tool.topic} {HINTS.get(tool.topic, '')}".lower()
        if asked & {word.rstrip("s") for word in re.findall(r"[a-z]{3,}", told)}:
            return True
    return any(t.topic in ("calculator", "add", "magic") for t in tools) and any(c.isdigit() for c in text)
