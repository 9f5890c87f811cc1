"""Fixtures for every folder of tests."""

import signal

pytest_plugins = ["tests.fixtures_live", "tests.fixtures_service"]

# What a script runs with `&` ignores SIGINT, and so would every process that a test starts and interrupts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
