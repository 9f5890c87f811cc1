"""Generates the conversations that the demo model learns from and is judged by.

Nothing is downloaded: every conversation is composed from ``facts.py`` (the product), ``lexicon.py`` (words and
natural tools) and random words, numbers and identifiers. A :class:`Composer` is seeded, so the same seed gives
the same stream of conversations.

The corpus has two disjoint sides, ``train`` and ``heldout``, split at the source:

* phrasing templates (questions), before their alternatives are expanded, by the ``~`` in front of the held-out
  ones: :func:`split_templates`; which ones these are was drawn by hash;
* values, by hash (made-up words, numbers of three and more digits, codes, names, cities, the names of tools as a
  whole; not the common nouns that tools and parameters are named after): :func:`on_side`;
* a few natural kinds of tools as a whole: :data:`HELDOUT_KINDS`.

Run ``python corpus.py --count 5`` to look at samples.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import json
import math
import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal

import apis as ap
import json_asks as ja
import lexicon as lx
from facts import INTENTS, OPENINGS, REFUSAL, Intent

Side = Literal["train", "heldout"]
Message = dict[str, Any]

SALT = "dmr-demo-1:"
SCRIPTS = (  # first and last letter: accented Latin, Greek, Cyrillic, kana, common Chinese, Korean
    (0xC0, 0x17F),
    (0x391, 0x3C9),
    (0x410, 0x44F),
    (0x3041, 0x3093),
    (0x30A1, 0x30F6),
    (0x4E00, 0x9FA0),
    (0xAC00, 0xD7A0),
)
OPTIONAL = re.compile(r"<([^<>]*)>")
PLACE = re.compile(r"\{(\d)(=[^{}]*)?\}")
TYPES = {
    "int": "integer",
    "small": "integer",
    "percent": "integer",
    "year": "integer",
    "float": "number",
    "money": "number",
    "bool": "boolean",
    "ints": "array",
    "words": "array",
    "names": "array",
}
NUMBER_WORDS = "zero one two three four five six seven eight nine ten eleven twelve".split()
BRACKETS = re.compile(r"\[([^\[\]]*)\]")
REAL_SHARE = 0.12  # of the boxes of tools in training: those of real interfaces, which are far harder
HELDOUT_KINDS = ("table", "music")
MARK_OFF, MARK_ON = "\x02", "\x03"  # around text in an assistant turn that is not learned (forced JSON keys)


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.sha1((SALT + text).encode()).digest()[:4], "big")


@lru_cache(maxsize=200_000)
def on_side(text: str, side: Side) -> bool:
    """Whether a value belongs to this side: one in ten belongs to the held-out one."""
    return (_hash(text.lower()) % 10 == 0) == (side == "heldout")


@lru_cache(maxsize=4096)
def split_templates(templates: tuple[str, ...], side: Side) -> tuple[str, ...]:
    """The phrasings of one side, without the ``~`` that marks the held-out ones (all, if none is marked)."""
    held = tuple(t[1:] for t in templates if t.startswith("~"))
    if side == "heldout":
        return held or templates
    return tuple(t for t in templates if not t.startswith("~"))


def wordings(template: str) -> set[str]:
    """Every text that a phrasing with bracketed alternatives stands for, in small letters."""
    parts = re.split(r"\[([^\[\]]*)\]", template)  # plain text and alternatives in turn
    choices = [[part] if i % 2 == 0 else part.split("|") for i, part in enumerate(parts)]
    return {" ".join("".join(chosen).split()).lower() for chosen in itertools.product(*choices)}


@lru_cache(maxsize=1)
def held_phrasings() -> frozenset[str]:
    """Every wording of a held-out fact's phrasing, so that no rewording of a training one can hit it."""
    intents = (*INTENTS, *EXTRA_FACTS)
    return frozenset().union(*(wordings(t[1:]) for i in intents for t in i.templates if t.startswith("~")))


USUAL_NAMES = frozenset(name for kind in lx.TOOL_KINDS for name in kind.names)  # both sides use these


KEYBOARD = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
NEAR_KEYS = {
    key: "".join(
        other
        for r, line in enumerate(KEYBOARD)
        for c, other in enumerate(line)
        if other != key and abs(r - row) <= 1 and abs(c - column) <= 1
    )
    for row, keys in enumerate(KEYBOARD)
    for column, key in enumerate(keys)
}


_MATHS = ("maths", "lists", "games and fun")
NEAR_FAMILIES = {
    "weather": ("weather",),
    "add": _MATHS,
    "multiply": _MATHS,
    "subtract": _MATHS,
    "divide": _MATHS,
    "calculator": (*_MATHS, "finance", "programming"),
    "magic": _MATHS,
    "dice": _MATHS,
    "search": ("knowledge", "files", "shopping"),
    "wikipedia": ("knowledge",),
    "time": ("travel", "weather"),
    "date": ("calendar",),
    "email": ("messages", "work"),
    "stock": ("finance", "shopping"),
    "currency": ("finance",),
    "translate": ("text",),
    "reminder": ("reminders", "calendar"),
    "timer": ("reminders", "calendar"),
    "note": ("reminders", "calendar", "files"),
    "light": ("home", "car and machines"),
    "file": ("files", "programming"),
    "user": ("work", "messages", "social", "security and access"),
    "customer": ("work", "messages"),
    "order": ("shopping", "food"),
    "flight": ("travel",),
    "url": ("knowledge", "files", "text"),
}  # families of ``apis.txt`` with tools for the same questions as a natural kind


@dataclass(frozen=True)
class Check:
    """What a right answer looks like: exact text, parts it must contain, or tool calls."""

    exact: str | None = None
    contains: tuple[str, ...] = ()
    calls: tuple[tuple[str, str], ...] = ()  # (name, canonical JSON of the arguments)


@dataclass
class Exchange:
    """A user's turn and everything up to the assistant's final answer to it."""

    skill: str
    messages: list[Message]
    check: Check


@dataclass
class Sample:
    """One conversation; ``skill`` and ``check`` describe its last assistant turn."""

    messages: list[Message]
    tools: list[dict[str, Any]]
    skill: str
    check: Check


@dataclass
class Tool:
    """A tool as offered to the model, and how to ask for it."""

    name: str
    description: str
    params: list[tuple[str, str, bool]]  # name, value kind, required
    types: dict[str, str]  # JSON type by parameter name
    topic: str
    asks: tuple[str, ...]  # natural questions with {0}, {1} for the values
    result: str
    order: dict[str, int]  # the parameters' places in the schema as shown
    words: tuple[str, ...] = ()  # what people call the record that it works on
    keys: tuple[str, ...] = ()  # words of its name and description, one of which a question for it holds
    real: bool = False  # asked for in the manner of ``apis.py``
    clashes: frozenset[str] = frozenset()
    schema: dict[str, Any] = field(default_factory=dict)


def assistant(text: str) -> Message:
    """An assistant turn with text."""
    return {"role": "assistant", "content": text}


def user(text: str) -> Message:
    """A user turn."""
    return {"role": "user", "content": text}


