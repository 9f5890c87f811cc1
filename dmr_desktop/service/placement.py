"""What must be unloaded so that another model fits. Pure: the machine and the runners come in as values."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from dmr_desktop.protocol.errors import DoesNotFit
from dmr_desktop.protocol.runners import Mode, RunnerConfig, RunnerKey
from dmr_desktop.store.estimate import Load, ModelShape, kv_bytes_per_token

MAX_SEATS = 8
MIN_SEATS = 2

_MIB = 1024 * 1024
_LONGEST_INPUT = 8192
"""Tokens of a text that is turned into a vector: computing it takes memory by the square of its length."""
BEST_DEFAULT_CONTEXT = 16384
"""Tokens, for a model whose context nobody configured, memory permitting."""
_LEAST_DEFAULT_CONTEXT = 4096


class Tenancy(StrEnum):
    IDLE = "idle"  # may be unloaded
    BUSY = "busy"
    COMING = "coming"  # has its seat, not its memory yet
    LEAVING = "leaving"  # gives both back by itself


@dataclass(frozen=True, slots=True)
class Tenant:
    """A runner that has a seat.

    ``private_bytes`` come back to the machine when it goes. ``mapped_bytes`` are pages of the model's file: the
    system counts them as available, but taking them would make every step read from disk. ``reserved_bytes`` are
    what it will still grow by. ``idle_since`` is monotonic seconds.
    """

    key: RunnerKey
    tenancy: Tenancy
    private_bytes: int = 0
    mapped_bytes: int = 0
    reserved_bytes: int = 0
    idle_since: float = 0.0


@dataclass(frozen=True, slots=True)
class Machine:
    """``available_bytes``: what the system could give out now, droppable file pages included."""

    seats: int
    available_bytes: int


@dataclass(frozen=True, slots=True)
class Go:
    """There is room now."""


@dataclass(frozen=True, slots=True)
class Evict:
    """There will be room once these idle runners are gone."""

    keys: tuple[RunnerKey, ...]


@dataclass(frozen=True, slots=True)
class Wait:
    """There will be room once a runner in use, or one that leaves, is gone."""


Verdict: TypeAlias = Go | Evict | Wait


def default_seats(cpu_count: int | None) -> int:
    """Docker Model Runner's min(CPUs, 8), but never fewer than two: a chat and an embedding model."""
    return max(MIN_SEATS, min(cpu_count or 1, MAX_SEATS))


def decide(need_bytes: int, tenants: Sequence[Tenant], machine: Machine) -> Verdict:
    """Whether a model that needs ``need_bytes`` may start now. Least recently used runners go first.

    Raises :class:`DoesNotFit` if it would not fit on the machine even alone.
    """
    room = machine.available_bytes - sum(tenant.mapped_bytes + tenant.reserved_bytes for tenant in tenants)
    everything = room + sum(map(_given_back, tenants))
    # While runners come and go the figures are in motion: then they prove nothing.
    is_settled = all(tenant.tenancy in (Tenancy.IDLE, Tenancy.BUSY) for tenant in tenants)
    if need_bytes > everything and is_settled:
        raise DoesNotFit(
            f"the model needs about {_mib(need_bytes)} MiB of memory, {_mib(everything)} MiB can be had",
            hint="choose a smaller model or quantization, configure a smaller context, or close other programs",
        )
    free_seats = machine.seats - len(tenants)
    if free_seats >= 1 and need_bytes <= room:
        return Go()
    leaving = [tenant for tenant in tenants if tenant.tenancy is Tenancy.LEAVING]
    idle = sorted((t for t in tenants if t.tenancy is Tenancy.IDLE), key=lambda tenant: tenant.idle_since)
    victims: list[RunnerKey] = []
    free_seats += len(leaving)
    room += sum(map(_given_back, leaving))
    for tenant in idle:
        if free_seats >= 1 and need_bytes <= room:
            break
        victims.append(tenant.key)
        free_seats += 1
        room += _given_back(tenant)
    # Evicting what does not suffice would only cost reloads: rather wait with everything in place.
    if victims and free_seats >= 1 and need_bytes <= room:
        return Evict(tuple(victims))
    return Wait()


def obtainable_bytes(tenants: Sequence[Tenant], available_bytes: int) -> int:
    """What a model could have if all runners went that nobody uses."""
    staying = [tenant for tenant in tenants if tenant.tenancy in (Tenancy.BUSY, Tenancy.COMING)]
    going = [tenant for tenant in tenants if tenant not in staying]
    taken = sum(tenant.mapped_bytes + tenant.reserved_bytes for tenant in staying)
    return max(0, available_bytes - taken + sum(tenant.private_bytes for tenant in going))


def context_tokens(
    configured: int | None, shape: ModelShape, available_bytes: int, mode: Mode = Mode.COMPLETION
) -> int:
    """The context a model is loaded with. ``configured`` as in RunnerConfig: None lets us choose, -1 is its maximum.

    Ours is what an agent's prompts need, as long as the KV cache takes no more than a quarter of the memory there is.
    Never more than the model was trained for: beyond that it writes nonsense.
    """
    most = shape.train_context or _LEAST_DEFAULT_CONTEXT
    if configured is None:
        tokens = min(BEST_DEFAULT_CONTEXT if mode is Mode.COMPLETION else _LONGEST_INPUT, most)
        while tokens > _LEAST_DEFAULT_CONTEXT and tokens * kv_bytes_per_token(shape) > available_bytes // 4:
            tokens //= 2
        return tokens
    if configured < 0:
        return most
    return min(configured, shape.train_context) if shape.train_context else configured


def load_of(config: RunnerConfig, mode: Mode, tokens: int) -> Load:
    """How a runner with this configuration loads a model with a context of ``tokens``."""
    tuning = config.tuning
    if mode is not Mode.COMPLETION:
        # A text must be computed in one go.
        return Load(tokens, batch_tokens=tokens)
    return Load(
        tokens,
        batch_tokens=tuning.ubatch_size or 512,
        num_sequences=config.num_sequences,
        key_type=tuning.cache_type_k or "f16",
        value_type=tuning.cache_type_v or "f16",
        flash_attention=tuning.flash_attention != "off",
    )


def _given_back(tenant: Tenant) -> int:
    return tenant.private_bytes + tenant.mapped_bytes + tenant.reserved_bytes


def _mib(num_bytes: int) -> int:
    return max(0, num_bytes) // _MIB
