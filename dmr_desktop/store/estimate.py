"""How much memory a model will take, from its header alone. Pure.

Three parts besides the process itself: the weights; the KV cache, which follows from the header exactly; and the
buffers of one computation, whose factors were measured on llama.cpp (tests compare all of it with real runners).
Layers with a sliding window count in full: the engine keeps all their cells, because prompts share prefixes.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from dmr_desktop.store.gguf_header import TOKENS, GGUFHeader

_MIB = 1024 * 1024
PROCESS_BYTES = 150 * _MIB
"""A runner with its libraries, before any model."""

_CACHE_BYTES = {
    "f32": 4.0,
    "f16": 2.0,
    "bf16": 2.0,
    "q8_0": 34 / 32,
    "q5_1": 24 / 32,
    "q5_0": 22 / 32,
    "q4_1": 20 / 32,
    "q4_0": 18 / 32,
    "iq4_nl": 18 / 32,
}
"""Bytes of one number in the KV cache."""
_WIDTHS, _INNER_WIDTHS = 6.0, 2.5
"""So many rows of the model's width, and of its feed-forward width, are alive for each token of a batch."""
_MASK_BYTES = 2
_SCORE_BYTES = 4
"""For each head, token and cell; flash attention never holds them all."""
_LEAST_ROWS = 8
"""Rows of logits that a computation has room for at least."""
_REPACKING = 1.05
"""Weights laid out anew for the CPU's matrix instructions are a little larger than in the file."""
_MOST_LAYERS = 1 << 14
_MOST = 1 << 30
"""Of any other number. Registries are asked before anything is checked: more is nonsense, and counts as not said."""
_MOST_BYTES = 1 << 60
"""Of each part: more than any machine has, and their sum is still a number that every client can read."""


@dataclass(frozen=True, slots=True)
class ModelShape:
    """What decides a model's memory; 0 where the header does not say.

    ``key_width`` and ``value_width``: numbers that all layers together cache for one token. ``state_width``: numbers of
    running state that one sequence has (Mamba and its like). ``inner_width``: of the feed-forward layers that one token
    meets. ``num_masks``: attention masks that a computation holds.
    """

    weights_bytes: int
    num_layers: int = 0
    key_width: int = 0
    value_width: int = 0
    state_width: int = 0
    width: int = 0
    inner_width: int = 0
    vocab_size: int = 0
    num_heads: int = 0
    num_masks: int = 1
    train_context: int = 0

    @property
    def is_known(self) -> bool:
        """Whether the KV cache can be computed at all."""
        return self.width > 0 and self.num_layers > 0


@dataclass(frozen=True, slots=True)
class Load:
    """How a model is to be loaded: ``context_tokens`` in all, ``batch_tokens`` of them computed at once."""

    context_tokens: int
    batch_tokens: int = 512
    num_sequences: int = 8
    key_type: str = "f16"
    value_type: str = "f16"
    flash_attention: bool = True


@dataclass(frozen=True, slots=True)
class Estimate:
    weights_bytes: int
    kv_bytes: int
    compute_bytes: int

    @property
    def total_bytes(self) -> int:
        return PROCESS_BYTES + self.weights_bytes + self.kv_bytes + self.compute_bytes


def shape_of(header: GGUFHeader, weights_bytes: int) -> ModelShape:
    """``header`` of the first shard; ``weights_bytes`` of all files that are loaded."""
    layers = _number(header, "block_count", _MOST_LAYERS)
    width = _number(header, "embedding_length")
    heads = _each(header, "attention.head_count", layers)
    most_heads = max(heads, default=0)
    kv_heads = _each(header, "attention.head_count_kv", layers) or heads
    # A mixed model names its attention layers by giving the others no heads.
    num_kv_heads = sum(kv_heads) if header.values.get(f"{header.architecture}.attention.causal") is not False else 0
    head_length = width // most_heads if most_heads else 0
    experts = _number(header, "expert_feed_forward_length") * _number(header, "expert_used_count")
    return ModelShape(
        weights_bytes=weights_bytes,
        num_layers=layers,
        key_width=num_kv_heads * (_number(header, "attention.key_length") or head_length),
        value_width=num_kv_heads * (_number(header, "attention.value_length") or head_length),
        state_width=_state_width(header, width, sum(1 for count in kv_heads if count == 0) if kv_heads else layers),
        width=width,
        inner_width=max(experts, *_each(header, "feed_forward_length", layers), 0),
        vocab_size=_possible(header.array_lengths.get(TOKENS, 0)),
        num_heads=most_heads,
        num_masks=2 if header.number("attention.sliding_window") else 1,
        train_context=_number(header, "context_length"),
    )


def kv_bytes_per_token(shape: ModelShape, key_type: str = "f16", value_type: str = "f16") -> float:
    keys = shape.key_width * _CACHE_BYTES.get(key_type, 2.0)
    return keys + shape.value_width * _CACHE_BYTES.get(value_type, 2.0)


def estimate(shape: ModelShape, load: Load) -> Estimate:
    """A model whose shape is unknown counts a tenth of its weights as KV cache and a twentieth as buffers."""
    weights = shape.weights_bytes * _REPACKING
    if not shape.is_known:
        return _bounded(weights, shape.weights_bytes // 10, shape.weights_bytes // 20)
    kv = load.context_tokens * kv_bytes_per_token(shape, load.key_type, load.value_type)
    kv += load.num_sequences * shape.state_width * 4
    batch = min(load.batch_tokens, load.context_tokens)
    rows = max(_LEAST_ROWS, load.num_sequences)
    compute = batch * 4 * (_WIDTHS * shape.width + _INNER_WIDTHS * shape.inner_width)
    compute += batch * load.context_tokens * _MASK_BYTES * shape.num_masks
    if not load.flash_attention:
        compute += batch * load.context_tokens * shape.num_heads * _SCORE_BYTES
    compute += 2 * rows * shape.vocab_size * 4
    return _bounded(weights, kv, compute)


def _bounded(*parts: float) -> Estimate:
    return Estimate(*(int(min(part, _MOST_BYTES)) for part in parts))


def largest_context(shape: ModelShape, load: Load, available_bytes: int, most: int) -> int:
    """The most tokens of context, up to ``most``, with which the model fits; 0 if it does not fit at all."""
    low, high = 0, max(0, most)
    while low < high:
        middle = (low + high + 1) // 2
        if estimate(shape, replace(load, context_tokens=middle)).total_bytes <= available_bytes:
            low = middle
        else:
            high = middle - 1
    return low


def _each(header: GGUFHeader, name: str, layers: int) -> Sequence[int]:
    """A number that is the same for all layers, or written for each; [] where it is missing."""
    if header.number(name) is not None:
        return [_number(header, name)] * layers
    return [_possible(number) for number in header.numbers.get(f"{header.architecture}.{name}", ())[:layers]]


def _number(header: GGUFHeader, name: str, most: int = _MOST) -> int:
    """0 where the header does not say, or says what cannot be."""
    return _possible(header.number(name) or 0, most)


def _possible(number: int, most: int = _MOST) -> int:
    return number if 0 < number <= most else 0


def _state_width(header: GGUFHeader, width: int, layers: int) -> int:
    """Running state of the layers without a cache: Mamba's kind and RWKV's."""
    inner, state = _number(header, "ssm.inner_size"), _number(header, "ssm.state_size")
    groups, kernel = _number(header, "ssm.group_count"), _number(header, "ssm.conv_kernel") or 1
    head = _number(header, "wkv.head_size")
    mamba = (kernel - 1) * (inner + 2 * groups * state) + inner * state
    return layers * (mamba + (width * (head + 2) if head else 0))
