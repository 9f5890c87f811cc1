"""Fixtures for every folder of tests."""

pytest_plugins = ["tests.fixtures_live", "tests.fixtures_service"]
