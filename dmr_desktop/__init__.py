"""DMR Desktop: an open local-model runner that speaks Docker Model Runner's API."""

__version__ = "0.1.0"
"""Written here and read from here by the build: to look the installed package up would slow every command down."""
