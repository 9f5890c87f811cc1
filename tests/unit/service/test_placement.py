"""Who has to go so that a model fits; with numbers small enough to check by head."""

import pytest

from dmr_desktop.protocol.errors import DoesNotFit
from dmr_desktop.protocol.runners import EngineTuning, Mode, RunnerConfig, RunnerKey
from dmr_desktop.service.placement import (
    Evict,
    Go,
    Machine,
    Tenancy,
    Tenant,
    Wait,
    context_tokens,
    decide,
    default_seats,
    load_of,
    obtainable_bytes,
)
from dmr_desktop.store.estimate import Load, ModelShape

MIB = 1024 * 1024


def key(name: str) -> RunnerKey:
    return RunnerKey("llama.cpp", f"sha256:{name}", Mode.COMPLETION)


def idle(name: str, private: int = 10, mapped: int = 0, since: float = 0.0) -> Tenant:
    return Tenant(key(name), Tenancy.IDLE, private, mapped, idle_since=since)


def busy(name: str, private: int = 10, mapped: int = 0) -> Tenant:
    return Tenant(key(name), Tenancy.BUSY, private, mapped)


def leaving(name: str, private: int = 10) -> Tenant:
    return Tenant(key(name), Tenancy.LEAVING, private)


def coming(name: str, reserved: int = 10) -> Tenant:
    return Tenant(key(name), Tenancy.COMING, reserved_bytes=reserved)


def test_an_empty_machine_has_room() -> None:
    assert decide(100, [], Machine(2, 100)) == Go()


def test_a_free_seat_and_memory_evict_nobody() -> None:
    assert decide(50, [idle("a")], Machine(2, 50)) == Go()


def test_no_free_seat_evicts_the_least_recently_used() -> None:
    tenants = [idle("new", since=9.0), idle("old", since=1.0)]
    assert decide(1, tenants, Machine(2, 100)) == Evict((key("old"),))


def test_memory_evicts_as_many_as_it_takes_oldest_first() -> None:
    tenants = [idle("c", 10, since=3), idle("a", 10, since=1), idle("b", 10, since=2)]
    assert decide(25, tenants, Machine(8, 10)) == Evict((key("a"), key("b")))


def test_runners_in_use_are_waited_for_never_evicted() -> None:
    assert decide(1, [busy("a"), busy("b")], Machine(2, 100)) == Wait()
    assert decide(105, [busy("a", 10)], Machine(8, 100)) == Wait()


def test_idle_ones_stay_when_they_would_not_suffice() -> None:
    assert decide(115, [idle("a", 10), busy("b", 10)], Machine(8, 100)) == Wait()


def test_one_that_leaves_is_waited_for_before_others_are_evicted() -> None:
    assert decide(1, [leaving("a"), idle("b")], Machine(2, 100)) == Wait()


def test_mapped_file_pages_count_as_taken_until_the_runner_goes() -> None:
    assert decide(60, [idle("a", 0, mapped=50)], Machine(8, 100)) == Evict((key("a"),))
    assert decide(60, [busy("a", 0, mapped=50)], Machine(8, 100)) == Wait()


def test_memory_promised_to_a_coming_runner_is_not_given_twice() -> None:
    assert decide(60, [coming("a", 50)], Machine(8, 100)) == Wait()


def test_what_never_fits_is_refused_with_need_and_have() -> None:
    with pytest.raises(DoesNotFit, match="about 300 MiB of memory, 120 MiB") as caught:
        decide(300 * MIB, [idle("a", 10 * MIB), busy("b", 10 * MIB)], Machine(8, 100 * MIB))
    assert caught.value.hint


def test_figures_in_motion_refuse_nothing() -> None:
    assert decide(200, [leaving("a", 0)], Machine(8, 100)) == Wait()
    assert decide(200, [coming("a", 10)], Machine(8, 100)) == Wait()


@pytest.mark.parametrize(("cpus", "seats"), [(None, 2), (1, 2), (2, 2), (6, 6), (64, 8)])
def test_seats(cpus: int | None, seats: int) -> None:
    assert default_seats(cpus) == seats


SHAPE = ModelShape(
    100 * MIB, num_layers=10, key_width=10 * 4 * 64, value_width=10 * 4 * 64, width=512, train_context=32768
)
PER_TOKEN = 2 * 10 * 4 * 128


def test_a_runners_configuration_is_a_way_to_load() -> None:
    tuning = EngineTuning(ubatch_size=128, cache_type_k="q8_0", cache_type_v="q4_0", flash_attention="off")
    config = RunnerConfig(num_sequences=3, tuning=tuning)
    assert load_of(config, Mode.COMPLETION, 1000) == Load(1000, 128, 3, "q8_0", "q4_0", flash_attention=False)
    assert load_of(config, Mode.EMBEDDING, 1000) == Load(1000, 1000)
    assert load_of(RunnerConfig(), Mode.COMPLETION, 1000) == Load(1000)


def test_a_text_to_be_embedded_is_not_as_long_as_a_chat() -> None:
    assert context_tokens(None, SHAPE, 1 << 40, Mode.EMBEDDING) == 8192
    assert context_tokens(20000, SHAPE, 1 << 40, Mode.EMBEDDING) == 20000


@pytest.mark.parametrize(
    ("configured", "available", "tokens"),
    [
        (8192, 0, 8192),
        (65536, 0, 32768),
        (-1, 0, 32768),
        (None, 1 << 40, 16384),
        (None, 4 * 8192 * PER_TOKEN, 8192),
        (None, 0, 4096),
    ],
)
def test_the_context_is_what_was_asked_for_or_what_fits(configured: int | None, available: int, tokens: int) -> None:
    assert context_tokens(configured, SHAPE, available) == tokens


def test_a_model_that_does_not_say_its_limit_gets_what_was_asked_for() -> None:
    assert context_tokens(65536, ModelShape(1), 0) == 65536
    assert context_tokens(None, ModelShape(1), 1 << 40) == 4096


def test_what_could_be_had_if_the_idle_went() -> None:
    busy = Tenant(key("b"), Tenancy.BUSY, 10, 5, reserved_bytes=3)
    assert obtainable_bytes([], 100) == 100
    assert obtainable_bytes([idle("a", private=20, mapped=7)], 100) == 120
    assert obtainable_bytes([idle("a", private=20), busy], 100) == 112
    assert obtainable_bytes([busy], 1) == 0
