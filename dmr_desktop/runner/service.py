"""What the runner's threads need of the thing that serves requests, whatever its mode."""

from collections.abc import Callable
from typing import Any, Protocol, TypeAlias

from dmr_desktop.protocol.runners import RunnerFacts

Message: TypeAlias = dict[str, Any]
Reply: TypeAlias = Callable[[Message], None]


class ModelService(Protocol):
    """``accept`` runs on the reading thread, ``run`` on the main thread, which alone touches the model's memory."""

    @property
    def facts(self) -> RunnerFacts: ...

    def accept(self, message: Message) -> None:
        """Take one message. Raises DMRError, which becomes its answer, or anything else for a bug."""
        ...

    def refuse(self, message: Message, error: Exception) -> None:
        """Answer a message that ``accept`` could not take."""
        ...

    def run(self) -> None:
        """Serves for ever; an exception ends the process."""
        ...
