"""How a model is to be loaded, as the user chose it or as the service remembers it."""

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

from PySide6.QtCore import QObject

from dmr_desktop.desktop.lookup import Lookup
from dmr_desktop.desktop.names import printable
from dmr_desktop.desktop.transport import Transport
from dmr_desktop.protocol.json_types import JSON

_EMPTY_PARTS = re.compile(r"(?<=[hm])0[ms](?:0s)?$")


@dataclass(frozen=True, slots=True)
class LoadOptions:
    """``context_size`` None: the model's own. ``keep_alive`` e.g. ``30m``, ``-1`` for ever, "" as the service does.

    ``flags`` are llama-server's, as for a shell.
    """

    context_size: int | None = None
    keep_alive: str = ""
    flags: str = ""

    def as_body(self, reference: str, *, is_embedding: bool) -> dict[str, JSON]:
        """Of ``POST /engines/_configure``. Raises ValueError where the quotes of ``flags`` do not match."""
        body: dict[str, JSON] = {"model": reference}
        if self.context_size is not None:
            body["context-size"] = self.context_size
        if self.keep_alive:
            body["keep_alive"] = self.keep_alive
        if words := shlex.split(self.flags):
            body["runtime-flags"] = list(words)
        if is_embedding:
            body["mode"] = "embedding"
        return body


def read_options(answer: object) -> LoadOptions | None:
    """The answer of ``GET /engines/_configure?model=...``; None when nothing is configured."""
    lines = answer if isinstance(answer, list) else []
    config = next((line.get("Config") for line in lines if isinstance(line, Mapping)), None)
    if not isinstance(config, Mapping):
        return None
    size, keep, flags = config.get("context-size"), config.get("keep_alive"), config.get("runtime-flags")
    words = [printable(flag, 200) for flag in flags if isinstance(flag, str)] if isinstance(flags, list) else []
    return LoadOptions(
        size if isinstance(size, int) and size > 0 else None,
        _short(keep) if isinstance(keep, str) else "",
        shlex.join(words),
    )


def _short(duration: str) -> str:
    """``1h0m0s`` → ``1h``: as people write it."""
    return _EMPTY_PARTS.sub("", printable(duration, 20))


class Configured(Lookup):
    """Answers with :class:`LoadOptions`, None when nothing is configured."""

    def __init__(self, transport: Transport, parent: QObject | None = None) -> None:
        super().__init__(transport, read_options, parent)

    def ask(self, reference: str) -> None:
        self.get(f"/engines/_configure?model={quote(reference, safe='')}")
