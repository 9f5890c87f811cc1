"""The one joke that the model knows, and how people ask for it."""

from __future__ import annotations

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
