"""Requests that come at once are computed at once.

Programs ask in bursts: a batch of a chain, a workflow's items. Their prompts in one step take less time than the first
one alone and then the others, and beside a step that computes they are made ready slowly.
"""

from collections.abc import Callable, Iterator
from queue import Empty, SimpleQueue
from time import monotonic
from typing import TypeVar

# About the preparing of a dozen short chats; who has to be computed alone waits for a long prompt no longer than this.
_SECONDS = 0.025
# Nothing may come of what was being made ready: it was refused, or its client left.
_GLANCE_SECONDS = 0.005

Command = TypeVar("Command")


def rest_of_burst(inbox: SimpleQueue[Command], is_more_coming: Callable[[], bool]) -> Iterator[Command]:
    """What comes into ``inbox`` while more is being made ready, for a moment at most. Nothing waits for a lone one."""
    until = monotonic() + _SECONDS
    while is_more_coming() and (left := until - monotonic()) > 0:
        try:
            yield inbox.get(timeout=min(left, _GLANCE_SECONDS))
        except Empty:
            pass
    while not inbox.empty():
        yield inbox.get()
