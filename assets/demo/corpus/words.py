"""Words, names, numbers and codes, most of them never seen before."""

from __future__ import annotations

import re

from corpus.data import lexicon as lx
from corpus.data.facts import INTENTS
from corpus.dice import Dice
from corpus.sides import on_side

SCRIPTS = (  # first and last letter: accented Latin, Greek, Cyrillic, kana, common Chinese, Korean
    (0xC0, 0x17F),
    (0x391, 0x3C9),
    (0x410, 0x44F),
    (0x3041, 0x3093),
    (0x30A1, 0x30F6),
    (0x4E00, 0x9FA0),
    (0xAC00, 0xD7A0),
)
ONSETS = "b c d f g h j k l m n p r s t v w z br cl dr fl gr kr pl sh st tr th ch sk qu".split()
VOWELS = "a e i o u ai ea ee oo ou ia".split()
CODAS = ["", "", "n", "r", "s", "l", "x", "m", "t", "ck", "nd"]
SMALL_WORDS = "the a is of in and to with on for not I you it was my no".split()
WORD_BANK = tuple(
    sorted(
        {
            word.lower()
            for word in (*lx.NOUNS, *lx.VERBS, *lx.ADJECTIVES, *lx.ANIMALS, *lx.NAMES, *lx.CITIES)
            if word.isalpha()
        }
        | {
            word.lower()
            for intent in INTENTS
            for text in (intent.answer, *intent.templates)
            for word in re.findall(r"[A-Za-z]{4,}", text)
        }
    )
)  # pieces of these make up words, so that every token of the vocabulary is copied now and then
PARAM_NAMES = (
    "id name city limit query user text title count path key value mode level status language input x y n amount "
    "number user_id max_results start end target source kind unit"
).split()
PARAM_ENDINGS = ["id", "name", "code", "type", "date", "count", "key"]


