"""DMR Desktop: an open local-model runner that speaks Docker Model Runner's API."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("dmr-desktop")
except PackageNotFoundError:  # a source tree that was never installed
    __version__ = "0.0.0"
