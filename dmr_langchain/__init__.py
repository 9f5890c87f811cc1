"""LangChain models that run on this machine: ``ChatDMR``, ``DMREmbeddings``, ``DMRReranker``, served by DMR Desktop.

Names are loaded when first used, so that importing the package costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dmr_langchain.chat_models import ChatDMR, init_dmr_model
    from dmr_langchain.embeddings import DMREmbeddings
    from dmr_langchain.errors import (
        DMRAuthenticationError,
        DMRBadRequestError,
        DMRBusyError,
        DMRConnectionError,
        DMRContextOverflowError,
        DMRError,
        DMRLengthError,
        DMRModelLoadingError,
        DMRModelNotFoundError,
        DMRPermissionDeniedError,
        DMRPullError,
        DMRServerError,
        DMRTimeoutError,
    )
    from dmr_langchain.models import DMRModels
    from dmr_langchain.rerankers import DMRReranker

__all__ = [
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

_MODULES = {
    "ChatDMR": "chat_models",
    "DMREmbeddings": "embeddings",
    "DMRModels": "models",
    "DMRReranker": "rerankers",
    "init_dmr_model": "chat_models",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES.get(name, 'errors')}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
