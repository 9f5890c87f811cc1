"""From messages to prompt tokens and from output text to events, for whatever chat format a model has.

:mod:`.chat` is the face. Everything here is synchronous and pure apart from the template's clock; it
knows no HTTP, threads, store or llama.cpp: a vocabulary reaches it through :class:`.vocabulary.Vocabulary`.
"""
