"""Whether a GGUF file whose header is sound may be handed to native code.

Refused is what llama.cpp is known to abort on or to read out of bounds, with a reason for the user. Whether this build
knows an architecture, and whether the tensors are those it wants, is the runner's to say.
"""

import math
from collections.abc import Sequence

from dmr_desktop.store.gguf import GGUFError
from dmr_desktop.store.gguf_header import TOKENS, GGUFHeader
from dmr_desktop.store.gguf_types import ValueType

_MAX_CONTEXT = 1 << 30
_MAX_HEADS = 1 << 16
_ARRAY_TYPES = {
    TOKENS: (ValueType.STRING,),
    "tokenizer.ggml.merges": (ValueType.STRING,),
    "tokenizer.ggml.scores": (ValueType.FLOAT32,),
    "tokenizer.ggml.token_type": (ValueType.INT32, ValueType.UINT32),
}
"""llama.cpp reads these without asking what they are."""


def check_loadable(shards: Sequence[GGUFHeader]) -> None:
    """Refuse what native code is known to stumble over. ``shards`` in order. Raises :class:`GGUFError`."""
    first = shards[0]
    if not first.architecture:
        raise GGUFError("general.architecture is missing")
    if first.architecture == "clip":
        raise GGUFError("it is a multimodal projector, not a model")
    if first.num_shards != len(shards):
        raise GGUFError(f"the model has {first.num_shards} parts, {len(shards)} are there")
    numbers = [shard.values.get("split.no", 0) for shard in shards]
    if len(shards) > 1 and numbers != list(range(len(shards))):
        raise GGUFError("the parts of the model are not in order or not all different")
    num_tensors = sum(shard.num_tensors for shard in shards)
    if num_tensors == 0:
        raise GGUFError("it holds no tensors")
    blocks = first.number("block_count")
    if blocks is not None and not 0 < blocks <= num_tensors:
        raise GGUFError(f"it claims {blocks} blocks but has {num_tensors} tensors")
    context = first.number("context_length")
    if context is not None and not 0 < context <= _MAX_CONTEXT:
        raise GGUFError(f"its context_length {context} is not possible")
    _check_numbers(first)
    _check_vocabulary(first)


def check_projector(header: GGUFHeader) -> None:
    """Refuse what is no multimodal projector. Raises :class:`GGUFError`."""
    if header.architecture != "clip":
        raise GGUFError(f"its architecture is {header.architecture[:40]!r}: it is not a multimodal projector")
    if header.num_tensors == 0:
        raise GGUFError("it holds no tensors")


def _check_numbers(header: GGUFHeader) -> None:
    for key, value in header.values.items():
        if not isinstance(value, float) or not key.startswith(f"{header.architecture}."):
            continue
        if not math.isfinite(value) or (key.endswith("epsilon") and value < 0):
            raise GGUFError(f"{key[:80]} is {value:g}, which is not possible")
    for name in ("attention.head_count", "attention.head_count_kv"):
        heads = header.number(name)
        if heads is not None and not 0 <= heads <= _MAX_HEADS:
            raise GGUFError(f"its {name} {heads} is not possible")


def _check_vocabulary(header: GGUFHeader) -> None:
    for key, kinds in _ARRAY_TYPES.items():
        kind = header.array_types.get(key)
        if kind is not None and kind not in kinds:
            raise GGUFError(f"{key} is made of {kind.name}, not of {kinds[0].name}")
    if "tokenizer.ggml.model" not in header.values:
        return
    num_tokens = header.array_lengths.get("tokenizer.ggml.tokens", 0)
    if num_tokens == 0 and header.values["tokenizer.ggml.model"] not in ("none", "no_vocab"):
        raise GGUFError("it has a tokenizer without tokens")
    for name in ("scores", "token_type"):
        length = header.array_lengths.get(f"tokenizer.ggml.{name}", num_tokens)
        if length != num_tokens:
            raise GGUFError(f"tokenizer.ggml.{name} has {length} items for {num_tokens} tokens")
