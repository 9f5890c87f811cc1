"""The long story that the model knows, and how people ask for it."""

from __future__ import annotations

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