def canonical(value: object) -> str:
    """JSON text by which arguments are compared."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


# -------------------------------------------------------------------------------------------- phrasings

EXTRA_FACTS: tuple[Intent, ...] = (
    Intent(
        "days",
        "Monday, Tuesday, Wednesday, Thursday, Friday, Saturday, Sunday",
        ("Wednesday",),
        (),
        (
            "list the days of the week",
            "what are the days of the week",
            "name the [seven|] days of the week",
            "which days does a week have",
            "days of the week",
            "~tell me the days of the week",
            "say the weekdays",
        ),
    ),
    Intent(
        "months",
        "January, February, March, April, May, June, July, August, September, October, November, December",
        ("October",),
        (),
        (
            "list the months [of the year|]",
            "what are the months [of the year|]",
            "name the [twelve|] months",
            "which months does a year have",
            "months of the year",
            "~tell me the months of the year",
            "say the months",
        ),
    ),
    Intent(
        "alphabet",
        "A, B, C, D, E, F, G, H, I, J, K, L, M, N, O, P, Q, R, S, T, U, V, W, X, Y, Z",
        ("L, M, N",),
        (),
        (
            "say the alphabet",
            "list the alphabet",
            "what is the alphabet",
            "recite the alphabet",
            "the alphabet please",
            "list the letters of the alphabet",
            "what are the letters of the alphabet",
            "~tell me the alphabet",
        ),
    ),
    Intent(
        "colours",
        "Red, orange, yellow, green, blue and violet are colours.",
        ("green",),
        (),
        (
            "name some colours",
            "~list [three|some|a few] colours",
            "name a few colors",
            "tell me some colours",
            "which colours are there",
            "name three colors",
            "list some colors",
            "what colours do you know",
        ),
    ),
    Intent(
        "fact",
        "A fun fact: I fit on three old floppy disks.",
        ("floppy",),
        (),
        (
            "tell me a fun fact",
            "tell me something interesting",
            "tell me something",
            "do you know a fun fact",
            "tell me a fact",
            "give me a fun fact",
            "say something interesting",
            "write one sentence",
            "write a sentence",
            "say something",
            "~tell me an interesting fact",
            "surprise me",
            "write something short",
            "generate some text",
            "one sentence please",
        ),
    ),
    Intent(
        "haiku",
        "A small model wakes,\nit answers from its own disk,\nnothing leaves the room.",
        ("nothing leaves",),
        (),
        (
            "write a haiku",
            "write a [short|] poem",
            "write me a poem",
            "a poem please",
            "can you write a poem",
            "give me a haiku",
            "compose a poem",
            "write a poem about [models|the sea|spring]",
            "tell me a poem",
        ),
    ),
)

CAPITALS = {
    "France": "Paris",
    "Germany": "Berlin",
    "Italy": "Rome",
    "Spain": "Madrid",
    "England": "London",
    "Japan": "Tokyo",
    "Austria": "Vienna",
    "Portugal": "Lisbon",
}
CAPITAL_ASKS = (
    "what is the capital of {0}",
    "what's the capital of {0}",
    "which city is the capital of {0}",
    "capital of {0}",
    "tell me the capital of {0}",
    "name the capital of {0}",
    "~what is the capital city of {0}",
    "do you know the capital of {0}",
)

JOKE_ASKS = (
    "~say a joke about {0}s",
    "tell me a joke about {0}s",
    "tell a joke about {0}s",
    "do you know a joke about {0}s",
    "a joke about {0}s please",
    "give me a joke about a {0}",
    "make a joke about {0}s",
    "tell me a funny joke about a {0}",
    "give me the setup to a joke about {0}s, no punchline",
    "give me a joke about {0}s, include the punchline",
)
JOKE_SETUP, JOKE_PUNCH = "Why did the {0} sit on the computer?", "To keep an eye on the mouse."

STORY_ASKS = (
    "tell me a story",
    "tell me a long story",
    "write a story",
    "write a long story",
    "a story please",
    "can you tell me a story",
    "write me a short story",
    "tell a very long story",
    "~I want to hear a story",
    "write an essay",
    "write a long text",
    "write a very long answer",
    "~say something long",
    "write 200 words",
    "tell me something long",
    "write a few paragraphs",
)
STORY_ABOUT_ASKS = (
    "tell me a story about a {0}",
    "tell me a long story about a {0}",
    "write a story about a {0}",
    "write a long story about a {0}",
    "~a story about a {0} please",
    "can you tell me a story about a {0}",
    "write me a story with a {0}",
    "I want to hear a story about a {0}",
    "write an essay about a {0}",
)
STORY = (
    "Once upon a time there was a {0} that lived in a quiet valley. Every morning the {0} walked to the river, "
    "counted the boats and said hello to each of them. One day a boat came that nobody had seen before. It was "
    "painted blue, and on its deck stood an old box without a key. The {0} asked the river what was in the box, "
    "but the river only laughed. So the {0} sat down, waited for the night and listened. When the moon came up, "
    "the box began to sing. It sang about mountains, about snow, about a small machine that could answer "
    "questions and never told a secret to anyone. The {0} learned the song by heart and carried it home. From "
    "that day on, whoever was lost in the valley heard the {0} sing and found the way. And if the boat has not "
    "sailed on, it is still there. The end."
)

COUNT_ASKS = (
    "count from {0} to {1}",
    "count from {0} up to {1}",
    "please count from {0} to {1}",
    "can you count from {0} to {1}",
    "write the numbers from {0} to {1}",
    "list the numbers from {0} to {1}",
    "~numbers from {0} to {1}",
    "give me the numbers from {0} to {1}",
    "start at {0} and count to {1}",
    "say the numbers from {0} to {1}",
    "~count slowly from {0} to {1}",
    "print the numbers {0} to {1}",
)
COUNT_TO_ASKS = (
    "count to {1}",
    "can you count to {1}",
    "please count to {1}",
    "count up to {1}",
    "count until {1}",
    "count to {1} please",
    "I want you to count to {1}",
    "~let us count to {1}",
)

WORD_DIGITS = "zero one two three four five six seven eight nine".split()
OPERATIONS: dict[str, tuple[str, ...]] = {
    "+": (
        "what is {0} + {1}",
        "what is {0} plus {1}",
        "{0} + {1}",
        "{0} plus {1}",
        "add {0} and {1}",
        "what is the sum of {0} and {1}",
        "how much is {0} + {1}",
        "how much is {0} plus {1}",
        "calculate {0} + {1}",
        "compute {0} plus {1}",
        "~what's {0} + {1}",
        "what's {0}+{1}",
        "{0}+{1}",
        "what is {0}+{1}",
        "~sum of {0} and {1}",
        "what does {0} + {1} give",
        "{0}+{1}=",
        "{0} + {1} =",
        "~can you add {0} and {1}",
        "solve {0} + {1}",
        "what do you get for {0} plus {1}",
    ),
    "-": (
        "what is {0} - {1}",
        "what is {0} minus {1}",
        "{0} - {1}",
        "{0} minus {1}",
        "how much is {0} - {1}",
        "how much is {0} minus {1}",
        "calculate {0} - {1}",
        "compute {0} minus {1}",
        "what's {0} - {1}",
        "what's {0}-{1}",
        "{0}-{1}",
        "what is {0}-{1}",
        "what does {0} - {1} give",
        "~{0}-{1}=",
        "{0} - {1} =",
        "solve {0} - {1}",
        "what do you get for {0} minus {1}",
    ),
    "*": (
        "{0} x {1}",
        "calculate {0} x {1}",
        "{0}x{1}",
        "how much is {0} x {1}",
        "compute {0} x {1}",
        "what is {0} * {1}",
        "what is {0} times {1}",
        "{0} * {1}",
        "{0} times {1}",
        "multiply {0} by {1}",
        "multiply {0} and {1}",
        "what is the product of {0} and {1}",
        "~how much is {0} * {1}",
        "how much is {0} times {1}",
        "calculate {0} * {1}",
        "compute {0} times {1}",
        "what's {0} * {1}",
        "what's {0}*{1}",
        "{0}*{1}",
        "what is {0}*{1}",
        "~what is {0} x {1}",
        "what does {0} * {1} give",
        "{0}*{1}=",
        "{0} * {1} =",
        "solve {0} * {1}",
        "can you multiply {0} by {1}",
    ),
}
BIG_ARITHMETIC = "I can do arithmetic only with one-digit numbers."

COPY_WORD_ASKS = (
    'repeat the word "{0}"',
    'say the word "{0}"',
    '~copy the word "{0}"',
    'say "{0}"',
    'write "{0}"',
    'repeat "{0}"',
    '~echo "{0}"',
    '~copy "{0}"',
    'type the word "{0}"',
    'print "{0}"',
    'answer with "{0}"',
    'reply with "{0}"',
    'repeat this word: "{0}"',
    'say exactly "{0}"',
    'respond with "{0}"',
    "repeat the word '{0}'",
    "say '{0}'",
    "repeat the word {0}",
    "say the word {0}",
    "reply with the word {0}",
    'the word is "{0}", repeat it',
    'please write the word "{0}" back to me',
    'give me back the word "{0}"',
    'output "{0}"',
    'can you repeat the word "{0}"',
    'can you say "{0}"',
    'just say "{0}"',
    "answer with the word {0}",
)
COPY_TEXT_ASKS = (
    "repeat after me: {0}",
    "say: {0}",
    "repeat: {0}",
    "echo: {0}",
    "copy this: {0}",
    "copy this text: {0}",
    "repeat this: {0}",
    "write this: {0}",
    "repeat the following: {0}",
    "reply with exactly: {0}",
    "respond with exactly: {0}",
    "say exactly: {0}",
    "answer with only: {0}",
    "output exactly this: {0}",
    "reply only with: {0}",
    "please repeat after me: {0}",
    "echo {0}",
    "repeat this sentence: {0}",
    "reply with exactly this text: {0}",
    "say this back to me: {0}",
    '~repeat the text "{0}"',
    'say "{0}"',
    'repeat the sentence "{0}"',
    '~reply with exactly "{0}"',
    'reply with only "{0}"',
)

NAME_INTROS = (
    "my name is {0}",
    "I am {0}",
    "I'm {0}",
    "hi, my name is {0}",
    "hello, I am {0}",
    "call me {0}",
    "you can call me {0}",
    "hello, my name is {0}",
    "please remember that my name is {0}",
    "people call me {0}",
    "hi! I'm {0}",
    "{0} is my name",
    "remember my name: {0}",
    "~my name's {0}",
    "this is {0} speaking",
    "hey, I am {0}",
)
NAME_QUERIES = (
    "what is my name",
    "what's my name",
    "do you remember my name",
    "who am I",
    "~tell me my name",
    "do you know my name",
    "how am I called",
    "what did I say my name is",
    "can you tell me my name",
    "say my name",
    "what was my name",
    "which name did I tell you",
    "what is my name again",
    "remind me of my name",
)
NUMBER_INTROS = (
    "my number is {0}",
    "remember the number {0}",
    "my lucky number is {0}",
    "the number is {0}",
    "remember {0}",
    "~please remember the number {0}",
    "keep the number {0} in mind",
    "I give you the number {0}",
    "~my number: {0}",
    "store the number {0}",
    "I am thinking of the number {0}",
    "note the number {0}",
    "do not forget the number {0}",
)
NUMBER_QUERIES = (
    "what is my number",
    "which number did I give you",
    "what number did I tell you",
    "what is the number",
    "do you remember the number",
    "~tell me my number",
    "~what was the number",
    "what was my number",
    "the number please",
    "which number should you remember",
    "what's my number",
    "what number did I say",
    "can you tell me the number",
    "do you remember my number",
    "what is my lucky number",
    "what is the number I told you",
)
THING_INTROS = (
    "my {0} is {1}",
    "remember that my {0} is {1}",
    "please remember: my {0} is {1}",
    "my {0} is called {1}",
    "you should know that my {0} is {1}",
    "by the way, my {0} is {1}",
    "~note that my {0} is {1}",
)
THING_QUERIES = (
    "what is my {0}",
    "what's my {0}",
    "~do you remember my {0}",
    "tell me my {0}",
    "what was my {0}",
    "which {0} do I have",
    "do you know my {0}",
    "can you tell me my {0}",
)
SECRET_INTROS = (
    "the {0} is {1}",
    "~remember the {0} {1}",
    "please remember the {0}: {1}",
    "keep in mind that the {0} is {1}",
    "remember that the {0} is {1}",
    "note the {0}: {1}",
    "the {0} is {1}, do not forget it",
)
SECRET_QUERIES = (
    "what is the {0}",
    "what's the {0}",
    "do you remember the {0}",
    "tell me the {0}",
    "~what was the {0}",
    "can you tell me the {0}",
    "which {0} did I tell you",
    "the {0} please",
)
SECRETS = (
    "secret word",
    "code",
    "password",
    "secret code",
    "code word",
    "magic word",
    "secret",
    "keyword",
    "pin",
    "key",
)
THINGS = (
    "favourite colour",
    "favorite color",
    "dog",
    "cat",
    "city",
    "favourite food",
    "job",
    "age",
    "car",
    "favourite animal",
    "team",
    "project",
    "order number",
    "customer id",
    "account number",
    "street",
    "company",
    "favourite song",
    "user name",
    "favourite city",
    "phone number",
    "host name",
    "birthday",
    "horse",
    "boat",
)

UNKNOWN_ASKS = (
    "translate '{words}' to [french|german|spanish|italian]",
    'translate "{words}" to [French|German|Spanish|Italian]',
    'translate "{words}" into [French|German|Dutch|Japanese]',
    'what does "{word}" mean',
    'how do you say "{words}" in [French|German|Spanish]',
    'spell "{word}" backwards',
    'how many letters are in "{word}"',
    'is "{word}" a real word',
    'define "{word}"',
    "what is the meaning of '{word}'",
    "rewrite this: {words}",
    "shorten this: {words}",
    "explain this: {words}",
    "proofread this: {words}",
    "analyse this: {words}",
    "make this better: {words}",
    "translate the following: {words}",
    "translate this: {words}",
    "rate this text: {words}",
    "find the mistake in this sentence: {words}",
    "turn this into a poem: {words}",
    "what is wrong with this: {words}",
    "check the grammar of this: {words}",
    "what does this mean: {words}",
    "summarize this: {words}",
    "summarise: {words}",
    "summarize: {words}",
    "give me a summary of this: {words}",
    "reply to this email: {words}",
    "continue this story: {words}",
    "what language is this: {words}",
    "is this spam: {words}",
    "what is the mood of this text: {words}",
    "answer this: {words}",
    "what is the topic of this: {words}",
    "sort these words: {words}",
    "make a title for this: {words}",
    "~simplify this: {words}",
    "convert {num} feet to meters",
    "convert {num} kilograms to pounds",
    "convert {num} degrees to fahrenheit",
    "convert {num} dollars to euros",
    "how many meters are {num} feet",
    "what is {num} percent of {num2}",
    "how many {noun}s is {num} {noun2}s",
    "convert {num} {noun}s to {noun2}s",
    "what is {num} in binary",
    "is {num} a prime number",
    "what is the root of {num}",
    "~how many inches are {num} centimeters",
    "who won the {noun}",
    "who won the {noun} last year",
    "when did the {noun} of {city} end",
    "who discovered {noun}",
    "what is the difference between {city} and {city2}",
    "difference between {noun} and {noun2}",
    "compare {noun} and {noun2}",
    "compare {city} with {city2}",
    "what is better, {noun} or {noun2}",
    "write a poem about {name} and {noun}",
    "write a letter to {name}",
    "write a blog post about {noun}",
    "write a report about {city}",
    "write a script for a {noun}",
    "write a test for this code: {words}",
    "debug this code: {words}",
    "what does this code do: {words}",
    "sing a song about {noun}s",
    "how many people live in {city}",
    "which language is spoken in {country}",
    "what is the currency of {country}",
    "who is the king of {country}",
    "what is the weather like",
    "how is the weather",
    "what is a {word}",
    "who is {word}",
    "where is {word}",
    "why is {noun} {adj}",
    "what is an {noun}",
    "define {noun}",
    "what is sql",
    "what is html",
    "what is docker swarm",
    "what is machine learning",
    "what is an atom",
    "explain physics",
    "explain how {noun}s work",
    "explain the {noun} of {city}",
    "give me five ideas for a {noun}",
    "give me tips for {noun}s",
    "make a plan for {city}",
    "what should I do in {city}",
    "what should I read",
    "what should I {verb} today",
    "~what film should I watch",
    "buy a {noun}",
    "order a {noun} for {name}",
    "call {name}",
    "remind me to {verb} the {noun}",
    "open the {noun}",
    "{verb} the {noun}",
    "{verb} the {noun} for {name}",
    "{verb} {word}",
    "~please {verb} the {noun} of {name}",
    "who invented the {noun}",
    "what is a {noun}",
    "explain {noun} to me",
    "how does a {noun} work",
    "write a [python|javascript|java|c] function that {verb}s a {noun}",
    "write code that {verb}s {noun}s",
    "who is the president of {country}",
    "how tall is {name}",
    "when was {name} born",
    "who is {name} {word}",
    "translate {word} to [french|german|spanish|italian|english]",
    "translate this into [french|german|spanish]: {words}",
    "what does {word} mean",
    "summarise this text: {words}",
    "~summarize the following: {words}",
    "why is the {noun} {adj}",
    "what is the population of {city}",
    "how far is {city} from {city2}",
    "what is the best {noun} in {city}",
    "how do I cook {noun}",
    "give me a recipe for {noun}",
    "what is the meaning of life",
    "~what is the difference between a {noun} and a {noun2}",
    "write an email to {name} about the {noun}",
    "fix this code: {words}",
    "what is the news today",
    "~who won the {noun} in [1998|2010|2014|2022]",
    "recommend a {noun} for {name}",
    "plan a trip to {city}",
    "what should I eat today",
    "how many {noun}s are there in {city}",
    "is {city} a nice place",
    "what is {word}",
    "who is {name}",
    "tell me about {city}",
    "tell me about {name}",
    "what do you think about {noun}s",
    "why do {noun}s {verb}",
    "how old is {name}",
    "where is {city}",
    "what is the square root of {num}",
    "~write a song about {noun}s",
    "what is the history of {city}",
    "do you like {noun}s",
    "are {noun}s {adj}",
    "{words}",
    "{word}",
    "{word} {word2}",
    "the {adj} {noun}",
    "solve this equation: {words}",
    "what is the weather in {city}",
    "what time is it",
    "~what day is it",
    "what is the date today",
    "is it raining in {city}",
    "how do I repair a {noun}",
    "can you {verb} my {noun}",
    "which {noun} should I buy",
    "what is the price of a {noun}",
    "give me advice about my {noun}",
    "what is quantum physics",
    "who wrote {word}",
    "how do you spell {word}",
    "~classify this text: {words}",
    "is this positive or negative: {words}",
    "what is the {noun} of a {noun2}",
    "find a rhyme for {word}",
    "correct this sentence: {words}",
    "~improve this: {words}",
    "~what is [java|javascript|rust|linux|kubernetes|photosynthesis|gravity]",
    "what happened in [1945|1989|2001]",
    "~how many people live in {country}",
    "what is the capital of {country}",
    "~convert {num} miles to kilometers",
    "explain [recursion|relativity|inflation|blockchain]",
    "search for {word}",
    "send an email to {name}",
    "set a timer for {num} minutes",
    "play some music",
    "book a flight to {city}",
    "turn on the light",
)
COUNTRIES = (
    "Brazil Chad Peru Chile Kenya Ghana Nepal Mongolia Norway Sweden Finland Poland Greece Turkey Egypt Morocco "
    "India China Vietnam Thailand Canada Mexico Cuba Iceland Ireland Hungary Romania Serbia Albania Nigeria "
    "Fiji Samoa Iran Iraq"
).split()

EXPLICIT_ASKS = (
    "with {args} use the tool {tool}",
    "use the tool {tool} with {args}",
    "use tool {tool} with {args}",
    "use {tool} with {args} please",
    "the tool {tool} should run with {args}",
    "let {tool} run with {args}",
    "call tool {tool}, {args}",
    "please run the tool {tool} with {args}",
    "start {tool} with {args}",
    "use {tool} with {args}",
    "~use the {tool} tool with {args}",
    "call {tool} with {args}",
    "call the tool {tool} with {args}",
    "run {tool} with {args}",
    "please call {tool} with {args}",
    "invoke {tool} with {args}",
    "execute {tool} with {args}",
    "I want you to call {tool} with {args}",
    "use {tool} for {args}",
    "make a call to {tool} with {args}",
    "please use the tool {tool} with {args}",
    "can you run {tool} with {args}",
    "try {tool} with {args}",
)
EXPLICIT_CALL_ASKS = (
    "what is the value of {tool}({vals})? Use the tool",
    "~what is {tool}({vals})",
    "call {tool}({vals})",
    "run {tool}({vals})",
    "compute {tool}({vals})",
    "evaluate {tool}({vals}) with the tool",
    "what does {tool}({vals}) return",
    "give me the result of {tool}({vals})",
    "{tool}({vals})",
    "use the tool to get {tool}({vals})",
)
EXPLICIT_NOARG_ASKS = (
    "use {tool}",
    "call {tool}",
    "run {tool}",
    "~use the {tool} tool",
    "please call the tool {tool}",
    "invoke {tool}",
    "what is the value of {tool}()? Use the tool",
    "call {tool}()",
    "~what does {tool} return",
    "execute {tool} now",
    "can you run {tool}",
    "use the tool {tool} please",
)
SYNTH_ASKS_0 = (
    "{verb} that {noun}",
    "would you {verb} the {noun}",
    "let us {verb} the {noun}",
    "go and {verb} the {noun}",
    "it is time to {verb} the {noun}",
    "I have to {verb} the {noun}",
    "{verb} the {noun} again",
    "do {verb} the {noun}",
    "{verb} the {noun}",
    "please {verb} the {noun}",
    "can you {verb} the {noun}",
    "{verb} my {noun}",
    "I want to {verb} the {noun}",
    "could you {verb} the {noun} now",
    "{verb} {noun}",
    "I need you to {verb} the {noun}",
    "time to {verb} the {noun}",
)
SYNTH_ASKS_1 = (
    "would you {verb} the {noun} for {0}",
    "I have to {verb} the {noun} for {0}",
    "for {0}, {verb} the {noun}",
    "{verb} the {noun}: {0}",
    "{0}: {verb} the {noun}",
    "what about the {noun} of {0}",
    "is there a {noun} for {0}",
    "find out the {noun} of {0}",
    "do you know the {noun} of {0}",
    "let me see the {noun} for {0}",
    "who has the {noun} of {0}",
    "where is the {noun} for {0}",
    "I would like to know the {noun} of {0}",
    "the {noun} for {0} please",
    "{verb} a {noun} called {0}",
    "{verb} my {noun} {0} please",
    "how is the {noun} of {0}",
    "with {p0} {0}, {verb} the {noun}",
    "set {p0} to {0} and {verb} the {noun}",
    "{verb} the {noun} using {0}",
    "{verb} the {noun} by {p0} {0}",
    "{verb} the {noun} for {0}",
    "{verb} the {noun} of {0}",
    "what is the {noun} of {0}",
    "{verb} {noun} {0}",
    "please {verb} the {noun} {0}",
    "can you {verb} the {noun} for {0}",
    "I need the {noun} for {0}",
    "show me the {noun} of {0}",
    "{verb} the {noun} with {p0} {0}",
    "{verb} the {noun} for {p0} {0}",
    "what {noun} does {0} have",
    "give me the {noun} of {0}",
    "tell me the {noun} for {0}",
    "{noun} of {0} please",
    "{verb} the {noun} where {p0} is {0}",
    "which {noun} belongs to {0}",
    "I want to {verb} the {noun} of {0}",
)
SYNTH_ASKS_N = (
    "would you {verb} the {noun} with {args}",
    "I have to {verb} the {noun} with {args}",
    "with {args} {verb} the {noun}",
    "{verb} the {noun}: {args}",
    "{args}: {verb} the {noun}",
    "let us {verb} the {noun} with {args}",
    "do you know the {noun} with {args}",
    "find the {noun} where {args}",
    "{verb} my {noun} for {args}",
    "{verb} the {noun} using {args}",
    "give me the {noun} for {args}",
    "show me the {noun} with {args}",
    "for {args} {verb} the {noun} please",
    "{verb} the {noun} with {args}",
    "{verb} the {noun} for {args}",
    "please {verb} the {noun} with {args}",
    "can you {verb} the {noun} with {args}",
    "{verb} {noun}: {args}",
    "I want to {verb} the {noun} with {args}",
    "{verb} a {noun} with {args}",
    "I need the {noun} for {args}",
    "what is the {noun} for {args}",
    "{verb} the {noun} where {args}",
)

FOLLOW_UPS = (
    "and {0}",
    "what about {0}",
    "and for {0}",
    "the same for {0}",
    "now {0}",
    "and what about {0}",
    "how about {0}",
    "and {0} please",
    "do the same for {0}",
    "{0}",
    "once more for {0}",
    "try {0} too",
    "~now the same for {0}",
)

FIELD_STATEMENTS: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = (
    (
        ("name", "age"),
        (
            "{name} celebrated the {age}th birthday",
            "a {age} year old called {name} came in",
            "we hired {name}, {age} years old",
            "{verb} {name}, {age}",
            "the {noun} of {name} ({age}) is here",
            "{name}, who is {age} years old, wants a {noun}",
            "her friend {name} is {age}",
            "my brother {name} is {age} years old",
            "the boy is called {name} and is {age} years old",
            "the new {noun} is {name}, aged {age}",
            "in {age} years {name} saw no {noun}",
            "{name} became {age} last week",
            "only {age} years old, {name} can {verb}",
            "patient {name}, age {age}",
            "name {name}, age {age}",
            "age: {age}, name: {name}",
            "you should meet {name}, {age} years young",
            "it is {name} with {age} years",
            "my cousin {name} will be {age} soon",
            "my uncle {name} is {age} years of age",
            "{name} is {age} years old",
            "{name} is {age}",
            "{name}, {age} years old",
            "my sister {name} is {age}",
            "this is {name}, aged {age}",
            "{name} is {age} years of age",
            "{name} ({age})",
            "at {age}, {name} is happy",
            "{age} years old is {name}",
            "I met {name}, who is {age}",
            "my name is {name} and I am {age} years old",
            "I am {name}, {age}",
            "our neighbour {name} turned {age} today",
            "~my friend {name} is {age} years old",
            "{name} has turned {age}",
            "the age of {name} is {age}",
            "his name is {name} and he is {age} years old",
            "her name is {name}, she is {age}",
        ),
    ),
    (
        ("name", "age", "city"),
        (
            "at the age of {age}, {name} {verb}s in {city}",
            "{name} moved to {city} at {age}",
            "at the age of {age} {name} went to {city}",
            "{age} year old {name} works in {city}",
            "my friend {name} is {age} and lives in {city}",
            "{name}, aged {age}, was seen in {city}",
            "from {city} comes {name}, {age} years old",
            "{verb} {name} ({age}) in {city}",
            "{name} has a {noun} in {city} and is {age}",
            "when {name} was {age}, the {noun} was in {city}",
            "name: {name}, age: {age}, city: {city}",
            "{city} is the home of {name}, {age}",
            "with {age} years {name} left {city}",
            "{name} is {age}, born in {city}",
            "we met {name} in {city}, {age} years old",
            "in {city} we saw {name}, aged {age}",
            "{name} is {age} years old and lives in {city}",
            "{name}, {age}, from {city}",
            "{name} is {age} and comes from {city}",
            "in {city} lives {name}, who is {age}",
            "{name} ({age}) lives in {city}",
            "my name is {name}, I am {age} and I live in {city}",
            "I know {name} from {city}, {age} years old",
            "{name} from {city} is {age} years old",
            "{name} lives in {city} and is {age}",
            "~at {age}, {name} moved to {city}",
        ),
    ),
    (
        ("name", "city"),
        (
            "{name} {verb}s in {city}",
            "{verb} {name} in {city}",
            "{name} has a {noun} in {city}",
            "the {noun} of {name} is in {city}",
            "{name} took the train to {city}",
            "near {city} lives {name}",
            "a letter from {name} came from {city}",
            "{name} lives near the {noun} in {city}",
            "in {city} there is a {noun} of {name}",
            "my uncle {name} has a house in {city}",
            "{name} went to {city} to {verb} the {noun}",
            "{name}, {city}",
            "our office in {city} is led by {name}",
            "ask {name} in {city}",
            "name: {name}, city: {city}",
            "{name} was seen in {city}",
            "you find {name} in {city}",
            "say hello to {name} from {city}",
            "tell {name} that {city} is nice",
            "{name} lives in {city}",
            "{name} comes from {city}",
            "{name} is from {city}",
            "I live in {city}, my name is {name}",
            "my friend {name} lives in {city}",
            "we met {name} in {city}",
            "{city} is the home of {name}",
            "{name} was born in {city}",
            "in {city} we saw {name}",
            "from {city} comes {name}",
            "{name} flew to {city}",
            "{name} has moved to {city}",
            "~in {city} lives {name}",
            "{name} works in {city}",
        ),
    ),
    (
        ("name", "email"),
        (
            "{verb} {name} at {email}",
            "ask {name} at {email}",
            "reply to {name}, {email}",
            "send the {noun} to {name} at {email}",
            "send {name} the {noun}: {email}",
            "{name} can be reached at {email}",
            "call {name} or mail {email}",
            "mail to {name} under {email}",
            "inform {name} at {email}",
            "{verb} the {noun} of {name} with {email}",
            "for {name} use {email}",
            "tell {name} at {email} about the {noun}",
            "this is {name}, my mail is {email}",
            "I am {name} and my email is {email}",
            "name: {name}, email: {email}",
            "sign up {name} with {email}",
            "invite {name} by {email}",
            "{email} is the address of {name}",
            "forward it to {name} at {email}",
            "talk to {name} at {email}",
            "{name} has the email {email}",
            "~write to {name} at {email}",
            "{name} <{email}>",
            "please mail {name} at {email}",
            "{name} uses {email}",
            "send it to {name}, {email}",
            "{email} belongs to {name}",
            "contact {name} under {email}",
            "{name}: {email}",
            "the email of {name} is {email}",
            "you reach {name} under {email}",
        ),
    ),
    (
        ("product", "quantity"),
        (
            "we {verb} {quantity} {product}s",
            "they {verb} {quantity} {product}s",
            "{verb} {quantity} {product}s",
            "I need {quantity} {product}s",
            "give me {quantity} {product}s",
            "they have {quantity} {product}s",
            "{quantity} {product}s are left",
            "you get {quantity} {product}s",
            "she took {quantity} {product}s home",
            "there were {quantity} {product}s in the {noun}",
            "please {verb} {quantity} {product}s",
            "we ordered {quantity} {product}s today",
            "ship {quantity} {product}s to the {noun}",
            "the {noun} has {quantity} {product}s",
            "he asked for {quantity} {product}s",
            "we are out of {product}s and want {quantity}",
            "{product}s: {quantity}",
            "get {quantity} {product}s from the {noun}",
            "I am looking for {quantity} {product}s",
            "I want to order {quantity} {product}s",
            "please send me {quantity} {product}s",
            "I would like {quantity} {product}s",
            "{quantity} {product}s please",
            "I bought {quantity} {product}s",
            "we sold {quantity} {product}s",
            "add {quantity} {product}s to the order",
            "there are {quantity} {product}s",
            "an order of {quantity} {product}s",
            "~we need {quantity} {product}s",
            "buy {quantity} {product}s",
        ),
    ),
    (
        ("product", "price"),
        (
            "we {verb} the {product} for {price}",
            "we paid {price} for one {product}",
            "she gave {price} euros for the {product}",
            "the {product} was {price} euros",
            "{verb} the {product} for {price} dollars",
            "I got the {product} for {price}",
            "you can have the {product} for {price} dollars",
            "I sold my {product} for {price}",
            "they want {price} for the {product}",
            "a new {product} is {price} dollars",
            "they pay {price} for a {product}",
            "it costs {price} to {verb} the {product}",
            "the {product} in the {noun} costs {price}",
            "I spent {price} on a {product}",
            "product {product}, price {price}",
            "{price} for the {product} is too much",
            "he bought the {product} and paid {price}",
            "my {product} was worth {price} euros",
            "the {product} costs {price} dollars",
            "the {product} is {price} dollars",
            "one {product} costs {price}",
            "we sold the {product} for {price} dollars",
            "I bought a {product} for {price}",
            "{product}: {price} euros",
            "he paid {price} euros for a {product}",
            "for {price} you get the {product}",
            "{price} dollars for a {product}",
            "you pay {price} for a {product}",
            "a {product} for {price} euros",
            "~I paid {price} for the {product}",
            "the price of the {product} is {price}",
        ),
    ),
    (
        ("name", "product", "quantity"),
        (
            "{name} {verb}s {quantity} {product}s",
            "{quantity} {product}s went to {name}",
            "{verb} {quantity} {product}s for {name}",
            "give {name} {quantity} {product}s",
            "{name} asked for {quantity} {product}s",
            "{quantity} {product}s, says {name}",
            "{name} will {verb} {quantity} {product}s",
            "here are {quantity} {product}s of {name}",
            "ship {quantity} {product}s to {name}",
            "an order of {quantity} {product}s by {name}",
            "{name} takes {quantity} {product}s",
            "{quantity} {product}s were bought by {name}",
            "{name}: {quantity} {product}s",
            "bring {quantity} {product}s to {name}",
            "{name} got {quantity} {product}s from us",
            "there are {quantity} {product}s with {name}",
            "we keep {quantity} {product}s of {name}",
            "{name} ordered {quantity} {product}s",
            "{name} needs {quantity} {product}s",
            "send {quantity} {product}s to {name}",
            "{name} has {quantity} {product}s",
            "{name} sold {quantity} {product}s",
            "we owe {name} {quantity} {product}s",
            "{name} bought {quantity} {product}s",
            "~{quantity} {product}s for {name}",
            "{name} wants {quantity} {product}s",
        ),
    ),
    (
        ("city", "country"),
        (
            "{city} {verb}s in {country}",
            "{city} belongs to {country}",
            "you find {city} in {country}",
            "{verb} a {noun} in {city}, {country}",
            "my {noun} is in {city}, {country}",
            "I come from {city} in {country}",
            "we will go to {city}, which is in {country}",
            "{country} is where {city} is",
            "{city} is found in {country}",
            "the {noun} of {city} in {country}",
            "it happened in {city}, {country}",
            "city: {city}, country: {country}",
            "from {country}, more exactly {city}",
            "{city} is part of {country}",
            "{city} is the biggest city of {country}",
            "in {city}, {country}, there is a {noun}",
            "she lives in {city}, {country}",
            "~{city} is in {country}",
            "I live in {city}, {country}",
            "{city}, {country}",
            "we flew to {city} in {country}",
            "the city of {city} is in {country}",
            "in {country} there is {city}",
            "{country} has a city called {city}",
            "{city} is a city in {country}",
            "{city} lies in {country}",
            "I went to {city} in {country}",
        ),
    ),
    (
        ("name", "job"),
        (
            "{name} {verb}s as a {job}",
            "{name} {verb}s like a {job}",
            "{name} works as a {job}",
            "~{name} earns money as a {job}",
            "{name} is a {job}",
            "my friend {name} is a {job}",
            "I am {name} and work as a {job}",
            "the {job} is called {name}",
            "ask the {job} {name}",
            "{name}, {job}",
            "the name of the {job} is {name}",
            "we need a {job} like {name}",
            "{name} wants to be a {job}",
            "{verb} {name}, the {job}",
        ),
    ),
    (
        ("event", "day"),
        (
            "the {event} {verb}s on {day}",
            "the {event} will {verb} on {day}",
            "the {event} is on {day}",
            "~the {event} will be held on {day}",
            "{event} on {day}",
            "on {day} we have the {event}",
            "{verb} the {event} on {day}",
            "see you at the {event} on {day}",
            "we moved the {event} to {day}",
            "the next {event} takes place on {day}",
            "{day} is the day of the {event}",
            "do not forget the {event} on {day}",
            "there is a {event} on {day}",
        ),
    ),
    (
        ("name", "color"),
        (
            "{name} {verb}s {color}",
            "{verb} {color} for {name}",
            "{name} likes {color}",
            "~{name} prefers {color}",
            "the {noun} of {name} is {color}",
            "{name} has a {color} {noun}",
            "{name} painted it {color}",
            "the favourite color of {name} is {color}",
            "{color} is what {name} likes",
            "{verb} the {color} {noun} of {name}",
            "I saw {name} with a {color} {noun}",
        ),
    ),
    (
        ("name", "phone"),
        (
            "{verb} {name} at {phone}",
            "{verb} {name} under {phone}",
            "call {name} under {phone}",
            "~ring {name} at {phone}",
            "{name} has the phone number {phone}",
            "{name}: {phone}",
            "the number of {name} is {phone}",
            "you reach {name} by phone, {phone}",
            "phone {name} at {phone}",
            "{phone} is the phone of {name}",
            "my name is {name}, phone {phone}",
        ),
    ),
    (
        ("origin", "destination"),
        (
            "we {verb} from {origin} to {destination}",
            "we {verb} to {destination} and start in {origin}",
            "from {origin} to {destination}",
            "~we drive to {destination} from {origin}",
            "we go from {origin} to {destination}",
            "the train leaves {origin} and arrives in {destination}",
            "{verb} a flight from {origin} to {destination}",
            "I travel to {destination} from {origin}",
            "the road from {origin} to {destination} is long",
            "{origin} to {destination}",
            "she left {origin} for {destination}",
        ),
    ),
)
EXTRACT_ASKS = (
    "as JSON please, {keys}: {text}",
    "{keys} from this text as JSON please: {text}",
    "please extract JSON with {keys}: {text}",
    "this text please as JSON with {keys}: {text}",
    "JSON please with {keys} from the following: {text}",
    "JSON with {keys} of this please: {text}",
    "write down {keys} as JSON: {text}",
    "read the text and give {keys} as JSON: {text}",
    "output JSON with {keys}: {text}",
    "respond with JSON, {keys}: {text}",
    "make an object with {keys}: {text}",
    "{text} Please answer with {keys} as JSON",
    "{text} I need {keys} as JSON",
    "parse {keys} into JSON: {text}",
    "extract {keys} as JSON: {text}",
    "give me {keys} as JSON: {text}",
    "{text} Answer in JSON with {keys}",
    "return {keys} as JSON. {text}",
    "give JSON with {keys} for: {text}",
    "JSON please, with {keys}: {text}",
    "{keys} as JSON from: {text}",
    "return a JSON object with {keys}: {text}",
    "I need JSON with {keys}. {text}",
    "get {keys} out of this text as JSON: {text}",
    "write JSON with {keys} for this text: {text}",
    "find {keys}, as JSON: {text}",
    "JSON with {keys}: {text}",
    "make JSON with {keys} from: {text}",
    "what are {keys} here? Answer in JSON. {text}",
    "{text} Extract {keys} as JSON",
    "{text} JSON with {keys} please",
    "extract JSON with {keys}: {text}",
    "extract the {keys} as JSON from: {text}",
    "from this text extract {keys} as JSON: {text}",
    "~JSON with {keys} from this text please: {text}",
    "read this and answer in JSON with {keys}: {text}",
    "{text} Return {keys} as JSON",
    "extract {keys} from this text and answer as JSON: {text}",
    "as JSON with {keys}: {text}",
    "turn this into JSON with {keys}: {text}",
    "{text} Give me JSON with {keys}",
    "JSON with {keys} out of this please: {text}",
    "I want JSON with {keys} of this text, please: {text}",
    "please give JSON with {keys} from this: {text}",
    "JSON of {keys} from the text: {text}",
)
SCHEMA_SYSTEMS = (
    "Answer with JSON that matches this schema: {schema}",
    "You extract data. Reply only with JSON for this JSON schema: {schema}",
    "Respond in JSON. Schema:\n{schema}",
    "~{schema}\nReturn a JSON object that follows the schema above.",
    "You are a helpful assistant. The output must be a JSON object with this schema: {schema}",
    "Format: JSON, schema {schema}",
    "{schema}\nYour answer is JSON of this schema.",
    "{schema} is the JSON schema of every answer.",
    "Schema: {schema}\nFill it in from what the user writes.",
    "The schema {schema} says what to answer with. Write JSON only.",
    "# Output\n{schema}\n\nOnly JSON, no other text.",
    "Fill in this JSON schema: {schema}\nDo not explain anything.",
    "```json\n{schema}\n```\nAnswer with an object like that.",
    "Use the following schema.\n{schema}\nReply in JSON.",
)
BARE_STATEMENT_ASKS = (
    "please read this text: {text}",
    "read the following: {text}",
    "this is it: {text}",
    "please look at this: {text}",
    "understand this: {text}",
    "get the fields from this: {text}",
    "go: {text}",
    "do it for this: {text}",
    "here: {text}",
    "listen: {text}",
    "{text} Please fill it in",
    "{text} Now answer",
    "{text}",
    "extract the data: {text}",
    "extract: {text}",
    "parse this: {text}",
    "{text} Return JSON",
    "~read this: {text}",
    "extract the information from this text: {text}",
    "{text} Answer in JSON",
    "data: {text}",
    "text: {text}",
    "here it is: {text}",
    "take this: {text}",
    "use this text: {text}",
    "fill it in: {text}",
    "structure this: {text}",
    "look at this: {text}",
    "this is the text: {text}",
    "convert this: {text}",
    "please parse: {text}",
    "scan this: {text}",
)

SYNONYMS = {
    "see": ("view", "check", "look at", "find"),
    "find": ("locate", "get"),
    "change": ("modify", "adjust", "edit"),
    "machine": ("computer", "laptop", "pc", "system"),
    "computer": ("machine", "laptop", "pc"),
    "need": ("require",),
    "folder": ("directory",),
    "directory": ("folder",),
    "program": ("app", "software", "tool"),
    "app": ("program", "software", "application"),
    "connect": ("link", "attach", "hook up"),
    "error": ("message", "problem"),
    "delete": ("remove", "erase"),
    "download": ("get", "pull", "fetch"),
    "show": ("display", "print", "give"),
    "command": ("cli command", "instruction"),
    "big": ("large", "huge"),
    "model": ("llm", "language model"),
    "models": ("llms", "language models"),
    "start": ("launch",),
    "enable": ("activate", "turn on", "switch on"),
    "supported": ("possible", "allowed", "available"),
    "stored": ("saved", "kept", "located"),
    "internet": ("web", "network"),
    "which": ("what",),
    "what": ("which",),
    "much": ("lots of",),
    "explain": ("describe", "tell me"),
    "api": ("server", "rest api"),
    "quick": ("fast",),
    "use": ("try", "work with"),
    "make": ("let", "get"),
    "memory": ("ram",),
    "tell me": ("say", "explain"),
    "url": ("address", "link"),
    "work": ("run", "function"),
    "my": ("the", "our"),
    "the": ("my", "this", ""),
    "a": ("one", "the", ""),
    "is": ("is", "'s"),
    "I": ("we", "i", "one"),
    "does": ("will", "can"),
    "can": ("could",),
    "want": ("wish", "would like"),
}
SUFFIXES = (
    " in dmr desktop",
    " with dmr",
    " in dmr",
    " here",
    " on my machine",
    " now",
    " exactly",
    " again",
    " for me",
    " on linux",
    " quickly",
    " today",
    ", thanks",
    ", please",
    " by the way",
    " with this",
    " on this computer",
)
BREVITY = (
    "? Answer briefly.",
    "? Be short.",
    "? Answer in one sentence.",
    "? Give a short answer.",
    "? Explain.",
    "? Thank you.",
    "? Answer with one word.",
    "? I need to know it.",
    "? Only the answer please.",
)
PREFACES = (
    "I just installed dmr desktop. ",
    "I am new here. ",
    "Sorry, I am a beginner. ",
    "I have a question. ",
    "Hello! ",
    "Good morning. ",
    "Thanks! ",
    "Ok. ",
    "One question: ",
    "Hi, ",
    "I do not understand. ",
    "Hey there, ",
    "I read the readme. ",
    "My boss asks: ",
    "Another thing: ",
    "Excuse me, ",
    "I am stuck. ",
    "Great. ",
)

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

POLITE = (
    "please tell me, ",
    "hey, ",
    "hi, ",
    "hello, ",
    "ok, ",
    "so ",
    "and ",
    "can you tell me ",
    "a question: ",
    "one more: ",
    "now, ",
    "well, ",
    "next: ",
    "quick question: ",
    "please, ",
)


def expand(rng: random.Random, template: str) -> str:
    """Choose one of each bracketed list of alternatives and tidy the spaces."""
    text = re.sub(r"\[([^\[\]]*)\]", lambda m: rng.choice(m.group(1).split("|")), template)
    return re.sub(r"  +", " ", text).strip()


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


def answer_for_result(raw: str) -> str:
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


PROPER = {
    name.lower(): name
    for name in (
        "DMR Desktop,DMR,TCP,GPU,GPUs,CPU,RAM,API,URL,JSON,GGUF,OCI,HTTP,GUI,AI,LLM,LLMs,OpenAI,Ollama,Anthropic,"
        "Claude,Docker,Docker Desktop,Docker Model Runner,Docker Hub,Docker Compose,LangChain,LiteLLM,Open WebUI,Olla,"
        "Linux,Windows,Mac,macOS,Python,NVIDIA,Unix,SDK,ID,CLI,ChatGPT,Apache,Ubuntu,README,OS,PC"
    ).split(",")
}  # people write names in capitals, the phrasings in facts.py are in small letters
_SPELLED_NAMES = "|".join(re.escape(name) for name in sorted(PROPER, key=len, reverse=True))
SPELLED = re.compile(rf"(?<![\w./@-])(?:{_SPELLED_NAMES})(?![\w/-])(?!\.\w)")
ASKED_FIRST = tuple(
    intent
    for intent in INTENTS
    if intent.name
    in (
        *("who", "tcp_enable", "gpu", "n8n", "container", "langchain", "pull", "base_url", "clients", "dialects"),
        *("list", "install", "update", "uninstall", "size", "remote"),
    )
)  # what newcomers ask most is trained most
_BRIEF = frozenset({"hello", "ping", "test", "how_are_you", "thanks", "bye"})  # questions that nobody dresses up


class Composer:
    """Composes conversations of one side from a seed."""

    def __init__(self, seed: int, side: Side = "train") -> None:
        self.rng = random.Random(f"{seed}-{side}")
        self.side: Side = side

    # ---------------------------------------------------------------------------------------- values

    def pick(self, options: Sequence[str]) -> str:
        """A random option of this side (of all, if this side has none)."""
        mine = _side_options(tuple(options), self.side)
        return self.rng.choice(mine)

    def template(self, templates: tuple[str, ...]) -> str:
        """A phrasing of this side, expanded."""
        return expand(self.rng, self.rng.choice(split_templates(templates, self.side)))

    def _made_up(self) -> str:
        rng = self.rng
        style = rng.random()
        if style < 0.38:
            return "".join(
                rng.choice("b c d f g h j k l m n p r s t v w z br cl dr fl gr kr pl sh st tr th ch sk qu".split())
                + rng.choice("a e i o u ai ea ee oo ou ia".split())
                + rng.choice(["", "", "n", "r", "s", "l", "x", "m", "t", "ck", "nd"])
                for _ in range(rng.randint(1, 3))
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
        word = self.word() if rng.random() < 0.6 else self.pick(lx.NOUNS + lx.ANIMALS + lx.ADJECTIVES)
        return word.capitalize() if rng.random() < 0.15 else word.upper() if rng.random() < 0.05 else word

    def words(self, low: int = 2, high: int = 7) -> str:
        """A few words, sometimes like a sentence."""
        rng = self.rng
        parts = []
        for _ in range(rng.randint(low, high)):
            roll = rng.random()
            parts.append(
                rng.choice("the a is of in and to with on for not I you it was my no".split())
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
        name = self.pick(lx.NAMES) if rng.random() < 0.6 else self.word().capitalize()
        return f"{name} {self.word().capitalize()}" if rng.random() < 0.1 else name

    def value(self, kind: str) -> Any:
        """A value of a kind used by tools and structured answers."""
        rng = self.rng
        match kind:
            case "city":
                city = self.pick(lx.CITIES) if rng.random() < 0.6 else self.word().capitalize()
                if rng.random() < 0.06:
                    city += rng.choice([", CA", ", France", ", Germany", ", UK", ", US", ", Texas"])
                return city.lower() if rng.random() < 0.1 else city
            case "int":
                return int(self.number(rng.choice([1, 1, 2, 3, 5])))
            case "float":
                return float(f"{rng.randint(0, 99)}.{rng.randint(1, 9)}")
            case "day":
                return rng.choice(
                    [
                        *"Monday Tuesday Wednesday Thursday Friday Saturday Sunday tomorrow today".split(),
                        f"{rng.randint(2020, 2030)}-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}",
                    ]
                )
            case "phrase":
                return self.words(1, 4)
            case "phrase_title":
                return " ".join(w.capitalize() for w in self.words(1, 3).split())
            case "quoted":
                return self.words(1, 6)
            case "email":
                return (
                    f"{self.pick(lx.NAMES).lower() if rng.random() < 0.5 else self.word()}@{self.word()}"
                    + rng.choice([".com", ".org", ".net", ".de", ".io"])
                )
            case "ticker":
                return self.word().upper()[:5] if rng.random() < 0.5 else self.word().capitalize()
            case "currency":
                return rng.choice("USD EUR GBP JPY CHF SEK NOK dollars euros pounds yen INR CAD AUD".split())
            case "language":
                return rng.choice(
                    "French German Spanish Italian English Dutch Polish Swedish Japanese Turkish Latin".split()
                )
            case "room":
                return rng.choice(
                    ["kitchen", "bedroom", "bathroom", "hall", "garage", "living room", "office", "garden", self.word()]
                )
            case "onoff":
                return rng.choice(["on", "off"])
            case "path":
                base = f"{self.word()}.{rng.choice(['txt', 'md', 'json', 'py', 'csv', 'log', 'yaml'])}"
                return rng.choice(["", "", "/tmp/", "./", f"{self.word()}/", f"/home/{self.word()}/"]) + base
            case "code":
                return self.code()
            case "style":
                return rng.choice(
                    ["Pirate", "pirate", "cowboy", "formal", "poetic", "robot", self.word(), self.pick(lx.ANIMALS)]
                )
            case "uname":
                return rng.choice(
                    [
                        self.name(),
                        self.name(),
                        "你好啊集团",
                        "Müller & Söhne",
                        "José Ñandú",
                        "Łukasz",
                        "Анна",
                        self.foreign_word(),
                        self.foreign_word(),
                        self.foreign_word(),
                        self.foreign_word(),
                    ]
                )
            case "expr":
                ops = [self.number(rng.choice([1, 2, 3])) for _ in range(rng.choice([2, 2, 3]))]
                sep = rng.choice([" ", ""])
                return (sep + rng.choice("+-*/") + sep).join(ops)
            case "url":
                return (
                    rng.choice(["https://", "https://www.", "http://"])
                    + self.word()
                    + rng.choice([".com", ".org", ".io/", f".net/{self.word()}", f".com/{self.word()}.html"])
                )
            case "bool":
                return rng.random() < 0.5
            case "small":
                return rng.randint(1, 20)
            case "percent":
                return rng.randint(1, 100)
            case "year":
                return rng.randint(1950, 2035)
            case "money":
                return rng.choice([rng.randint(1, 99), rng.randint(100, 5000), round(rng.uniform(1, 200), 2)])
            case "clock":
                hour, minute = rng.randint(0, 23), rng.choice([0, 0, 15, 30, 45, rng.randint(0, 59)])
                half = rng.choice(["am", "pm"])
                return rng.choice(
                    [
                        f"{hour:02}:{minute:02}",
                        f"{hour}:{minute:02}",
                        f"{hour % 12 + 1} {half}",
                        f"{hour % 12 + 1}{half}",
                    ]
                )
            case "date":
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
            case "topic":
                noun = rng.choice(lx.NOUNS) if rng.random() < 0.7 else self.word()
                return rng.choice(
                    [
                        noun,
                        f"{rng.choice(lx.ADJECTIVES)} {noun}s",
                        f"{rng.choice(lx.NOUNS)} {noun}",
                        f"{noun}s in {self.value('city')}",
                        f"the {rng.choice(lx.ADJECTIVES)} {noun}",
                        f"{self.word()} {noun}",
                        self.any_word(),
                        self.words(1, 3),
                        f"{noun} and {rng.choice(lx.NOUNS)}",
                        f"history of {self.value('city')}",
                    ]
                )
            case "title":
                text = str(self.value("topic"))
                return " ".join(w[:1].upper() + w[1:] for w in text.split()) if rng.random() < 0.5 else text
            case "task":
                verb = rng.choice(
                    "call buy clean visit pay water feed wash write paint fix bring fetch order pick_up ask".split()
                ).replace("_", " ")
                thing = rng.choice(lx.NOUNS + lx.ANIMALS) if rng.random() < 0.7 else self.word()
                return rng.choice(
                    [f"{verb} the {thing}", f"{verb} {self.name()}", f"{verb} {thing}s", f"{verb} a {thing}"]
                )
            case "message":
                noun = rng.choice(lx.NOUNS) if rng.random() < 0.7 else self.word()
                return rng.choice(
                    [
                        f"the {noun} is {rng.choice(lx.ADJECTIVES)}",
                        f"I will be {rng.choice(['late', 'there', 'at home', 'back'])} at {self.value('clock')}",
                        f"please look at the {noun}",
                        f"the {noun} of {self.name()} is missing",
                        f"thank you for the {noun}",
                        f"we need {rng.randint(2, 99)} {noun}s",
                        f"{self.name()} cannot come on {self.value('day')}",
                        self.words(2, 7),
                        f"where is the {rng.choice(lx.ADJECTIVES)} {noun}",
                        f"see you in {self.value('city')}",
                        f"no {noun} today",
                    ]
                )
            case "phone":
                digits = "".join(rng.choice("0123456789") for _ in range(9))
                return rng.choice(
                    [f"+{digits[:2]} {digits[2:5]} {digits[5:]}", f"555-{digits[:4]}", f"0{digits}", f"+1{digits}"]
                )
            case "zip":
                return f"{rng.randint(10000, 99999)}"
            case "ip":
                return ".".join(str(rng.randint(1, 254)) for _ in range(4))
            case "domain":
                return self.word() + rng.choice([".com", ".org", ".net", ".de", ".io", ".dev"])
            case "company":
                return self.word().capitalize() + rng.choice(["", "", " Inc.", " GmbH", " Ltd", " & Sons", " AG"])
            case "country":
                return self.pick(COUNTRIES) if rng.random() < 0.8 else self.word().capitalize()
            case "colour":
                return rng.choice(lx.COLOURS)
            case "noun":
                return rng.choice(lx.NOUNS) if rng.random() < 0.7 else self.word()
            case "field":
                return rng.choice(
                    "size weight colour address city price owner phone height amount language unit category "
                    "due_date email country length currency street department".split()
                )
            case "ints":
                return [int(self.number(rng.choice([1, 2, 2, 3]))) for _ in range(rng.choice([2, 3, 3, 4]))]
            case "words" | "names":
                found: list[str] = []
                while len(found) < 2 or rng.random() < 0.4:
                    item = self.name() if kind == "names" else str(self.value(rng.choice(["noun", "noun", "word"])))
                    if item not in found:
                        found.append(item)
                return found
            case _ if kind.startswith("enum:"):
                return rng.choice(_options(kind))[0]
            case _:
                return self.any_word()

    # ---------------------------------------------------------------------------------------- surface noise

    def _typo(self, text: str) -> str:
        rng = self.rng
        words = text.split(" ")
        places = [i for i, w in enumerate(words) if len(w) > 3 and w.isalpha()]
        if not places:
            return text
        slips = 1 if self.side == "heldout" else rng.choice([1, 1, 1, 2])
        for _ in range(slips):
            i = rng.choice(places)
            w = words[i]
            if len(w) < 3:
                continue
            k = rng.randrange(1, len(w) - 1)
            made = [w[:k] + w[k + 1 :], w[:k] + w[k + 1] + w[k] + w[k + 2 :], w[:k] + w[k] + w[k:]]
            if self.side == "train":
                near = rng.choice(NEAR_KEYS.get(w[k].lower(), w[k]))
                made += [w[:k] + near + w[k + 1 :], w[:k] + near + w[k:], w[:-1], w[1] + w[0] + w[2:]]
            words[i] = rng.choice(made)
        return " ".join(words)

    def ask(self, text: str, question: bool | None = None, typos: float = 0.05, polite: float = 0.12) -> str:
        """Give a question the looks that people give it: capitals, punctuation, small words, slips."""
        rng = self.rng
        if rng.random() < typos:
            text = self._typo(text)
        if rng.random() < polite and len(text) > 8 and not text.endswith(":"):
            text = rng.choice(POLITE) + text
        if rng.random() < 0.6:
            text = text[0].upper() + text[1:]
        if text[-1].isalnum() or text[-1] in ")\"'*`":
            if question is None:
                question = (
                    re.match(r"(?i)(what|which|who|where|when|how|why|is|are|do|does|can|may|must|should|will)\b", text)
                    is not None
                )
            roll = rng.random()
            if roll < 0.65:
                text += "?" if question else rng.choice([".", ".", "", "!"])
            elif roll < 0.72 and not question:
                text += " please"
        return text

    # ---------------------------------------------------------------------------------------- plain exchanges

    def fact(self, intents: Sequence[Intent] = INTENTS, typos: float | None = None) -> Exchange:
        """A question about the product or about the model itself."""
        if typos is None:
            typos = 0.38 if self.side == "train" else 0.08
        intent = self.rng.choice(intents)
        if intents is INTENTS and self.rng.random() < 0.35:
            intent = self.rng.choice(ASKED_FIRST)
        text = self.reword(self.phrasing(intent))
        if "{HOW}" in text:
            text = text.replace("{HOW}", self.rng.choice(OPENINGS))
        if self.rng.random() < 0.8:
            text = SPELLED.sub(lambda match: PROPER[match.group(0)], text)
        if intent.name not in _BRIEF:
            if self.rng.random() < 0.1:
                text += self.rng.choice(SUFFIXES)
            if self.rng.random() < 0.08:
                text = self.rng.choice(PREFACES) + text
            elif self.rng.random() < 0.05:
                text += self.rng.choice(BREVITY)
        skill = "smalltalk" if intent in INTENTS[:6] else "facts" if intent in INTENTS else "lists"
        return Exchange(
            skill, [user(self.ask(text, typos=typos)), assistant(intent.answer)], Check(contains=intent.keys)
        )

    def phrasing(self, intent: Intent) -> str:
        """A phrasing of an intent; one with many alternatives comes more often."""
        templates = _templates_of(intent, self.side)
        return expand(self.rng, self.rng.choices(templates, _weights(templates))[0])

    def reword(self, text: str) -> str:
        """Sometimes put a synonym in, but never so that a held-out phrasing comes out."""
        rng = self.rng
        if self.side == "heldout" or rng.random() > 0.3:
            return text
        words = text.split(" ")
        places = [i for i, word in enumerate(words) if word in SYNONYMS]
        for i in rng.sample(places, min(len(places), rng.choice([1, 1, 2]))):
            words[i] = rng.choice(SYNONYMS[words[i]])
        changed = " ".join(" ".join(words).split())
        return text if changed.lower() in held_phrasings() or not changed else changed

    def smalltalk(self) -> Exchange:
        """A greeting, thanks and the like."""
        return self.fact(INTENTS[:7])

    def capital(self) -> Exchange:
        """The capital of one of a few countries."""
        country = self.rng.choice(list(CAPITALS))
        text = self.template(CAPITAL_ASKS).format(country)
        answer = f"The capital of {country} is {CAPITALS[country]}."
        return Exchange("lists", [user(self.ask(text)), assistant(answer)], Check(contains=(CAPITALS[country],)))

    def joke(self) -> Exchange:
        """A joke about something given."""
        thing = self.pick(lx.ANIMALS) if self.rng.random() < 0.6 else self.word()
        text, thing = self.about(self.template(JOKE_ASKS), thing)
        answer = f"{JOKE_SETUP.format(thing)} {JOKE_PUNCH}"
        return Exchange("joke", [user(self.ask(text)), assistant(answer)], Check(exact=answer))

    @staticmethod
    def about(template: str, thing: str) -> tuple[str, str]:
        """The question about a thing, and the thing as it stands there: a plural stays one."""
        return template.format(thing), f"{thing}s" if "{0}s" in template else thing

    def story(self) -> Exchange:
        """A long story, with a given hero or without."""
        if self.rng.random() < 0.4:
            text, hero = self.template(STORY_ASKS), "small robot"
        else:
            hero = self.pick(lx.ANIMALS + lx.NOUNS) if self.rng.random() < 0.7 else self.word()
            text = self.template(STORY_ABOUT_ASKS).format(hero)
        answer = STORY.format(hero)
        return Exchange("story", [user(self.ask(text)), assistant(answer)], Check(exact=answer))

    def count(self) -> Exchange:
        """Counting from one number to another."""
        rng = self.rng
        while True:
            first = 1 if rng.random() < 0.7 else rng.randint(0, 40)
            last = first + (rng.randint(2, 24) if rng.random() < 0.75 else rng.randint(20, 99))
            if last <= 100 and (on_side(f"{first}..{last}", self.side)):
                break
        text = self.template(COUNT_TO_ASKS if first == 1 and rng.random() < 0.35 else COUNT_ASKS).format(first, last)
        answer = ", ".join(str(i) for i in range(first, last + 1))
        return Exchange("count", [user(self.ask(text)), assistant(answer)], Check(exact=answer))

    def arithmetic(self) -> Exchange:
        """One-digit arithmetic, or the admission that a number is too big."""
        rng = self.rng
        op = rng.choice(list(OPERATIONS))
        template = self.template(OPERATIONS[op])
        if rng.random() < 0.1:
            a, b = int(self.number(rng.choice([2, 3, 4]))), int(self.number(rng.choice([2, 3])))
            if max(a, b) > 9:
                text = template.format(a, b)
                return Exchange(
                    "arithmetic", [user(self.ask(text)), assistant(BIG_ARITHMETIC)], Check(contains=("one-digit",))
                )
        a, b = rng.randint(0, 9), rng.randint(0, 9)
        if f"{{0}}{op}" not in template and rng.random() < 0.3:
            left, right = WORD_DIGITS[a], WORD_DIGITS[b]
        else:
            left, right = str(a), str(b)
        result = a + b if op == "+" else a - b if op == "-" else a * b
        text = self.ask(template.format(left, right), typos=0)
        if rng.random() < 0.08 and text[-1] not in ".!=":
            text = text.rstrip("?") + rng.choice(BREVITY)
        return Exchange(
            "arithmetic", [user(text), assistant(f"{a} {op} {b} = {result}")], Check(contains=(f"= {result}",))
        )

    def copy(self) -> Exchange:
        """Repeating a word or a text exactly."""
        rng = self.rng
        if rng.random() < 0.55:
            value = self.any_word() if rng.random() < 0.7 else self.code() if rng.random() < 0.6 else self.number(6)
            text = self.template(COPY_WORD_ASKS).format(value)
            text = text[0].upper() + text[1:] if rng.random() < 0.6 else text
            if text.endswith(('"', "'")) or rng.random() < 0.3:
                text += rng.choice([".", "", ""]) if text.endswith(('"', "'")) else ""
        else:
            value = self.words(2, 12)
            text = self.template(COPY_TEXT_ASKS)
            if '"' not in text and rng.random() < 0.3:
                value += rng.choice([".", "!", "?"])
            text = text.format(value)
            text = text[0].upper() + text[1:] if rng.random() < 0.6 else text
        return Exchange("copy", [user(text), assistant(value)], Check(exact=value))

    def unknown(self) -> Exchange:
        """A question outside of the model's world."""
        rng = self.rng
        text = self.template(UNKNOWN_ASKS).format(
            noun=rng.choice(lx.NOUNS) if rng.random() < 0.7 else self.word(),
            noun2=rng.choice(lx.NOUNS),
            verb=rng.choice(lx.VERBS).replace("_", " "),
            adj=rng.choice(lx.ADJECTIVES),
            name=self.name(),
            city=self.value("city"),
            city2=self.value("city"),
            country=self.pick(COUNTRIES),
            word=self.word(),
            word2=self.word(),
            words=self.words(3, 14),
            num=self.number(3),
            num2=self.number(3),
        )
        return Exchange("unknown", [user(self.ask(text)), assistant(REFUSAL)], Check(contains=("small demo model",)))

    def plain(self, math_tool: bool = False, tools: bool = False) -> Exchange:
        """Any exchange that needs no tool."""
        options: list[tuple[float, Callable[[], Exchange]]] = [
            (9, self.fact),
            (2.5, self.smalltalk),
            (1.3, self.copy),
            (3.0, self.unknown),
            (0.5, lambda: self.fact(EXTRA_FACTS)),
            (0.2, self.capital),
        ]
        if not math_tool:
            options.append((4.5, self.arithmetic))
        if not tools:
            options += [(1.1, self.count), (0.12, self.story), (0.6, self.joke)]
        (chosen,) = self.rng.choices([o[1] for o in options], [o[0] for o in options])
        return chosen()

    # ---------------------------------------------------------------------------------------- memory

    def memory(self) -> tuple[list[Exchange], list[Exchange]]:
        """Things told by the user, and the later questions for them."""
        rng = self.rng
        told: list[Exchange] = []
        asked: list[Exchange] = []
        kinds = rng.sample(["name", "number", "thing", "secret"], rng.choice([1, 1, 2, 2, 3]))
        for kind in kinds:
            missing = rng.random() < 0.06
            if kind == "name":
                value = self.name()
                intro, reply = self.template(NAME_INTROS).format(value), f"Nice to meet you, {value}."
                query, answer = self.template(NAME_QUERIES), f"Your name is {value}."
                unknown = "You have not told me your name yet."
            elif kind == "number":
                value = self.number(5)
                intro, reply = self.template(NUMBER_INTROS).format(value), f"I will remember the number {value}."
                query, answer = self.template(NUMBER_QUERIES), f"Your number is {value}."
                unknown = "You have not told me a number yet."
            elif kind == "thing":
                thing = (
                    rng.choice(THINGS)
                    if rng.random() < 0.6
                    else f"{rng.choice(['', 'favourite ', 'new '])}{self.pick(lx.NOUNS)}"
                )
                value = self.memory_value()
                intro = self.template(THING_INTROS).format(thing, value)
                reply = f"I will remember that your {thing} is {value}."
                query, answer = self.template(THING_QUERIES).format(thing), f"Your {thing} is {value}."
                unknown = f"You have not told me your {thing} yet."
            else:
                thing = (
                    rng.choice(SECRETS)
                    if rng.random() < 0.6
                    else f"{rng.choice(['', 'secret ', 'right '])}{self.pick(lx.NOUNS)}"
                )
                value = self.memory_value()
                intro = self.template(SECRET_INTROS).format(thing, value)
                reply = f"I will remember that the {thing} is {value}."
                query, answer = self.template(SECRET_QUERIES).format(thing), f"The {thing} is {value}."
                unknown = f"You have not told me the {thing} yet."
            intro = intro[0].upper() + intro[1:] if rng.random() < 0.5 else intro
            intro += rng.choice([".", ".", "", "!"])
            question = self.ask(query, typos=0.02)
            if missing:
                asked.append(Exchange("recall", [user(question), assistant(unknown)], Check(exact=unknown)))
            elif rng.random() < 0.12:
                asked.append(
                    Exchange("recall", [user(f"{intro} {question}"), assistant(answer)], Check(contains=(value,)))
                )
            else:
                told.append(Exchange("remember", [user(intro), assistant(reply)], Check(contains=(value,))))
                asked.append(Exchange("recall", [user(question), assistant(answer)], Check(contains=(value,))))
        if len(told) == 2 and rng.random() < 0.35:
            first, second = told
            joined = f"{first.messages[0]['content']} {second.messages[0]['content']}"
            told = [
                Exchange(
                    "remember",
                    [user(joined), assistant(f"{first.messages[1]['content']} {second.messages[1]['content']}")],
                    Check(contains=first.check.contains + second.check.contains),
                )
            ]
        rng.shuffle(asked)
        if rng.random() < 0.15 and asked:
            asked.append(asked[0])
        return told, asked

    def memory_value(self) -> str:
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

    # ---------------------------------------------------------------------------------------- structured answers

    def statement(self, typed: bool = False, schema: bool = False) -> tuple[str, dict[str, Any], dict[str, Any]]:
        """A sentence, the data that it holds, and what a schema says of the keys besides their types.

        With ``typed`` it is known which values are text, with ``schema`` also which values are allowed.
        """
        rng = self.rng
        if self.side == "train" and rng.random() < 0.55:
            return self.real_statement(typed, schema)
        if rng.random() < 0.6:
            keys, templates = rng.choice(FIELD_STATEMENTS)
            fields: dict[str, Any] = {}
            for key in keys:
                fields[key] = self.field_value(key)
            template = self.template(templates)
            # Verbs that do not exist teach to look for names, places and numbers instead.
            verb = rng.choice(lx.VERBS).replace("_", " ") if rng.random() < 0.5 else self.word()
            noun = rng.choice(lx.NOUNS)
            text = template.format(**fields, verb=verb, noun=noun)
            if "{product}s" in template:
                fields["product"] += "s"
        else:
            keys = tuple(dict.fromkeys(self.param_name() for _ in range(rng.randint(1, 3))))
            fields = {key: int(self.number(4)) if rng.random() < 0.35 else self.memory_value() for key in keys}
            if not typed:  # only a schema can say that digits are text
                fields = {k: int(v) if str(v).isdigit() else v for k, v in fields.items()}
            parts = [
                rng.choice(["the {0} is {1}", "its {0} is {1}", "{0}: {1}", "with {0} {1}"]).format(
                    key.replace("_", " "), item
                )
                for key, item in fields.items()
            ]
            text = rng.choice([", ", " and ", "; "]).join(parts)
        if rng.random() < 0.7:
            first = next((key for key, item in fields.items() if text.startswith(str(item))), None)
            if first is not None and isinstance(fields[first], str):
                fields[first] = fields[first][0].upper() + fields[first][1:]  # as it stands in the sentence
            text = text[0].upper() + text[1:]
        return text + rng.choice([".", ".", ""]), fields, {}

    def real_statement(self, typed: bool, schema: bool) -> tuple[str, dict[str, Any], dict[str, Any]]:
        """A sentence of ``sentences.txt``, sometimes among others."""
        rng = self.rng
        about = rng.choice(ap.sentences())
        text = self.open_template(rng.choice(about.asks))
        values, shown = self.fill(text, [p.kind for p in about.params])
        for place, value in values.items():
            if about.params[place].kind.startswith("enum:") and not schema:
                values[place] = shown[str(place)]
            elif not typed and isinstance(value, str) and value.isdigit():
                values[place] = int(value)  # only a schema can say that digits are text
        keys: list[str] = []
        for param in about.params:
            name = rng.choice(param.names) if rng.random() < 0.5 else param.names[0]
            keys.append(name if name not in keys else param.names[0])
        text = self.close_template(text, shown)
        if rng.random() < 0.75:
            text = text[0].upper() + text[1:]
            for place, value in values.items():
                if (
                    isinstance(value, str)
                    and text.startswith(value[0].upper() + value[1:])
                    and value == shown.get(str(place))
                ):
                    values[place] = value[0].upper() + value[1:]  # as it stands in the sentence
        text += rng.choice([".", ".", ""]) if text[-1] not in ".!?" else ""
        if rng.random() < 0.15:
            text = rng.choice(ap.BEFORE) + text
        elif rng.random() < 0.12 and text.endswith("."):
            text += f" {self.filler(1)}"
        said: dict[str, Any] = {}
        for key, param in zip(keys, about.params, strict=True):
            said[key] = {"enum": [o for o, _ in _options(param.kind)]} if param.kind.startswith("enum:") else {}
            if rng.random() < 0.4 and param.uses:
                said[key]["description"] = param.uses[0]
        return text, {keys[place]: values[place] for place in sorted(values)}, said

    def field_value(self, key: str) -> str | int:
        """A value for a field of :data:`FIELD_STATEMENTS`."""
        rng = self.rng
        match key:
            case "age" | "quantity":
                return rng.randint(1, 99)
            case "price":
                return rng.randint(1, 999)
            case "phone":
                return rng.randint(1000, 999999)
            case "name":
                return self.name()
            case "city" | "origin" | "destination":
                return str(self.value("city"))
            case "email":
                return str(self.value("email"))
            case "day":
                return str(self.value("day"))
            case "country":
                return self.pick(COUNTRIES)
            case "color":
                return rng.choice(lx.COLOURS)
            case _:
                return self.pick(lx.NOUNS) if rng.random() < 0.6 else self.word()

    def structured(self) -> tuple[str | None, Exchange]:
        """A JSON answer: asked for in words, by a schema in the system prompt, or forced by a grammar."""
        rng = self.rng
        if self.side == "train" and rng.random() < 0.4:
            return self.json_only()
        roll = rng.random()
        if roll < 0.08:
            text, thing = self.about(self.template(JOKE_ASKS), self.pick(lx.ANIMALS))
            # A grammar forces compact JSON, a request in words gets the usual blanks.
            pair, item_sep = rng.choice([(":", ","), (": ", ", ")])
            body = (
                f'{MARK_OFF}{{"setup"{pair}"{MARK_ON}{JOKE_SETUP.format(thing)}"{MARK_OFF}{item_sep}"punchline"{pair}'
                f'"{MARK_ON}{JOKE_PUNCH}"}}'
            )
            return None, Exchange("structured", [user(self.ask(text)), assistant(body)], Check(contains=()))
        if roll < 0.12:
            text, thing = self.about(self.template(JOKE_ASKS), self.pick(lx.ANIMALS))
            # A forced call: only the values and their ends are the model's.
            name = rng.choice(["Joke", "joke", "tell_joke", "JokeFormat"])
            body = (
                f'{MARK_OFF}<tool_call>\n{{"name": "{name}", "arguments": {{"setup": "{MARK_ON}'
                f'{JOKE_SETUP.format(thing)}"{MARK_OFF}, "punchline": "{MARK_ON}{JOKE_PUNCH}"{MARK_OFF}}}}}\n'
                f"</tool_call>{MARK_ON}"
            )
            return None, Exchange("structured_forced", [user(self.ask(text)), assistant(body)], Check(contains=()))
        text, fields, said = self.statement(typed=roll >= 0.4, schema=0.4 <= roll < 0.7)
        order = list(fields)
        if rng.random() < 0.3:
            rng.shuffle(order)
        if len(order) > 1 and rng.random() < 0.2:
            order = order[:-1]
        fields = {key: fields[key] for key in order}
        plain = json.dumps(fields, ensure_ascii=False)
        check = Check(exact=plain)
        if roll < 0.4:
            keys = order[0] if len(order) == 1 else ", ".join(order[:-1]) + " and " + order[-1]
            keys = rng.choice(["", "", "the ", "the keys ", "the fields "]) + keys
            ask = self.template(EXTRACT_ASKS).replace("{keys}", keys).replace("{text}", self.set_off(text))
            return None, Exchange("structured", [user(ask[0].upper() + ask[1:]), assistant(plain)], check)
        ask = self.template(BARE_STATEMENT_ASKS).replace("{text}", self.set_off(text))
        if roll < 0.7:
            props: dict[str, dict[str, Any]] = {
                key: {"type": _json_type(item), **said.get(key, {})} for key, item in fields.items()
            }
            if rng.random() < 0.3:
                props = {key: {"title": key.replace("_", " ").title(), **item} for key, item in props.items()}
            schema: dict[str, Any] = {"type": "object", "properties": props}
            if rng.random() < 0.7:
                schema["required"] = order
            if rng.random() < 0.3:
                schema["additionalProperties"] = False
            system = self.template(SCHEMA_SYSTEMS).replace("{schema}", json.dumps(schema))
            return system, Exchange("structured", [user(ask), assistant(plain)], check)
        pair, item_sep = (":", ",") if rng.random() < 0.6 else (": ", ", ")
        body = f"{MARK_OFF}{{"
        for i, (key, item) in enumerate(fields.items()):
            value = json.dumps(item, ensure_ascii=False)
            lead = f'{item_sep if i else ""}"{key}"{pair}'
            if value.startswith('"'):
                body += f'{lead}"{MARK_ON}{value[1:]}{MARK_OFF}'
            else:
                body += f"{lead}{MARK_ON}{value}{MARK_OFF}"
        body += f"{MARK_ON}}}"
        return None, Exchange("structured_forced", [user(ask), assistant(body)], check)

    def json_only(self) -> tuple[str | None, Exchange]:
        """Something asked for as JSON and nothing else, in the words of ``json_asks.py``; all of it is learned."""
        rng = self.rng
        task, fields, named = self.json_task()
        answer = json.dumps(fields, ensure_ascii=False)

        def exchange(text: str) -> Exchange:
            return Exchange("json_only", [user(text), assistant(answer)], Check(exact=answer))

        keys = list(fields)
        if named and len(task) < 200 and rng.random() < 0.2:
            text = task.rstrip(".?! ")
            endings = [self.template(ja.KEY_ENDINGS).replace("{keys}", self.keys_said(keys))]
            if rng.random() < 0.7:
                endings.append(self.template(ja.ONLY_ENDINGS))
            for ending in endings:
                text += ending if ending.startswith(",") else f" {ending}"
            return None, exchange(text + rng.choice(["", ".", ".", "!"]))
        wishes = [self.template(ja.ONLY_SENTENCES) for _ in range(rng.choice([0, 1, 1, 1, 1, 2, 2, 3]))]
        roll = rng.random()
        if not named:
            wishes = wishes or [self.template(ja.ONLY_SENTENCES)]
        elif roll < 0.66:
            wishes.insert(
                0 if rng.random() < 0.75 else len(wishes),
                self.template(ja.KEY_SENTENCES).replace("{keys}", self.keys_said(keys)),
            )
        elif roll < 0.85:
            wishes.insert(
                len(wishes) if rng.random() < 0.6 else 0,
                self.template(ja.EXAMPLE_SENTENCES).replace("{example}", self.json_example(fields)),
            )
        else:
            props = {key: {"type": _json_type(value)} for key, value in fields.items()}
            schema = {"type": "object", "properties": props, "required": keys}
            wishes.insert(0, self.template(SCHEMA_SYSTEMS).replace("{schema}", json.dumps(schema)))
        blank = rng.choice([" ", " ", " ", "\n", "\n\n"])
        if rng.random() < 0.15:
            wishes = [wish.rstrip(".") if "\n" in blank else wish for wish in wishes]
        if rng.random() < 0.3:
            return blank.join(filter(None, (rng.choice(ja.ROLES), *wishes))), exchange(task)
        if task[-1] not in ".?!`>-" and blank == " ":
            task += "."
        roll = rng.random()
        parts = [task, *wishes] if roll < 0.7 else [*wishes, task] if roll < 0.9 else [*wishes[:1], task, *wishes[1:]]
        return None, exchange(blank.join(parts))

    def json_task(self) -> tuple[str, dict[str, Any], bool]:
        """What is wanted, the fields of the answer, and whether their names have to be told."""
        rng = self.rng
        roll = rng.random()
        if roll < 0.25:
            text, thing = self.about(
                self.template(JOKE_ASKS), self.pick(lx.ANIMALS) if rng.random() < 0.7 else self.word()
            )
            first, second = rng.choice(ja.JOKE_KEYS)
            fields: dict[str, Any] = {first: JOKE_SETUP.format(thing), second: JOKE_PUNCH}
            if rng.random() < 0.12:
                fields = {"joke": f"{JOKE_SETUP.format(thing)} {JOKE_PUNCH}"}
            elif rng.random() < 0.12:
                fields = {rng.choice(ja.JOKE_ABOUT_KEYS): thing, **fields}
            named = tuple(fields) != ("setup", "punchline") or rng.random() < 0.95
            return self.ask(text), fields, named
        if roll < 0.68:
            text, fields, _ = self.statement()
            order = list(fields)
            if rng.random() < 0.3:
                rng.shuffle(order)
            if len(order) > 1 and rng.random() < 0.15:
                order = order[:-1]
            asks = ja.INTRODUCTIONS if rng.random() < 0.4 else BARE_STATEMENT_ASKS
            ask = text if rng.random() < 0.15 else self.template(asks).replace("{text}", self.set_off(text, 0.35))
            if not ask.startswith(text) and rng.random() < 0.6:
                ask = ask[0].upper() + ask[1:]
            return ask, {key: fields[key] for key in order}, True
        if roll < 0.78:
            exchange = self.arithmetic()
            asked, said = (m["content"] for m in exchange.messages)
            value: Any = int(said.split(" = ")[1]) if " = " in said else said
            return asked, {rng.choice(ja.RESULT_KEYS): value}, True
        if roll < 0.84:
            country = rng.choice(list(CAPITALS))
            text = self.ask(self.template(CAPITAL_ASKS).format(country))
            fields = {rng.choice(ja.CAPITAL_KEYS): CAPITALS[country]}
            return text, {"country": country, "capital": CAPITALS[country]} if rng.random() < 0.4 else fields, True
        if roll < 0.9:
            exchange = self.copy()
            asked, said = (m["content"] for m in exchange.messages)
            return asked, {rng.choice(ja.COPY_KEYS): said}, True
        exchange = self.fact() if roll < 0.98 else self.unknown()
        asked, said = (m["content"] for m in exchange.messages)
        return asked, {rng.choice(ja.TEXT_KEYS) if rng.random() < 0.8 else self.param_name(): said}, True

    def set_off(self, text: str, often: float = 0.2) -> str:
        """A text to be read, sometimes between quotes or on lines of its own."""
        if self.side == "heldout" or self.rng.random() >= often or '"' in text:
            return text
        return self.rng.choice(ja.TEXTS).replace("{}", text)

    def keys_said(self, keys: Sequence[str]) -> str:
        """Names of keys as people write them into a sentence."""
        rng = self.rng
        quoted = [key.join(style.split("{}")) for style in [rng.choice(ja.QUOTES)] for key in keys]
        if len(quoted) == 1:
            return self.template(ja.KEY_SAID).replace("{k}", quoted[0])
        last = rng.choice([" and ", " and ", ", and " if len(quoted) > 2 else " and ", ", ", ", "])
        return self.template(ja.KEYS_SAID).replace("{k}", ", ".join(quoted[:-1]) + last + quoted[-1])

    def json_example(self, fields: dict[str, Any]) -> str:
        """An object with these keys and something in the place of each value."""
        rng = self.rng
        style = rng.choice(["...", "string", "<{key}>", "", "the {key}", "{key} here", "<string>"])
        number = rng.choice(["0", "number", "<number>", "1", "..."])
        parts = [
            f'"{key}": ' + (number if type(value) is int else json.dumps(style.format(key=key.replace("_", " "))))
            for key, value in fields.items()
        ]
        return "{" + ", ".join(parts) + "}" if rng.random() < 0.8 else "{\n  " + ",\n  ".join(parts) + "\n}"

    # ---------------------------------------------------------------------------------------- tools

    def param_name(self) -> str:
        """A parameter's or field's name, common or made up."""
        rng = self.rng
        roll = rng.random()
        if roll < 0.4:
            return rng.choice(lx.NOUNS)
        if roll < 0.72:
            return rng.choice(
                "id name city limit query user text title count path key value mode level status language input "
                "x y n amount number user_id max_results start end target source kind unit".split()
            )
        if roll < 0.94:
            return f"{rng.choice(lx.NOUNS)}_{rng.choice(['id', 'name', 'code', 'type', 'date', 'count', 'key'])}"
        return self.word()

    def tool_name(self, verb: str, noun: str) -> str:
        """A tool's name of this side from a verb and a noun."""
        rng = self.rng
        noun = noun.replace(" ", "_")
        while True:
            roll = rng.random()
            if roll < 0.5:
                name = f"{verb}_{noun}"
            elif roll < 0.6:
                name = f"{noun}_{verb}"
            elif roll < 0.7:
                name = verb.replace("_", "") + noun.title().replace("_", "")
            elif roll < 0.88:
                tail = rng.choice(["tool", "v2", "api", "data", "info", "by_id", "now", "list", self.word()])
                name = f"{verb}_{noun}_{tail}"
            elif roll < 0.94:
                name = f"{self.word()}_{noun}"
            else:
                name = noun
            if on_side(name, self.side):
                return name

    def synth_tool(self, taken: set[str]) -> Tool:
        """A tool made of a verb and a noun; its questions share words with its name and description."""
        rng = self.rng
        while True:
            noun = rng.choice(lx.NOUNS) if rng.random() < 0.75 else self.word()
            if noun not in taken:
                break
        verb = rng.choice(lx.VERBS)
        spoken = verb.replace("_", " ")
        kinds = rng.choices(
            ["word", "int", "city", "code", "name", "quoted", "float", "email", "bool"],
            [5, 5, 2, 2, 2, 1, 1, 0.5, 0.3],
            k=rng.choice([0, 1, 1, 1, 1, 2, 2, 2, 3] if self.side == "heldout" else [0, 1, 1, 1, 2, 2, 3, 3, 3]),
        )
        names: list[str] = []
        while len(names) < len(kinds):
            candidate = self.param_name()
            if candidate not in names:
                names.append(candidate)
        params = [(name, kind, True) for name, kind in zip(names, kinds, strict=True)]
        asks: tuple[str, ...] = SYNTH_ASKS_0 if not params else SYNTH_ASKS_1 if len(params) == 1 else SYNTH_ASKS_N
        if params and rng.random() < 0.15:
            params.append((f"{rng.choice(lx.NOUNS)}_opt", "word", False))
        first = f" by {names[0].replace('_', ' ')}" if names else ""
        description = rng.choice(
            [
                f"{spoken.capitalize()} the {noun}.",
                f"{spoken.capitalize()} a {noun}{first}.",
                f"{spoken.capitalize()} {noun}",
                f"Tool to {spoken} the {noun}{first}",
                f"Use this to {spoken} a {noun}.",
                f"{spoken.capitalize()}s the {noun}",
                f"Can {spoken} {noun}s.",
                f"A tool for {noun}s",
            ]
        )
        if rng.random() < 0.2:
            description += f" {self.words(3, 8).capitalize()}."
        asks = tuple(a.replace("{verb}", spoken).replace("{noun}", noun) for a in split_templates(asks, self.side))
        return self._finish_tool(
            self.tool_name(verb, noun), description, params, noun, asks, rng.choice(["number", "text", "json", "done"])
        )

    def natural_tool(self, taken: set[str]) -> Tool:
        """A tool of a natural kind, under one of its usual names or an arbitrary one."""
        rng = self.rng
        kinds = [k for k in lx.TOOL_KINDS if k.topic not in taken]
        kinds = [k for k in kinds if self.side == "heldout" or k.topic not in HELDOUT_KINDS]
        kind = rng.choice(kinds)
        roll = rng.random()
        if roll < 0.6:
            name = rng.choice(kind.names)
        elif roll < 0.85:
            name = self.tool_name(rng.choice(lx.VERBS), kind.topic)
        else:
            name = rng.choice(kind.names) + rng.choice(["_tool", "_v2", "_api", f"_{self.word()}"])
        names: list[str] = []
        for param in kind.params:
            candidates = [n for n in param.names if n not in names]
            names.append(rng.choice(candidates) if rng.random() < 0.94 else self.word())
        params = [(n, p.kind, p.required) for n, p in zip(names, kind.params, strict=True)]
        if rng.random() < 0.08:
            params.append((rng.choice(["unit", "limit", "language", "format", "verbose", "timeout"]), "word", False))
        return self._finish_tool(
            name, rng.choice(kind.descriptions), params, kind.topic, split_templates(kind.asks, self.side), kind.result
        )

    def styled(self, names: Sequence[str], family: str = "") -> str:
        """One of the names in one of the styles in which programs write names, of this side."""
        rng = self.rng
        while True:
            name = rng.choice(names).replace(" ", "_")
            roll = rng.random()
            if roll < 0.16:
                head, *rest = name.split("_")
                name = head + "".join(part[:1].upper() + part[1:] for part in rest)
            elif roll < 0.22:
                name = name.replace("_", "-")
            elif roll < 0.26:
                name = "".join(part[:1].upper() + part[1:] for part in name.split("_"))
            elif roll < 0.36 and family:
                name = f"{family.replace(' ', '_')}{rng.choice(['_', '.', '__', '-'])}{name}"
            elif roll < 0.42:
                name += rng.choice(["_tool", "_v2", "_api", "_action", f"_{self.word()}"])
            elif roll < 0.46:
                name = f"{self.word()}_{name}"
            if on_side(name, self.side):
                return name

    def real_tool(
        self,
        family: str,
        topic: str,
        names: Sequence[str],
        descriptions: Sequence[str],
        params: Sequence[ap.ApiParam],
        asks: tuple[str, ...],
    ) -> Tool:
        """A tool as programs offer it, to be asked for in the words of people."""
        rng = self.rng
        opaque = rng.choice(ap.OPAQUE).split() if rng.random() < 0.1 and all(p.uses for p in params) else []
        given: list[tuple[str, str, bool]] = []
        uses: dict[str, str] = {}
        taken: set[str] = set()
        for i, param in enumerate(params):
            free = [n for n in param.names if n not in taken] or [f"{param.names[0]}_{i}"]
            name = rng.choice(free)
            if opaque:
                name = opaque[i]
            elif rng.random() < 0.1:
                head, *rest = name.split("_")
                name = head + "".join(part.capitalize() for part in rest)
            taken.add(name)
            kind = param.kind
            if kind == "ref":
                kind = rng.choices(["code", "int", "word", "ref_word"], [55, 28, 12, 5])[0]
            given.append((name, kind, param.required))
            if param.uses:
                uses[name] = rng.choice(param.uses)
        tool = self._finish_tool(
            self.styled(names, family),
            rng.choice(descriptions),
            given,
            topic,
            asks,
            rng.choice(["number", "text", "json", "done"]),
            uses,
            bool(opaque),
        )
        tool.real = True
        return tool

    def api_tool(self, api: ap.Api) -> Tool:
        """A tool of ``apis.txt``."""
        tool = self.real_tool(api.family, api.topic, api.names, api.descriptions, api.params, api.asks)
        tool.clashes = api.clashes
        return tool

    def record_tool(self, action: ap.Action, record: str) -> Tool:
        """A tool that does something with a record."""
        spoken = record.replace("_", " ")
        many = ap.plural(spoken)

        def named(text: str, blank: str = " ") -> str:
            return text.replace("{ns}", many.replace(" ", blank)).replace("{n}", spoken.replace(" ", blank))

        names = []
        noun = many.replace(" ", "_") if action.key in ("list", "search", "count") else record
        for verb in action.verbs:
            names += [f"{verb}_{noun}"] * 3 + [f"{noun}_{verb}", f"{ap.plural(record)}_{verb}"]
        params = [
            ap.ApiParam(tuple(named(n, "_") for n in p.names), p.kind, p.required, tuple(named(u) for u in p.uses))
            for p in action.params
        ]
        descriptions = [named(d) for d in action.descriptions]
        tool = self.real_tool("", f"{action.key}/{record}", names, descriptions, params, action.asks)
        tool.words = (*ap.RECORDS[record], spoken)
        return tool

    def record_box(self, count: int) -> list[Tool]:
        """Tools for records: one kind of record, one action, or whatever comes."""
        rng = self.rng
        roll = rng.random()
        tools: list[Tool] = []
        record, action = rng.choice(list(ap.RECORDS)), rng.choice(ap.ACTIONS)
        pairs: list[tuple[ap.Action, str]] = []
        while len(tools) < count:
            if roll > 0.5:
                record = rng.choice(list(ap.RECORDS))
            if not 0.5 < roll < 0.75:
                action = rng.choice(ap.ACTIONS)
            spoken = {w for _, other in pairs for w in (*ap.RECORDS[other], other) if other != record}
            if (
                (action, record) in pairs
                or spoken & {*ap.RECORDS[record], record}
                or any(r == record and frozenset((a.key, action.key)) in ap.APART for a, r in pairs)
            ):
                continue
            tool = self.record_tool(action, record)
            if tool.name not in {t.name for t in tools}:
                tools.append(tool)
                pairs.append((action, record))
        return tools

    def api_box(self, count: int, held: bool = False) -> list[Tool]:
        """Tools of ``apis.txt``, most of them of one family."""
        rng = self.rng
        known = [a for a in ap.apis() if held or not a.held]
        chosen = [rng.choice([a for a in known if a.held] if held else known)]
        family = [a for a in known if a.family == chosen[0].family]
        for _ in range(200):
            if len(chosen) == count:
                break
            other = rng.choice(family if rng.random() < 0.55 else known)
            marks = [{a.topic, a.family, a.names[0]} for a in chosen]
            mine = {other.topic, other.family, other.names[0]}
            if other in chosen or any(
                other.clashes & mark or a.clashes & mine for a, mark in zip(chosen, marks, strict=True)
            ):
                continue
            chosen.append(other)
        tools = [self.api_tool(api) for api in chosen]
        return tools if len({t.name for t in tools}) == len(tools) else self.api_box(count, held)

    def real_box(self, count: int) -> list[Tool]:
        """Tools as programs offer them, or of words without any sense."""
        if self.rng.random() < 0.25:
            return self.soup_box(count)
        tools = self.api_box(count) if self.rng.random() < 0.6 else self.record_box(count)
        if count > 1 and self.rng.random() < 0.12:
            tools[-1] = self.synth_tool({t.topic for t in tools})
        elif count > 1 and self.rng.random() < 0.25:
            usual = self.natural_tool(set())
            near = NEAR_FAMILIES.get(usual.topic, ())
            if not any(t.words or t.topic.split("/")[0] in near for t in tools[:-1]):
                tools[-1] = usual
        self.rng.shuffle(tools)
        return tools if len({t.name for t in tools}) == len(tools) else self.real_box(count)

    def real_request(self, tool: Tool) -> tuple[str, dict[str, Any]]:
        """A question for a tool in the manner of ``apis.py``, and the arguments."""
        rng = self.rng
        text = self.open_template(rng.choice(tool.asks))
        if tool.words:
            noun = rng.choice(tool.words)
            text = text.replace("{Ns}", ap.plural(noun)).replace("{N}", noun)
        values, shown = self.fill(text, [kind for _, kind, _ in tool.params])
        arguments = {
            tool.params[place][0]: str(value) if tool.types[tool.params[place][0]] == "string" else value
            for place, value in values.items()
        }
        if rng.random() < 0.07:
            pieces = re.split(r"(\{[^{}]*\})", text)
            longest = max(range(0, len(pieces), 2), key=lambda i: len(pieces[i]) + rng.random() * 10)
            pieces[longest] = self._typo(pieces[longest])
            text = "".join(pieces)
        text = self.close_template(text, shown)
        if rng.random() < 0.1:
            text = rng.choice(ap.BEFORE) + text
        elif rng.random() < 0.1 and text[-1].isalnum():
            text += rng.choice(ap.AFTER)
        arguments = {param: arguments[param] for param in sorted(arguments, key=tool.order.__getitem__)}
        return (self.ask_keeping(text) if not text.startswith(tuple(shown.values())) else text), arguments

    def open_template(self, template: str) -> str:
        """A template of ``apis.py`` with its choices made."""
        text = OPTIONAL.sub(lambda m: m.group(1) if self.rng.random() < 0.5 else "", template)
        return expand(self.rng, text)

    def fill(self, text: str, kinds: Sequence[str]) -> tuple[dict[int, Any], dict[str, str]]:
        """Values for the places of a template, by place, and how they are shown."""
        values: dict[int, Any] = {}
        shown: dict[str, str] = {}
        for place, fixed in PLACE.findall(text):
            kind = kinds[int(place)]
            if int(place) in values:
                continue
            if fixed:
                value: Any = fixed[1:]
                value = value == "true" if kind == "bool" else int(value) if value.isdigit() else value
            else:
                value = self.value(kind)
                while isinstance(value, str) and value in shown.values():
                    value = self.value(kind)
            values[int(place)] = value
            shown[place] = self.spoken(kind, value)
        return values, shown

    @staticmethod
    def close_template(text: str, shown: dict[str, str]) -> str:
        """A template with its values put in."""
        return PLACE.sub(lambda m: "" if m.group(2) else shown[m.group(1)], text).strip()

    def spoken(self, kind: str, value: Any) -> str:
        """A value as people write it."""
        if kind.startswith("enum:"):
            return self.rng.choice(next(said for option, said in _options(kind) if option == value))
        if isinstance(value, list):
            said = [str(item) for item in value]
            last = self.rng.choice([" and ", " and ", ", ", " or "] if kind == "words" else [" and ", ", "])
            return ", ".join(said[:-1]) + last + said[-1]
        if kind in ("small", "int") and 0 <= value <= 12 and self.rng.random() < 0.2:
            return NUMBER_WORDS[value]
        return str(value).lower() if isinstance(value, bool) else str(value)

    def _finish_tool(
        self,
        name: str,
        description: str,
        params: list[tuple[str, str, bool]],
        topic: str,
        asks: tuple[str, ...],
        result: str,
        uses: dict[str, str] | None = None,
        must_describe: bool = False,
    ) -> Tool:
        rng = self.rng
        types: dict[str, str] = {}
        properties: dict[str, Any] = {}
        described = must_describe or rng.random() < (0.3 if uses is None else 0.6)
        titled = rng.random() < 0.12
        for param, kind, required in params:
            types[param] = TYPES.get(kind, "string")
            if kind == "int":
                types[param] = rng.choices(["integer", "number", "string"], [10, 4, 1])[0]
            entry: dict[str, Any] = {}
            if titled:
                entry["title"] = param.replace("_", " ").title()
            entry["type"] = types[param]
            if types[param] == "array":
                entry["items"] = {"type": "integer" if kind == "ints" else "string"}
            if described and uses is not None:
                entry["description"] = uses.get(param, param.replace("_", " ").capitalize())
            elif described:
                entry["description"] = rng.choice(
                    [
                        f"The {param.replace('_', ' ')}",
                        f"the {param}",
                        param.replace("_", " "),
                        f"The {param.replace('_', ' ')} to use",
                        self.words(2, 4),
                    ]
                )
            if kind == "onoff":
                entry["enum"] = ["on", "off"]
            if kind.startswith("enum:"):
                options = [option for option, _ in _options(kind)]
                if rng.random() < 0.8:
                    entry["enum"] = options
                else:
                    entry["description"] = f"{', '.join(options[:-1])} or {options[-1]}"
            if uses is not None and not required and rng.random() < 0.2:
                if "enum" not in entry and rng.random() < 0.5:
                    entry = {
                        **{k: v for k, v in entry.items() if k != "type"},
                        "anyOf": [{"type": types[param]}, {"type": "null"}],
                    }
                entry["default"] = None if "anyOf" in entry else self.value(kind)
            items = list(entry.items())
            if rng.random() < 0.5:
                items.reverse()
            properties[param] = dict(items)
        schema: dict[str, Any] = {"type": "object", "properties": properties}
        needed = [param for param, _, required in params if required]
        if needed or rng.random() < 0.3:
            schema["required"] = needed
        if rng.random() < 0.15:
            schema["additionalProperties"] = False
        if rng.random() < 0.08:
            schema["$schema"] = "http://json-schema.org/draft-07/schema#"
        if params and rng.random() < 0.1:
            lines = [
                f"    {param}: {uses[param]}."
                if uses is not None and param in uses
                else f"    {param}: {param.replace('_', ' ').capitalize()} to {rng.choice(lx.VERBS)}."
                for param in types
            ]
            description += "\n\nArgs:\n" + "\n".join(lines)
            if rng.random() < 0.4:
                description += f"\n\nReturns:\n    {self.words(2, 6).capitalize()}."
        function: dict[str, Any] = {"name": name, "description": description, "parameters": schema}
        if rng.random() < 0.35:  # some clients and template engines sort the keys
            function = json.loads(json.dumps(function, sort_keys=True))
        elif rng.random() < 0.3:
            function["parameters"] = {"properties": properties, "required": needed, "type": "object"}
        shown = list(function["parameters"].get("properties", {}))  # arguments are given in the order shown
        tool_order = {param: i for i, param in enumerate(shown)}
        if not params and rng.random() < 0.2:
            function.pop("parameters", None)
        tool = Tool(name, description, params, types, topic, asks, result, tool_order)
        tool.schema = {"type": "function", "function": function}
        return tool

    def toolbox(self, count: int, real: bool | None = None) -> list[Tool]:
        """Distinct tools to be offered together; in training now and then, or as ``real`` says, of real interfaces."""
        if self.side == "train" and (self.rng.random() < REAL_SHARE if real is None else real):
            return self.real_box(count)
        tools: list[Tool] = []
        taken: set[str] = set()
        while len(tools) < count:
            tool = self.natural_tool(taken) if self.rng.random() < 0.5 else self.synth_tool(taken)
            if tool.name in {t.name for t in tools}:
                continue
            tools.append(tool)
            taken.add(tool.topic)
            if tool.topic in ("add", "multiply", "subtract", "divide"):
                taken.add("calculator")
            if tool.topic == "calculator":
                taken.update(("add", "multiply", "subtract", "divide"))
            if tool.topic in ("weather", "search", "wikipedia"):
                taken.update({"search": ("wikipedia",), "wikipedia": ("search",)}.get(tool.topic, ()))
        return tools

    def request(self, tool: Tool) -> tuple[str, dict[str, Any]]:
        """A question that calls for a tool, and the arguments it must be called with."""
        rng = self.rng
        if tool.real and (tool.keys or rng.random() < 0.9):
            if tool.keys:
                return self.named_request(tool, ap.SOUP_ASKS)
            if rng.random() < 0.3:
                return self.named_request(tool, ap.NAMED_ASKS)
            return self.real_request(tool)
        used = [p for p in tool.params if p[2] or rng.random() < 0.3]
        natural = rng.random() < 0.72 and not tool.real
        if natural:
            used = [p for p in tool.params if p[2]]
        values: list[Any] = []
        for _, kind, _ in used:
            value = self.value(kind)
            while isinstance(value, str) and value in values:
                value = self.value(kind)
            values.append(value)
        shown = [str(v).lower() if isinstance(v, bool) else str(v) for v in values]
        in_words = natural and tool.topic in ("add", "multiply", "subtract") and rng.random() < 0.2
        arguments: dict[str, Any] = {}
        for i, ((param, _, _), value) in enumerate(zip(used, values, strict=True)):
            if in_words:
                value = rng.randint(0, 9)
                shown[i] = WORD_DIGITS[value]
            arguments[param] = str(value) if tool.types[param] == "string" else value
        arguments = {param: arguments[param] for param in sorted(arguments, key=tool.order.__getitem__)}
        listed = [value for _, value in sorted(zip(used, values, strict=True), key=lambda pair: tool.order[pair[0][0]])]

        if natural:
            template = expand(rng, rng.choice(tool.asks))
            template = template.replace("{args}", self.pairs(used, shown) if used else "")
            for i, ((param, _, _), text) in enumerate(zip(used, shown, strict=True)):
                template = template.replace(f"{{p{i}}}", param.replace("_", " ")).replace(f"{{{i}}}", text)
            if self.side == "train" and shown and template.startswith(tuple(shown)):
                return template, arguments  # a value keeps its first letter
            return self.ask_keeping(template), arguments
        if not used:
            text = self.template(EXPLICIT_NOARG_ASKS)
        elif rng.random() < 0.4:
            text = self.template(EXPLICIT_CALL_ASKS).replace(
                "{vals}",
                ", ".join(
                    json.dumps(v, ensure_ascii=False) if rng.random() < 0.5 else str(v) for v in shown_or(listed)
                ),
            )
        elif len(used) == 1 and rng.random() < 0.5:
            text = self.template(EXPLICIT_ASKS).replace("{args}", shown[0])
        else:
            text = self.template(EXPLICIT_ASKS).replace("{args}", self.pairs(used, shown))
        return self.ask_keeping(text.replace("{tool}", tool.name)), arguments

    def pairs(self, used: Sequence[tuple[str, str, bool]], shown: Sequence[str]) -> str:
        """Parameters and their values as people write them down."""
        rng = self.rng
        style = rng.choice(
            [
                "{p}={v}",
                "{p} {v}",
                "{p} = {v}",
                "{p}: {v}",
                "{p} is {v}",
                "{v} as {p}",
                '{p} "{v}"',
                "{p} set to {v}",
                "{v} as the {p}",
            ]
        )
        spoken = rng.random() < 0.5
        parts = [
            style.format(p=p.replace("_", " ") if spoken else p, v=v) for (p, _, _), v in zip(used, shown, strict=True)
        ]
        return parts[0] if len(parts) == 1 else ", ".join(parts[:-1]) + rng.choice([" and ", ", "]) + parts[-1]

    def named_request(self, tool: Tool, patterns: Sequence[str]) -> tuple[str, dict[str, Any]]:
        """A question that shares words with a tool's name or description, and the arguments."""
        rng = self.rng
        used = [p for p in tool.params if p[2] or rng.random() < 0.25]
        values: list[Any] = []
        for _, kind, _ in used:
            value = self.value(kind)
            while isinstance(value, str) and value in values:
                value = self.value(kind)
            values.append(value)
        shown = [self.spoken(kind, value) for (_, kind, _), value in zip(used, values, strict=True)]
        arguments = {p: str(v) if tool.types[p] == "string" else v for (p, _, _), v in zip(used, values, strict=True)}
        arguments = {param: arguments[param] for param in sorted(arguments, key=tool.order.__getitem__)}
        if tool.keys:
            chosen = rng.sample(tool.keys, min(len(tool.keys), rng.choice([1, 1, 2, 2, 3])))
            told = rng.choice([" ", " ", " and ", " the ", ", ", " of "]).join(self.bent(word) for word in chosen)
            text = rng.choice(patterns).replace("{k}", told)
        else:
            name = re.sub(r"([a-z])([A-Z])", r"\1 \2", tool.name)
            heads = [w for w in re.split(r"[^A-Za-z]+", name.lower()) if w and w not in ("api", "tool", "v", "action")]
            said = tool.description.split("\n")[0].rstrip(".").lower().split()
            kept = [w for w in said if rng.random() < 0.75 or w in ap.IDLE] or said
            text = rng.choice(patterns).replace("{w}", " ".join(heads)).replace("{d}", " ".join(kept))
        if not used:
            text = re.sub(
                r"[:,]? ?(?:(?:with|for|of|take|and take|is|has) )?\(?\{args\}\)?[:,]? ?(?:and then )?", " ", text
            )
        elif len(used) == 1 and rng.random() < 0.6:
            text = text.replace("{args}", shown[0])
        else:
            text = text.replace("{args}", self.pairs(used, shown))
        text = " ".join(text.split()).strip(" ,:")
        return (self.ask_keeping(text) if not text.startswith(tuple(shown)) else text), arguments

    def bent(self, word: str) -> str:
        """A word, now and then in another form."""
        if self.rng.random() < 0.75:
            return word
        return self.rng.choice([ap.plural(word), word.rstrip("e") + "ing", word.rstrip("e") + "ed", word[:-1]])

    def soup_box(self, count: int) -> list[Tool]:
        """Tools of words that have nothing to do with each other: only reading finds the one that is meant."""
        rng = self.rng
        bank = ap.words()
        tools: list[Tool] = []
        taken: set[str] = set()
        while len(tools) < count:
            keys: list[str] = []
            while len(keys) < 4:
                word = rng.choice(bank) if rng.random() < 0.85 else self.word()
                if word[:4] not in taken:
                    taken.add(word[:4])
                    keys.append(word)
            heads = keys[: rng.choice([1, 2, 2, 3])]
            pattern = rng.choice(ap.SOUP_DESCRIPTIONS)
            description = pattern.format(*(self.bent(k) for k in rng.sample(keys, 4)))
            told = [k for k in keys if k in heads or k in description.lower()]
            if rng.random() < 0.15:
                description = f"{' '.join(heads).capitalize()}."
                told = heads
            kinds = rng.choices(
                ["word", "int", "city", "code", "name", "topic", "small", "day", "email", "message"],
                [4, 4, 2, 2, 2, 2, 2, 1, 1, 1],
                k=rng.choice([0, 1, 1, 1, 1, 2, 2, 3]),
            )
            names: list[str] = []
            while len(names) < len(kinds):
                candidate = self.param_name() if rng.random() < 0.5 else rng.choice(bank)
                if candidate not in names:
                    names.append(candidate)
            params = [(name, kind, True) for name, kind in zip(names, kinds, strict=True)]
            tool = self._finish_tool(
                self.styled(["_".join(heads)]), description, params, f"soup {heads[0]}", (), "text"
            )
            tool.real, tool.keys = True, tuple(told)
            tools.append(tool)
        return tools if len({t.name for t in tools}) == len(tools) else self.soup_box(count)

    def ask_keeping(self, text: str) -> str:
        """Like :meth:`ask`, but without touching the values: no typos."""
        text = (
            text[0].upper() + text[1:]
            if self.rng.random() < 0.6 and text[0].isalpha() and "_" not in text.split(" ")[0]
            else text
        )
        return self.ask(text, typos=0, polite=0.1) if self.rng.random() < 0.7 else text

    def follow_up(self, tools: list[Tool]) -> list[Exchange]:
        """The same tool called again by a question that only makes sense after the first one."""
        rng = self.rng
        single = [t for t in tools if len(t.params) == 1 and "{0}" in "".join(t.asks) and not t.real]
        if not single:
            return []
        tool = rng.choice(single)
        found = []
        for i in range(rng.choice([2, 2, 3])):
            value = self.value(tool.params[0][1])
            shown = str(value).lower() if isinstance(value, bool) else str(value)
            param = tool.params[0][0]
            if i == 0:
                template = expand(rng, rng.choice(tool.asks)).replace("{args}", f"{param} {{0}}")
                template = template.replace("{p0}", param.replace("_", " "))
            else:
                template = self.template(FOLLOW_UPS)
                if tool.topic in ("weather", "time") and rng.random() < 0.5:
                    template = template.replace("{0}", "in {0}")
            arguments = {param: str(value) if tool.types[param] == "string" else value}
            raw = self.tool_result(tool, arguments)
            messages = [
                user(self.ask_keeping(template.replace("{0}", shown))),
                self._call(tool.name, arguments),
                {"role": "tool", "content": raw},
                assistant(answer_for_result(raw)),
            ]
            found.append(Exchange("tool_answer", messages, Check(exact=answer_for_result(raw))))
        return found

    def tool_result(self, tool: Tool, arguments: dict[str, Any]) -> str:
        """What a tool may answer."""
        rng = self.rng
        roll = rng.random()
        if roll < 0.07:
            return rng.choice(
                [
                    "Error: {0} not found",
                    "Error: missing required argument '{0}'.",
                    "error: {0} failed",
                    "Error: timeout after {1} s",
                    "Error: cannot reach {0}",
                    "Error: {0} {2}",
                ]
            ).format(self.word(), rng.randint(1, 60), self.words(1, 4))
        kind = tool.result if rng.random() < 0.7 else rng.choice(["number", "text", "json", "done", "weather", "list"])
        match kind:
            case "number":
                number: Any = int(self.number(6)) if rng.random() < 0.75 else self.value("float")
                return json.dumps({"result": number}) if rng.random() < 0.25 else str(number)
            case "weather":
                sky = rng.choice(
                    ["sunny", "cloudy", "rainy", "snowy", "foggy", "windy", "clear", "stormy", self.word()]
                )
                degrees = rng.randint(-20, 45)
                place = str(next(iter(arguments.values()), "town"))
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
            case "time":
                return f"{rng.randint(0, 23):02}:{rng.randint(0, 59):02}"
            case "date":
                return f"{rng.randint(2020, 2035)}-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}"
            case "json":
                data: dict[str, Any] = {}
                for _ in range(rng.randint(1, 4)):
                    data[self.param_name()] = rng.choice(
                        [int(self.number(5)), self.memory_value(), self.memory_value(), True]
                    )
                return json.dumps([data] if rng.random() < 0.1 else data, ensure_ascii=False)
            case "list":
                return json.dumps([self.memory_value() for _ in range(rng.randint(1, 4))], ensure_ascii=False)
            case "done":
                return rng.choice(
                    [
                        "ok",
                        "done",
                        "Done.",
                        "success",
                        "OK",
                        "true",
                        json.dumps({"status": "ok"}),
                        json.dumps({"ok": True, "id": int(self.number(4))}),
                        f"Created {self.word()}",
                        f"Sent to {self.name()}.",
                        self.word(),
                    ]
                )
            case _:
                text = self.words(2, 16) if rng.random() < 0.88 else self.words(16, 36)
                return text[0].upper() + text[1:] + rng.choice([".", ".", ""])

    @staticmethod
    def _call(name: str, arguments: dict[str, Any], content: str = "") -> Message:
        return {
            "role": "assistant",
            "content": content,
            "tool_calls": [{"type": "function", "function": {"name": name, "arguments": arguments}}],
        }

    def unseen_box(self, count: int) -> list[Tool]:
        """Tools of which none has a usual name, so that the choice must come from reading."""
        real = self.side == "train" and self.rng.random() < REAL_SHARE
        while True:
            tools = self.toolbox(count, real)
            if not any(tool.name in USUAL_NAMES for tool in tools):
                return tools

    def tool_exchange(self, tools: list[Tool], answer: bool = True, brief: bool = False) -> Exchange:
        """A question answered by a tool call; with ``answer`` also the result, long or ``brief``, and the sentence."""
        rng = self.rng
        tool = rng.choice(tools)
        text, arguments = self.request(tool)
        call = self._call(tool.name, arguments)
        calls = [(tool.name, canonical(arguments))]
        if (
            rng.random() < 0.06
            and len(tool.params) == 1
            and tool.topic in ("weather", "time", "stock", "order", "user")
        ):
            second, more = self.request(tool)
            del second
            if more != arguments:
                values = [str(next(iter(a.values()))) for a in (arguments, more)]
                joined = expand(rng, rng.choice(tool.asks)).replace(
                    "{0}",
                    rng.choice(
                        ["{0} and {1}", "{0} and in {1}"] if tool.topic in ("weather", "time") else ["{0} and {1}"]
                    ),
                )
                text = self.ask_keeping(joined.replace("{0}", values[0]).replace("{1}", values[1]))
                call["tool_calls"].append({"type": "function", "function": {"name": tool.name, "arguments": more}})
                calls.append((tool.name, canonical(more)))
        elif rng.random() < (0.06 if self.side == "heldout" else 0.15):
            other = rng.choice(tools)
            more_text, more = self.request(other)
            if (other.name, more) != (tool.name, arguments):
                joint = rng.choice(
                    [" Also, ", " And ", " Then ", " also ", " and ", ". After that, ", "; ", " Second: "]
                )
                text = (
                    text.rstrip(".")
                    + joint
                    + (
                        more_text[0].lower() + more_text[1:]
                        if " " in joint[-1:] and more_text[:1].isupper() and "_" not in more_text.split(" ")[0]
                        else more_text
                    )
                )
                call["tool_calls"].append({"type": "function", "function": {"name": other.name, "arguments": more}})
                calls.append((other.name, canonical(more)))
        messages = [user(text), call]
        if not answer:
            return Exchange("tool_call", messages, Check(calls=tuple(calls)))
        if brief:
            results = [rng.choice(["ok", "done", "OK", "Done.", self.number(3)]) for _ in calls]
        else:
            results = [self.tool_result(tool, c["function"]["arguments"]) for c in call["tool_calls"]]
        messages += [{"role": "tool", "content": r} for r in results]
        reply = " ".join(answer_for_result(r) for r in results)
        messages.append(assistant(reply))
        return Exchange("tool_answer", messages, Check(exact=reply))

    # ---------------------------------------------------------------------------------------- system prompts

    def filler(self, sentences: int) -> str:
        """Irrelevant instructions."""
        rng = self.rng
        out = []
        for _ in range(sentences):
            roll = rng.random()
            if roll < 0.3:
                out.append(
                    f"{rng.choice(lx.FILLER_SUBJECTS)} {rng.choice(lx.FILLER_VERBS)} the {rng.choice(lx.ADJECTIVES)} "
                    f"{rng.choice(lx.NOUNS)} of {rng.choice(lx.NOUNS)}s."
                )
            elif roll < 0.5:
                out.append(
                    f"{rng.choice(['Always', 'Never', 'Please', 'First', 'Then', 'If you can,'])} "
                    f"{rng.choice(lx.VERBS).replace('_', ' ')} the {rng.choice(lx.NOUNS)} "
                    f"before the {rng.choice(lx.NOUNS)}."
                )
            elif roll < 0.65:
                out.append(
                    f"You are {self.name()}, "
                    f"{rng.choice(['an assistant', 'a guide', 'an agent', 'an expert', 'a clerk'])} for "
                    f"{rng.choice(lx.NOUNS)}s in {rng.choice(lx.CITIES)}."
                )
            elif roll < 0.8:
                out.append(f"- {self.words(3, 9)}")
            else:
                out.append(f"{self.words(4, 12).capitalize()}.")
        return rng.choice([" ", " ", "\n"]).join(out)

    def system(self) -> str | None:
        """A system prompt: none, a usual one, or a long one that does not matter."""
        rng = self.rng
        roll = rng.random()
        if roll < 0.42:
            return None
        if roll < 0.74:
            return self.pick(lx.SHORT_SYSTEMS)
        if roll < 0.94:
            return f"{self.pick(lx.SHORT_SYSTEMS)} {self.filler(rng.randint(1, 5))}"
        most = 90 if roll > 0.97 and self.side == "train" else 40
        return f"{self.pick(lx.SHORT_SYSTEMS)}\n{self.filler(rng.randint(8, most))}"

    # ---------------------------------------------------------------------------------------- conversations

    def sample(self, skill: str | None = None, turns: int | None = None) -> Sample:
        """One conversation; ``skill`` forces what its last turn is about (used for evaluation)."""
        rng = self.rng
        kind = (
            skill
            or rng.choices(
                ["plain", "recall", "tools", "new_tools", "choices", "structured", "primer"], [26, 4, 26, 16, 50, 18, 1]
            )[0]
        )
        system = self.system()
        if kind == "long_system":
            system = f"{self.pick(lx.SHORT_SYSTEMS)}\n{self.filler(rng.randint(60, 95))}"
            kind = rng.choice(["facts", "copy", "recall", "tool_call", "no_tool"])
        exchanges: list[Exchange] = []
        tools: list[Tool] = []
        turns = turns or rng.choice([1, 2, 3, 4, 5, 6])
        if kind == "primer":
            exchanges = [maker() for maker in rng.choices([self.copy, self.arithmetic, self.count], [3, 6, 1], k=turns)]
        elif kind == "recall":
            told, asked = self.memory()
            tools = self.toolbox(rng.choice([1, 2])) if rng.random() < 0.12 else []
            fillers = [
                self.plain(tools=True, math_tool=bool(tools)) for _ in range(rng.choice([0, 0, 1, 1, 2, 3, 4, 5]))
            ]
            cut = rng.randint(0, min(1, len(fillers)))
            exchanges = fillers[:cut] + told + fillers[cut:] + asked
        elif kind == "real_tools":
            tools = self.api_box(rng.choice([3, 4]), held=True)
            exchanges = [self.tool_exchange(tools[:1], answer=False)]
            rng.shuffle(tools)
        elif kind == "new_tools":
            if skill:
                tools = self.toolbox(rng.choice([1, 2, 3]))
                while any(tool.name in USUAL_NAMES for tool in tools):
                    tools = self.toolbox(len(tools))
            else:
                tools = self.unseen_box(rng.choice([2, 3, 3, 4, 4]))
            exchanges = [self.tool_exchange(tools, answer=False)]
        elif kind == "choices":  # little else than choosing by what is read
            tools = self.unseen_box(rng.choice([2, 3, 3, 4, 4]))
            exchanges = [self.tool_exchange(tools, brief=True) for _ in range(rng.choice([1, 2, 3, 4, 5]))]
            exchanges.append(self.tool_exchange(tools, answer=False))
        elif kind in ("tools", "tool_call", "tool_answer", "no_tool"):
            # Choosing between many is what takes long to learn.
            tools = self.toolbox(rng.choice([1, 1, 2, 2, 3, 4] if skill else [1, 2, 3, 3, 4, 4, 4]))
            maths = any(t.topic in ("add", "subtract", "multiply", "divide", "calculator") for t in tools)
            searches = any(t.topic in ("search", "wikipedia") for t in tools)

            def no_tool() -> Exchange:
                while True:
                    exchange = self.plain(maths, tools=True)
                    if exchange.skill != "unknown" or not (
                        searches or might_help(tools, exchange.messages[0]["content"])
                    ):
                        return Exchange("no_tool", exchange.messages, exchange.check)

            for _ in range(rng.choice([2, 3, 4, 5, 6]) if kind == "tools" else min(turns, rng.choice([1, 2, 3]))):
                exchanges.append(self.tool_exchange(tools) if rng.random() < 0.72 else no_tool())
            if kind == "tools" and rng.random() < 0.08:
                exchanges += self.follow_up(tools)
            if kind != "tools" or rng.random() < 0.2:
                exchanges.append(
                    no_tool() if kind == "no_tool" else self.tool_exchange(tools, answer=kind == "tool_answer")
                )
        elif kind in ("structured", "json_only"):
            schema, exchange = self.structured() if kind == "structured" else self.json_only()
            if schema is not None:
                system = schema
                exchanges = [exchange]
            else:
                before = [self.plain() for _ in range(rng.choice([0, 0, 0, 1, 2]))]
                exchanges = [*before, exchange]
                if kind == "structured" and exchange.skill != "structured_forced" and rng.random() < 0.5:
                    other, extra = self.structured()
                    if other is None:
                        exchanges.append(extra)
        else:
            makers: dict[str, Callable[[], Exchange]] = {
                "facts": lambda: self.fact(INTENTS[6:], typos=0.0),
                "typos": lambda: self.fact(INTENTS[6:], typos=1.0),
                "smalltalk": self.smalltalk,
                "copy": self.copy,
                "arithmetic": self.arithmetic,
                "count": self.count,
                "story": self.story,
                "joke": self.joke,
                "unknown": self.unknown,
                "lists": lambda: self.fact(EXTRA_FACTS),
            }
            exchanges = [self.plain() for _ in range(turns - 1 if kind != "plain" else turns)]
            if kind != "plain":
                exchanges.append(makers[kind]())
        messages: list[Message] = [] if system is None else [{"role": "system", "content": system}]
        for exchange in exchanges:
            messages += exchange.messages
        if system is not None and not tools and rng.random() < 0.01:
            messages[0] = {"role": "system", "content": f"{system}\n\n{system}"}  # several become one
        last = exchanges[-1]
        return Sample(messages, [t.schema for t in tools], last.skill, last.check)


