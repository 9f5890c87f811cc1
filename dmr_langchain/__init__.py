"""LangChain models that run on this machine: ``ChatDMR`` and ``DMREmbeddings``, served by DMR Desktop.

Names are loaded when first used, so that importing the package costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dmr_langchain.chat_models import ChatDMR
    from dmr_langchain.embeddings import DMREmbeddings
    from dmr_langchain.errors import (
        DMRBadRequestError,
        DMRBusyError,
        DMRConnectionError,
        DMRContextOverflowError,
        DMRError,
        DMRModelNotFoundError,
        DMRServerError,
        DMRTimeoutError,
    )

__all__ = [
    "ChatDMR",
    "DMRBadRequestError",
    "DMRBusyError",
    "DMRConnectionError",
    "DMRContextOverflowError",
    "DMREmbeddings",
    "DMRError",
    "DMRModelNotFoundError",
    "DMRServerError",
    "DMRTimeoutError",
]

_MODULES = {"ChatDMR": "chat_models", "DMREmbeddings": "embeddings"}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES.get(name, 'errors')}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
