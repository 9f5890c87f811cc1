"""The book of what was configured."""

from dmr_desktop.dialects.fields import Fields
from dmr_desktop.protocol.json_types import JSON
from dmr_desktop.protocol.runners import Mode, RunnerConfig, RunnerKey
from dmr_desktop.service.configurations import Configurations, Configured
from dmr_desktop.service.wishes import read_wish

KEY = RunnerKey("llama.cpp", "sha256:a", Mode.COMPLETION)
OTHER = RunnerKey("llama.cpp", "sha256:a", Mode.EMBEDDING)
BASE = RunnerConfig(num_sequences=4, threads=3)


def book(**wish: JSON) -> Configurations:
    made = Configurations(BASE, {"seed": 1})
    if wish:
        made.set(KEY, made.of_wish(read_wish(Fields(wish), "llama.cpp")))
    return made


def test_nothing_configured_is_the_services_own() -> None:
    found = book()
    assert (found.config(KEY), found.keep_alive_seconds(KEY)) == (BASE, None)
    assert (found.defaults("sha256:a", Mode.COMPLETION), found.wishes(), found.shown("sha256:a")) == (
        {"seed": 1},
        {},
        {},
    )


def test_a_wish_is_all_that_it_says_and_the_services_own_beyond() -> None:
    found = book(**{"context-size": 2048, "runtime-flags": ["--temp", "0.5"], "keep_alive": "10m"})
    assert found.config(KEY) == RunnerConfig(2048, 600, num_sequences=4, threads=3)
    assert found.keep_alive_seconds(KEY) == 600
    assert found.defaults("sha256:a", Mode.COMPLETION) == {"seed": 1, "temperature": 0.5}
    assert found.defaults("sha256:a", Mode.EMBEDDING) == {"seed": 1}
    assert list(found.wishes()) == [KEY]
    assert found.shown("sha256:a")["context-size"] == 2048


def test_a_context_that_a_request_needed_is_shown_where_something_was_configured() -> None:
    found = book(**{"context-size": 2048, "keep_alive": "10m"})
    found.set(KEY, found.widened(KEY, 8192))
    assert found.config(KEY) == RunnerConfig(8192, 600, num_sequences=4, threads=3)
    assert found.shown("sha256:a") == {"context-size": 8192, "keep_alive": "10m0s"}
    nothing = book()
    nothing.set(OTHER, nothing.widened(OTHER, 8192))
    assert nothing.config(OTHER).context_size == 8192
    assert (nothing.wishes(), nothing.shown("sha256:a")) == ({}, {})


def test_forgetting_takes_all_of_it() -> None:
    found = book(**{"runtime-flags": ["--temp", "0.5"]})
    found.set(OTHER, Configured(RunnerConfig(keep_alive_seconds=-1)))
    found.forget({OTHER})
    assert (found.entry(OTHER), list(found.wishes())) == (None, [KEY])
    found.forget()
    assert (found.config(KEY), found.defaults("sha256:a", Mode.COMPLETION)) == (BASE, {"seed": 1})
    found.set(KEY, None)
