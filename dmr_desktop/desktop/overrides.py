"""What every method needs that Qt calls in the place of its own."""

import sys
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


def qt_override(method: Callable[P, R]) -> Callable[P, R]:
    """An exception of the method is printed, or comes out of the call of Qt that led here; the app goes on.

    PySide6 takes what comes out of such a method for an exception object. Before Python 3.12 an exception raised by C
    code (a text that is no number, an attribute that is not there) is none as yet, only its type and its text, and the
    app would end with a segmentation fault. To catch it makes it whole.
    """
    if sys.version_info >= (3, 12):
        return method

    @wraps(method)
    def whole(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return method(*args, **kwargs)
        except Exception:
            raise

    return whole
