"""Model names as people read and type them; no Qt, no I/O.

Knows DMR's default registry and namespace. What a name finally means is the service's decision: the
canonical form here only tells whether two spellings are the same model.
"""

import unicodedata

_HIDDEN_CATEGORIES = {"Cc", "Cf", "Zl", "Zp", "Cs"}
_LINE_SIGNS, _JOINERS = "\n\t", "\u200c\u200d"
"""Persian, the scripts of India and families of emoji are written with joiners."""


def printable(text: str, limit: int = 600) -> str:
    """Foreign text made safe to show: control and direction characters replaced, cut to ``limit`` characters."""
    shown = "".join(
        "\ufffd" if unicodedata.category(char) in _HIDDEN_CATEGORIES and char not in _LINE_SIGNS + _JOINERS else char
        for char in text[: limit + 1]
    )
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"


def familiar(reference: str) -> str:
    """``docker.io/ai/smollm2:latest`` → ``ai/smollm2``; other registries and tags stay."""
    name = printable(reference, 200)
    for prefix in ("docker.io/", "index.docker.io/"):
        name = name.removeprefix(prefix)
    return name.removesuffix(":latest")


def canonical(reference: str) -> str:
    """``smollm2`` → ``docker.io/ai/smollm2:latest``: equal for two spellings of one model."""
    name = reference.strip()
    if name.startswith("sha256:"):
        return name
    name, at, digest = name.partition("@")
    first, slash, _ = name.partition("/")
    if not slash:
        name = f"docker.io/ai/{name}"
    elif not ("." in first or ":" in first or first == "localhost"):
        name = f"docker.io/{name}"
    if not at and ":" not in name.rpartition("/")[2]:
        name += ":latest"
    return name.lower() + at + digest
