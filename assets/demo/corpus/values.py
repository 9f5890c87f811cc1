"""The values that tools are called with and that sentences hold, by their kinds."""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import lru_cache
from typing import Any

from corpus.data import lexicon as lx
from corpus.dice import Dice
from corpus.words import Words

CHOICES = {
    "onoff": ("on", "off"),
    "colour": lx.COLOURS,
    "currency": "USD EUR GBP JPY CHF SEK NOK dollars euros pounds yen INR CAD AUD".split(),
    "language": "French German Spanish Italian English Dutch Polish Swedish Japanese Turkish Latin".split(),
    "field": (
        "size weight colour address city price owner phone height amount language unit category "
        "due_date email country length currency street department"
    ).split(),
}
RANGES = {"small": (1, 20), "percent": (1, 100), "year": (1950, 2035)}
ENUM = "enum:"  # in front of a kind that lists its values


class Values:
    """Values of one side."""

    def __init__(self, dice: Dice, words: Words) -> None:
        self.dice, self.words = dice, words
        self.rng = dice.rng
        self._makers: dict[str, Callable[[], Any]] = {
            "bool": lambda: self.rng.random() < 0.5,
            "city": self._city,
            "clock": self._clock,
            "code": words.code,
            "company": self._company,
            "country": self._country,
            "date": self._date,
            "day": self._day,
            "domain": self._domain,
            "email": self._email,
            "expr": self._expression,
            "float": lambda: float(f"{self.rng.randint(0, 99)}.{self.rng.randint(1, 9)}"),
            "int": lambda: int(words.number(self.rng.choice([1, 1, 2, 3, 5]))),
            "ints": self._integers,
            "ip": lambda: ".".join(str(self.rng.randint(1, 254)) for _ in range(4)),
            "message": self._message,
            "money": self._money,
            "name": words.any_word,  # what the question says is a name, whatever it looks like
            "names": lambda: self._several(words.name),
            "noun": words.noun,
            "path": self._path,
            "phone": self._phone,
            "phrase": lambda: words.words(1, 4),
            "phrase_title": lambda: " ".join(word.capitalize() for word in words.words(1, 3).split()),
            "quoted": lambda: words.words(1, 6),
            "ref_word": words.any_word,
            "room": self._room,
            "style": self._style,
            "task": self._task,
            "ticker": lambda: words.word().upper()[:5] if self.rng.random() < 0.5 else words.word().capitalize(),
            "title": self._title,
            "topic": self._topic,
            "uname": self._foreign_name,
            "url": self._url,
            "word": words.any_word,
            "words": lambda: self._several(lambda: str(self.of(self.rng.choice(["noun", "noun", "word"])))),
            "zip": lambda: f"{self.rng.randint(10000, 99999)}",
        }

    def of(self, kind: str) -> Any:
        """A value of a kind; raises ``KeyError`` for one that is not known."""
        if kind in CHOICES:
            return self.rng.choice(CHOICES[kind])
        if kind in RANGES:
            return self.rng.randint(*RANGES[kind])
        if kind.startswith(ENUM):
            return self.rng.choice(options(kind))[0]
        return self._makers[kind]()

    def another(self, kind: str, taken: Collection[object]) -> Any:
        """A value of a kind, but no text that is taken."""
        value = self.of(kind)
        while isinstance(value, str) and value in taken:
            value = self.of(kind)
        return value

    def said(self, kind: str, value: Any) -> str:
        """A value as people write it."""
        rng = self.rng
        if kind.startswith(ENUM):
            return rng.choice(dict(options(kind))[value])
        if isinstance(value, list):
            said = [str(item) for item in value]
            last = rng.choice([" and ", " and ", ", ", " or "] if kind == "words" else [" and ", ", "])
            return ", ".join(said[:-1]) + last + said[-1]
        if kind in ("small", "int") and 0 <= value <= 12 and rng.random() < 0.2:
            return lx.NUMBER_WORDS[int(value)]
        return plainly(value)

    # ---------------------------------------------------------------------------------------- places and people

    def _city(self) -> str:
        rng = self.rng
        city = self.dice.pick(lx.CITIES) if rng.random() < 0.6 else self.words.word().capitalize()
        if rng.random() < 0.06:
            city += rng.choice([", CA", ", France", ", Germany", ", UK", ", US", ", Texas"])
        return city.lower() if rng.random() < 0.1 else city

    def _country(self) -> str:
        return self.dice.pick(lx.COUNTRIES) if self.rng.random() < 0.8 else self.words.word().capitalize()

    def _room(self) -> str:
        rooms = ["kitchen", "bedroom", "bathroom", "hall", "garage", "living room", "office", "garden"]
        return self.rng.choice([*rooms, self.words.word()])

    def _company(self) -> str:
        return self.words.word().capitalize() + self.rng.choice(["", "", " Inc.", " GmbH", " Ltd", " & Sons", " AG"])

    def _foreign_name(self) -> str:
        return self.rng.choice(
            [
                self.words.name(),
                self.words.name(),
                "你好啊集团",
                "Müller & Söhne",
                "José Ñandú",
                "Łukasz",
                "Анна",
                *(self.words.foreign_word() for _ in range(4)),
            ]
        )

    def _style(self) -> str:
        styles = ["Pirate", "pirate", "cowboy", "formal", "poetic", "robot"]
        return self.rng.choice([*styles, self.words.word(), self.dice.pick(lx.ANIMALS)])

    # ---------------------------------------------------------------------------------------- times

    def _day(self) -> str:
        rng = self.rng
        return rng.choice(
            [
                *"Monday Tuesday Wednesday Thursday Friday Saturday Sunday tomorrow today".split(),
                f"{rng.randint(2020, 2030)}-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}",
            ]
        )

    def _clock(self) -> str:
        rng = self.rng
        hour, minute = rng.randint(0, 23), rng.choice([0, 0, 15, 30, 45, rng.randint(0, 59)])
        half = rng.choice(["am", "pm"])
        return rng.choice(
            [f"{hour:02}:{minute:02}", f"{hour}:{minute:02}", f"{hour % 12 + 1} {half}", f"{hour % 12 + 1}{half}"]
        )

    def _date(self) -> str:
        rng = self.rng
        month = rng.choice("January March April May June July August October November December".split())
        day = rng.randint(1, 28)
        return rng.choice(
            [
                f"{rng.randint(2020, 2030)}-{rng.randint(1, 12):02}-{day:02}",
                f"{rng.randint(2020, 2030)}-{rng.randint(1, 12):02}-{day:02}",
                f"{day} {month}",
                f"{month} {day}",
                f"{day}.{rng.randint(1, 12)}.{rng.randint(2020, 2030)}",
            ]
        )

    # ---------------------------------------------------------------------------------------- numbers and lists

    def _money(self) -> float:
        rng = self.rng
        return rng.choice([rng.randint(1, 99), rng.randint(100, 5000), round(rng.uniform(1, 200), 2)])

    def _expression(self) -> str:
        rng = self.rng
        numbers = [self.words.number(rng.choice([1, 2, 3])) for _ in range(rng.choice([2, 2, 3]))]
        blank = rng.choice([" ", ""])
        return (blank + rng.choice("+-*/") + blank).join(numbers)

    def _integers(self) -> list[int]:
        rng = self.rng
        return [int(self.words.number(rng.choice([1, 2, 2, 3]))) for _ in range(rng.choice([2, 3, 3, 4]))]

    def _several(self, make: Callable[[], str]) -> list[str]:
        found: list[str] = []
        while len(found) < 2 or self.rng.random() < 0.4:
            item = make()
            if item not in found:
                found.append(item)
        return found

    # ---------------------------------------------------------------------------------------- addresses

    def _email(self) -> str:
        words = self.words
        who = self.dice.pick(lx.NAMES).lower() if self.rng.random() < 0.5 else words.word()
        return f"{who}@{words.word()}" + self.rng.choice([".com", ".org", ".net", ".de", ".io"])

    def _domain(self) -> str:
        return self.words.word() + self.rng.choice([".com", ".org", ".net", ".de", ".io", ".dev"])

    def _url(self) -> str:
        rng, words = self.rng, self.words
        return (
            rng.choice(["https://", "https://www.", "http://"])
            + words.word()
            + rng.choice([".com", ".org", ".io/", f".net/{words.word()}", f".com/{words.word()}.html"])
        )

    def _path(self) -> str:
        rng, words = self.rng, self.words
        file = f"{words.word()}.{rng.choice(['txt', 'md', 'json', 'py', 'csv', 'log', 'yaml'])}"
        return rng.choice(["", "", "/tmp/", "./", f"{words.word()}/", f"/home/{words.word()}/"]) + file

    def _phone(self) -> str:
        digits = "".join(self.rng.choice("0123456789") for _ in range(9))
        return self.rng.choice(
            [f"+{digits[:2]} {digits[2:5]} {digits[5:]}", f"555-{digits[:4]}", f"0{digits}", f"+1{digits}"]
        )

    # ---------------------------------------------------------------------------------------- texts

    def _topic(self) -> str:
        rng, words = self.rng, self.words
        noun = words.noun()
        return rng.choice(
            [
                noun,
                f"{rng.choice(lx.ADJECTIVES)} {noun}s",
                f"{rng.choice(lx.NOUNS)} {noun}",
                f"{noun}s in {self._city()}",
                f"the {rng.choice(lx.ADJECTIVES)} {noun}",
                f"{words.word()} {noun}",
                words.any_word(),
                words.words(1, 3),
                f"{noun} and {rng.choice(lx.NOUNS)}",
                f"history of {self._city()}",
            ]
        )

    def _title(self) -> str:
        text = self._topic()
        return " ".join(w[:1].upper() + w[1:] for w in text.split()) if self.rng.random() < 0.5 else text

    def _task(self) -> str:
        rng, words = self.rng, self.words
        verb = rng.choice(
            "call buy clean visit pay water feed wash write paint fix bring fetch order pick_up ask".split()
        ).replace("_", " ")
        thing = rng.choice(lx.NOUNS + lx.ANIMALS) if rng.random() < 0.7 else words.word()
        return rng.choice([f"{verb} the {thing}", f"{verb} {words.name()}", f"{verb} {thing}s", f"{verb} a {thing}"])

    def _message(self) -> str:
        rng, words = self.rng, self.words
        noun = words.noun()
        return rng.choice(
            [
                f"the {noun} is {rng.choice(lx.ADJECTIVES)}",
                f"I will be {rng.choice(['late', 'there', 'at home', 'back'])} at {self._clock()}",
                f"please look at the {noun}",
                f"the {noun} of {words.name()} is missing",
                f"thank you for the {noun}",
                f"we need {rng.randint(2, 99)} {noun}s",
                f"{words.name()} cannot come on {self._day()}",
                words.words(2, 7),
                f"where is the {rng.choice(lx.ADJECTIVES)} {noun}",
                f"see you in {self._city()}",
                f"no {noun} today",
            ]
        )


@lru_cache(maxsize=512)
def options(kind: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """The values of an enumeration, and what people say for each: ``enum:low=low,not urgent;high=high``."""
    parts = [part.partition("=") for part in kind.removeprefix(ENUM).split(";")]
    return tuple((name.strip(), tuple((said or name).strip().split(","))) for name, _, said in parts)


def plainly(value: object) -> str:
    """A value as text, booleans in small letters."""
    return str(value).lower() if isinstance(value, bool) else str(value)
