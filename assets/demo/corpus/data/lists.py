"""What the model knows by heart besides the product: days, months, a poem, capitals."""

from __future__ import annotations

from corpus.intent import Intent

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