class Words:
    """The words of one side: what is made up here never comes up on the other."""

    def __init__(self, dice: Dice) -> None:
        self.dice = dice
        self.rng, self.side = dice.rng, dice.side

    def _made_up(self) -> str:
        rng = self.rng
        style = rng.random()
        if style < 0.38:
            return "".join(
                rng.choice(ONSETS) + rng.choice(VOWELS) + rng.choice(CODAS) for _ in range(rng.randint(1, 3))
            )
        if style < 0.6:
            return "".join(rng.choice("abcdefghijklmnopqrstuvwxyz") for _ in range(rng.randint(3, 9)))
        if style < 0.85:
            chunks = []
            for _ in range(rng.choice([1, 2, 2, 3])):
                word = rng.choice(WORD_BANK)
                start = rng.randrange(max(1, len(word) - 2))
                chunks.append(word[start : start + rng.randint(2, 7)])
            return "".join(chunks)
        parts = [rng.choice(lx.NOUNS + lx.ANIMALS), rng.choice(lx.NOUNS + lx.VERBS + lx.ADJECTIVES)]
        rng.shuffle(parts)
        word = "".join(part.replace("_", "") for part in parts)
        cut = rng.randint(0, 3)
        return word[cut : cut + rng.randint(4, 12)]

    def word(self) -> str:
        """A made-up lower-case word of this side."""
        while True:
            word = self._made_up()
            if len(word) > 1 and on_side(word, self.side):
                return word

    def foreign_word(self) -> str:
        """Letters of another script: their bytes are copied one by one."""
        rng = self.rng
        while True:
            first, last = rng.choice(SCRIPTS)
            word = "".join(chr(rng.randint(first, last)) for _ in range(rng.randint(1, 6)))
            if rng.random() < 0.2:
                word += "".join(chr(rng.randint(*rng.choice(SCRIPTS))) for _ in range(rng.randint(1, 4)))
            if on_side(word, self.side):
                return word

    def any_word(self) -> str:
        """A common or made-up word, sometimes capitalised, sometimes of another script."""
        rng = self.rng
        if rng.random() < 0.05:
            return self.foreign_word()
        word = self.word() if rng.random() < 0.6 else self.dice.pick(lx.NOUNS + lx.ANIMALS + lx.ADJECTIVES)
        return word.capitalize() if rng.random() < 0.15 else word.upper() if rng.random() < 0.05 else word

    def noun(self) -> str:
        """A common noun, now and then a made-up one."""
        return self.rng.choice(lx.NOUNS) if self.rng.random() < 0.7 else self.word()

    def verb(self) -> str:
        """A common verb as it is spoken."""
        return self.rng.choice(lx.VERBS).replace("_", " ")

    def words(self, low: int = 2, high: int = 7) -> str:
        """A few words, sometimes like a sentence."""
        rng = self.rng
        parts = []
        for _ in range(rng.randint(low, high)):
            roll = rng.random()
            parts.append(
                rng.choice(SMALL_WORDS)
                if roll < 0.3
                else rng.choice(lx.NOUNS)
                if roll < 0.5
                else rng.choice(lx.ADJECTIVES)
                if roll < 0.6
                else self.number()
                if roll < 0.65
                else self.any_word()
            )
        text = " ".join(parts)
        if rng.random() < 0.3:
            text = text[0].upper() + text[1:]
        return text

    def number(self, digits: int = 4) -> str:
        """A number as text; numbers of three and more digits are split between the sides."""
        rng = self.rng
        while True:
            text = str(rng.randint(0, 10 ** rng.randint(1, digits) - 1))
            if len(text) < 3 or on_side(text, self.side):
                return text

    def code(self) -> str:
        """An identifier such as ``A-1234`` or ``xk42z``."""
        rng = self.rng
        while True:
            style = rng.randrange(5)
            if style == 0:
                text = f"{rng.choice('ABCDEFGHKLMNPQRSTXZ')}-{rng.randint(10, 99999)}"
            elif style == 1:
                text = str(rng.randint(100, 999999))
            elif style == 2:
                text = "".join(rng.choice("abcdefghkmnpqrstuvwxyz0123456789") for _ in range(rng.randint(4, 8)))
            elif style == 3:
                series, dash = rng.choice(["ORD", "INV", "SKU", "ID", "TK", "PO"]), rng.choice(["-", "", "_"])
                text = f"{series}{dash}{rng.randint(1, 9999)}"
            else:
                text = f"{self._made_up()}-{rng.randint(1, 99)}"
            if on_side(text, self.side):
                return text

    def name(self) -> str:
        """A person's name, known or made up."""
        rng = self.rng
        name = self.dice.pick(lx.NAMES) if rng.random() < 0.6 else self.word().capitalize()
        return f"{name} {self.word().capitalize()}" if rng.random() < 0.1 else name

    def keepsake(self) -> str:
        """Something worth remembering."""
        roll = self.rng.random()
        if roll < 0.25:
            return self.code()
        if roll < 0.4:
            return self.number(5)
        if roll < 0.55:
            return self.rng.choice(lx.COLOURS + lx.ANIMALS)
        if roll < 0.7:
            return self.name()
        return self.any_word()

    def param_name(self) -> str:
        """A parameter's or field's name, common or made up."""
        rng = self.rng
        roll = rng.random()
        if roll < 0.4:
            return rng.choice(lx.NOUNS)
        if roll < 0.72:
            return rng.choice(PARAM_NAMES)
        if roll < 0.94:
            return f"{rng.choice(lx.NOUNS)}_{rng.choice(PARAM_ENDINGS)}"
        return self.word()

    def bent(self, word: str) -> str:
        """A word, now and then in another form."""
        if self.rng.random() < 0.75:
            return word
        return self.rng.choice([plural(word), word.rstrip("e") + "ing", word.rstrip("e") + "ed", word[:-1]])


def plural(noun: str) -> str:
    """The usual plural of a noun."""
    if noun.endswith("y") and noun[-2:-1] not in "aeiou":
        return noun[:-1] + "ies"
    if noun.endswith(("s", "x", "ch", "sh")):
        return noun + "es"
    return noun + "s"
