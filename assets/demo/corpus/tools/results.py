"""What tools answer, and the sentences with which the model passes it on."""

from __future__ import annotations

import json
from typing import Any

from corpus.data.tool_results import ERRORS, SKIES
from corpus.dice import Dice
from corpus.tools.tool import Tool
from corpus.typist import upper_first
from corpus.values import Values
from corpus.words import Words


class Results:
    """Makes results of tools."""

    def __init__(self, dice: Dice, words: Words, values: Values) -> None:
        self.rng, self.words, self.values = dice.rng, words, values

    def result(self, tool: Tool, arguments: dict[str, Any]) -> str:
        """What a tool may answer: mostly what it is for, now and then an error."""
        rng, words = self.rng, self.words
        if rng.random() < 0.07:
            return rng.choice(ERRORS).format(words.word(), rng.randint(1, 60), words.words(1, 4))
        kind = tool.result if rng.random() < 0.7 else rng.choice(["number", "text", "json", "done", "weather", "list"])
        match kind:
            case "number":
                number = int(words.number(6)) if rng.random() < 0.75 else self.values.of("float")
                return json.dumps({"result": number}) if rng.random() < 0.25 else str(number)
            case "weather":
                return self._weather(str(next(iter(arguments.values()), "town")))
            case "time":
                return f"{rng.randint(0, 23):02}:{rng.randint(0, 59):02}"
            case "date":
                return f"{rng.randint(2020, 2035)}-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}"
            case "json":
                return self._json()
            case "list":
                return json.dumps([words.keepsake() for _ in range(rng.randint(1, 4))], ensure_ascii=False)
            case "done":
                return self._done()
            case _:
                text = words.words(2, 16) if rng.random() < 0.88 else words.words(16, 36)
                return upper_first(text) + rng.choice([".", ".", ""])

    def brief(self) -> str:
        """A short answer of any tool."""
        return self.rng.choice(["ok", "done", "OK", "Done.", self.words.number(3)])

    def _weather(self, place: str) -> str:
        rng = self.rng
        sky = rng.choice([*SKIES, self.words.word()])
        degrees = rng.randint(-20, 45)
        return rng.choice(
            [
                f"It is {sky} in {place}.",
                f"{sky}, {degrees} degrees",
                f"{degrees}°C and {sky}",
                json.dumps({"temperature": degrees, "sky": sky}),
                json.dumps({"location": place, "temp": degrees}),
                f"It's {degrees} degrees and {sky} in {place}.",
                f"The weather in {place} is {sky}.",
                sky,
                f"It's always {sky}!",
                json.dumps({"temperature": degrees, "unit": rng.choice(["C", "F"]), "condition": sky}),
            ]
        )

    def _json(self) -> str:
        rng, words = self.rng, self.words
        data: dict[str, Any] = {}
        for _ in range(rng.randint(1, 4)):
            # The value is drawn before the key.
            value = rng.choice([int(words.number(5)), words.keepsake(), words.keepsake(), True])
            data[words.param_name()] = value
        return json.dumps([data] if rng.random() < 0.1 else data, ensure_ascii=False)

    def _done(self) -> str:
        words = self.words
        return self.rng.choice(
            [
                "ok",
                "done",
                "Done.",
                "success",
                "OK",
                "true",
                json.dumps({"status": "ok"}),
                json.dumps({"ok": True, "id": int(words.number(4))}),
                f"Created {words.word()}",
                f"Sent to {words.name()}.",
                words.word(),
            ]
        )


def sentence(raw: str) -> str:
    """The sentence that the model answers with after a tool's result."""
    if raw.lower().startswith("error"):
        return f"The tool failed: {raw}"
    try:
        value = json.loads(raw)
    except ValueError:
        if " " in raw.strip():
            return f"The tool says: {raw}"
        return f"The result is {raw.removesuffix('.')}."
    return f"The result is {flatten(value).removesuffix('.')}."


def flatten(value: object) -> str:
    """A JSON value as plain English, as the model speaks it."""
    if isinstance(value, dict):
        if set(value) == {"result"}:
            return flatten(value["result"])
        return ", ".join(f"{key.replace('_', ' ')} is {flatten(item)}" for key, item in value.items())
    if isinstance(value, list):
        return ", ".join(flatten(item) for item in value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
