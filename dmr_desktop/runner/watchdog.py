"""Ends the process when preparing one request takes for ever.

Templates and grammars come from strangers. Their own layers bound them; this is for what those bounds miss, such as
one endless call in native code that never lets go of the interpreter, so that no Python code could end it.
"""

import faulthandler
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def ends_within(seconds: float) -> Iterator[None]:
    """If the block takes longer, the process prints where it is and exits with 1. One block at a time; about 50 µs."""
    faulthandler.dump_traceback_later(seconds, exit=True)
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()