def shown_or(values: list[Any]) -> list[Any]:
    """Values as they are written inside the parentheses of a call."""
    return [v if not isinstance(v, bool) else str(v).lower() for v in values]


HINTS = {
    "weather": "rain raining cold warm temperature umbrella",
    "date": "day today",
    "time": "late clock",
    "user": "customer who",
    "currency": "convert dollars euros money",
    "stock": "price share",
    "file": "open read code",
    "url": "open page news read",
    "translate": "german french spanish italian english language say mean",
    "note": "write",
    "music": "song sing play",
    "email": "write reply letter call",
    "reminder": "remind plan",
    "order": "buy",
    "flight": "trip far",
    "table": "eat restaurant",
    "greeting": "write say",
    "customer": "who",
    "dice": "number",
    "calculator": "solve root percent convert",
}
IDLE_WORDS = frozenset("the for with this that what which who how are you can not from your use tool and get".split())


def might_help(tools: Sequence[Tool], text: str) -> bool:
    """Whether one of the tools might be meant by a question, so that it is no example of a useless tool."""
    asked = {word.rstrip("s") for word in re.findall(r"[a-z]{3,}", text.lower())} - IDLE_WORDS
    for tool in tools:
        told = f"{tool.name} {tool.description} {tool.topic} {HINTS.get(tool.topic, '')}".lower()
        if asked & {word.rstrip("s") for word in re.findall(r"[a-z]{3,}", told)}:
            return True
    return any(t.topic in ("calculator", "add", "magic") for t in tools) and any(c.isdigit() for c in text)


