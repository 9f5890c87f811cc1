"""What a model is for, by its header: writing text, making vectors, ranking documents. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from dmr_desktop.protocol.errors import WrongMode
from dmr_desktop.protocol.runners import Mode
from dmr_desktop.store.gguf_header import GGUFHeader

_POOLS = (1, 2, 3)
"""Mean, the first token, the last one: llama.cpp's ways to make one vector of a text."""
_RANKS = 4
_WITHOUT_DECODER = frozenset({"t5encoder"})


@dataclass(frozen=True, slots=True)
class Abilities:
    """``meant`` is what the file says that the model is for, ``possible`` what it could be made to do as well."""

    meant: frozenset[Mode]
    possible: frozenset[Mode]


ALL = Abilities(frozenset(Mode), frozenset(Mode))


def abilities_of(headers: Sequence[GGUFHeader]) -> Abilities:
    """``headers`` of all parts, the first one first."""
    first = headers[0]
    pooling = first.number("pooling_type")
    is_causal = first.values.get(f"{first.architecture}.attention.causal") is not False
    writes = is_causal and first.architecture not in _WITHOUT_DECODER
    if any(header.has_ranking_head for header in headers):
        # llama.cpp would rank without a head, too, and give nonsense.
        return Abilities(frozenset({Mode.RERANKING}), frozenset({Mode.RERANKING}))
    if pooling == _RANKS:
        return Abilities(frozenset(), frozenset())
    possible = frozenset({Mode.EMBEDDING, Mode.COMPLETION} if writes else {Mode.EMBEDDING})
    is_for_vectors = pooling in _POOLS or not writes
    return Abilities(frozenset({Mode.EMBEDDING if is_for_vectors else Mode.COMPLETION}), possible)


_IT = {
    Mode.COMPLETION: "this model writes text",
    Mode.EMBEDDING: "this model makes embeddings",
    Mode.RERANKING: "this model ranks documents",
}
_NOT = {
    Mode.COMPLETION: "it cannot generate text",
    Mode.EMBEDDING: "it makes no embeddings",
    Mode.RERANKING: "it cannot rank documents: it has no classifier head",
}
_PATHS = {
    Mode.COMPLETION: "/v1/chat/completions",
    Mode.EMBEDDING: "/v1/embeddings",
    Mode.RERANKING: "/v1/rerank",
}
_CHOOSE = {
    Mode.COMPLETION: "choose a chat model",
    Mode.EMBEDDING: "choose an embedding model, such as ai/embeddinggemma",
    Mode.RERANKING: "choose a reranking model (a cross-encoder, such as bge-reranker)",
}


def check_mode(abilities: Abilities, mode: Mode, *, is_wanted: bool) -> None:
    """``is_wanted``: somebody has said that the model is to be used so; then it only has to be possible.

    Raises :class:`WrongMode`.
    """
    if mode in (abilities.possible if is_wanted else abilities.meant):
        return
    meant = [found for found in Mode if found in abilities.meant]
    what = _IT[meant[0]] if meant else "this model was made to rank documents, and its head is missing"
    hint = _CHOOSE[mode] + "".join(f"; this one works with {_PATHS[found]}" for found in meant)
    if mode in abilities.possible:
        hint += f"; if it is one, say so: `dmr configure --mode {mode.value} MODEL`"
    raise WrongMode(f"{what}; {_NOT[mode]}", hint=hint, param="model")
