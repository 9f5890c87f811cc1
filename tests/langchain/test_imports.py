"""The public names, and what importing them costs."""

import subprocess
import sys

import dmr_langchain

EXPECTED = [
    "ChatDMR",
    "DMRAuthenticationError",
    "DMRBadRequestError",
    "DMRBusyError",
    "DMRConnectionError",
    "DMRContextOverflowError",
    "DMREmbeddings",
    "DMRError",
    "DMRLengthError",
    "DMRModelLoadingError",
    "DMRModelNotFoundError",
    "DMRModels",
    "DMRPermissionDeniedError",
    "DMRPullError",
    "DMRReranker",
    "DMRServerError",
    "DMRTimeoutError",
    "init_dmr_model",
]


def test_all_names_are_there() -> None:
    assert dmr_langchain.__all__ == EXPECTED
    assert dir(dmr_langchain) == EXPECTED
    for name in EXPECTED:
        assert getattr(dmr_langchain, name).__name__ == name


def test_the_package_alone_loads_neither_langchain_nor_the_sdk() -> None:
    code = "import sys, dmr_langchain; sys.exit(any(m in sys.modules for m in ('langchain_core', 'openai', 'httpx')))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