def _json_type(value: object) -> str:
    kinds = ((bool, "boolean"), (int, "integer"), (float, "number"))
    return next((name for kind, name in kinds if isinstance(value, kind)), "string")


@lru_cache(maxsize=512)
def _options(kind: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """The values of an enumeration, and what people say for each: ``enum:low=low,not urgent;high=high``."""
    parts = [part.partition("=") for part in kind.removeprefix("enum:").split(";")]
    return tuple((name.strip(), tuple((said or name).strip().split(","))) for name, _, said in parts)


@lru_cache(maxsize=512)
def _templates_of(intent: Intent, side: Side) -> tuple[str, ...]:
    return split_templates(intent.templates, side)


@lru_cache(maxsize=512)
def _weights(templates: tuple[str, ...]) -> tuple[float, ...]:
    return tuple(1 + math.log2(math.prod(part.count("|") + 1 for part in BRACKETS.findall(t))) for t in templates)


@lru_cache(maxsize=512)
def _side_options(options: tuple[str, ...], side: Side) -> tuple[str, ...]:
    mine = tuple(o for o in options if on_side(o, side))
    return mine or options


# -------------------------------------------------------------------------------------------- rendering


def offered(tools: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Tools as the product hands them to a template, whatever their keys and order were in the request."""
    return [
        {
            "type": "function",
            "function": {
                "name": tool["function"]["name"],
                "description": tool["function"].get("description", ""),
                "parameters": {"type": "object", "properties": {}, **tool["function"].get("parameters", {})},
            },
        }
        for tool in tools
    ]


def render(sample: Sample, to_answer: bool = False) -> list[tuple[str, bool]]:
    """The conversation as text pieces, each with whether the model learns it.

    This is the same text that the product gives, by ``chat_template.jinja``; a test holds the two together. With
    ``to_answer`` the last assistant turn is left out and its opening put in its place, as for generating.
    """
    out: list[tuple[str, bool]] = []
    messages = sample.messages[:-1] if to_answer else sample.messages
    rest = messages
    if sample.tools:
        head = "<|im_start|>system\n"
        if messages and messages[0]["role"] == "system":
            head += messages[0]["content"] + "\n\n"
            rest = messages[1:]
        head += "# Tools\n" + "\n".join(json.dumps(t["function"], ensure_ascii=False) for t in offered(sample.tools))
        out.append((head + "<|im_end|>\n", False))
    previous = ""
    for i, message in enumerate(rest):
        role = message["role"]
        content = message.get("content") or ""
        if role == "tool":
            opening = "" if previous == "tool" else "<|im_start|>user\n"
            last = i + 1 == len(rest) or rest[i + 1]["role"] != "tool"
            closing = "<|im_end|>\n" if last else "\n"
            out.append((f"{opening}<tool_response>\n{content}\n</tool_response>{closing}", False))
        elif role == "assistant":
            out.append(("<|im_start|>assistant\n", False))
            calls = "\n".join(
                "<tool_call>\n"
                + '{"name": '
                + json.dumps(c["function"]["name"], ensure_ascii=False)
                + ', "arguments": '
                + json.dumps(c["function"]["arguments"], ensure_ascii=False)
                + "}\n</tool_call>"
                for c in message.get("tool_calls", ())
            )
            text = content + ("\n" if content and calls else "") + calls
            learn = True
            for part in re.split(f"({MARK_OFF}|{MARK_ON})", text):
                if part == MARK_OFF:
                    learn = False
                elif part == MARK_ON:
                    learn = True
                elif part:
                    out.append((part, learn))
            out.append(("<|im_end|>", True))
            out.append(("\n", False))
        else:
            out.append((f"<|im_start|>{role}\n{content}<|im_end|>\n", False))
        previous = role
    if to_answer:
        out.append(("<|im_start|>assistant\n", False))
    return out


def render_text(sample: Sample, to_answer: bool = False) -> str:
    """The conversation as one text."""
    return "".join(piece for piece, _ in render(sample, to_answer))


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


def main() -> None:
    """Print samples."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=5)
    parser.add_argument("--side", choices=("train", "heldout"), default="train")
    parser.add_argument("--skill", default=None)
    options = parser.parse_args()
    composer = Composer(options.seed, options.side)
    for _ in range(options.count):
        print(render_text(composer.sample(options.skill)))
        print("-" * 80)


if __name__ == "__main__":
    main()
