"""Generates the conversations that the demo model learns from and is judged by.

Nothing is downloaded: every conversation is composed from the words in ``data`` and random words, numbers and
identifiers. A :class:`Composer` is seeded, so the same seed gives the same stream of conversations.

The corpus has two disjoint sides, ``train`` and ``heldout``, split at the source:

* phrasing templates (questions), before their alternatives are expanded, by the ``~`` in front of the held-out
  ones: :func:`~corpus.sides.split_templates`; which ones these are was drawn by hash;
* values, by hash (made-up words, numbers of three and more digits, codes, names, cities, the names of tools as a
  whole; not the common nouns that tools and parameters are named after): :func:`~corpus.sides.on_side`;
* a few natural kinds of tools and some real ones as a whole: ``HELDOUT_KINDS`` and what ``apis.txt`` marks.

From below::

    dice                          the random choices of one side, which all others share
    words, values, typist         words and numbers, values by kind, how people type
    knowledge, arithmetic, ...    one file per kind of exchange; plain chooses among those without tools
    statements, json_only, structured    sentences that hold data, and JSON
    tools/                        tools as they are offered, questions for them, their results
    composer                      puts exchanges together to conversations
    rendering                     conversations as text

What people say in all of these is in ``data``. ``python -m corpus --count 5`` shows samples.
"""

from corpus.composer import EVALUATED, Composer
from corpus.conversation import MARK_OFF, MARK_ON, Check, Exchange, Sample, assistant, canonical
from corpus.data.facts import INTENTS, REFUSAL
from corpus.data.lists import EXTRA_FACTS
from corpus.rendering import offered, render, render_text

__all__ = [
    "EVALUATED",
    "EXTRA_FACTS",
    "INTENTS",
    "MARK_OFF",
    "MARK_ON",
    "REFUSAL",
    "Check",
    "Composer",
    "Exchange",
    "Sample",
    "assistant",
    "canonical",
    "offered",
    "render",
    "render_text",
]
