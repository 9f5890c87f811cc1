"""What was configured for each runner: the one book of it, in memory only, as in Docker Model Runner.

Who may change an entry while its runner is loaded is the loader's to say (:meth:`.loader.Loader.configure`).
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from dmr_desktop.backends.base import DEFAULT_BACKEND
from dmr_desktop.protocol.json_types import JSON
from dmr_desktop.protocol.runners import Mode, RunnerConfig, RunnerKey
from dmr_desktop.service.wishes import Wish, with_flags


@dataclass(frozen=True, slots=True)
class Configured:
    """How a runner is started, and the ``_configure`` that said so; None: a request needed it."""

    config: RunnerConfig
    wish: Wish | None = None


class Configurations:
    """``base`` is how the service starts runners by itself, ``defaults`` what then holds for their requests."""

    def __init__(self, base: RunnerConfig, defaults: Mapping[str, JSON] | None = None) -> None:
        self._base = base
        self._defaults = defaults or {}
        self._entries: dict[RunnerKey, Configured] = {}

    # ---- how runners are started ----

    def config(self, key: RunnerKey) -> RunnerConfig:
        """What a runner for ``key`` is started with: what was configured, else the service's own."""
        return self.effective(self._entries.get(key))

    def effective(self, entry: Configured | None) -> RunnerConfig:
        """What a runner with this entry is started with."""
        config = self._base if entry is None else entry.config
        return config if config.threads is not None else replace(config, threads=self._base.threads)

    def keep_alive_seconds(self, key: RunnerKey) -> float | None:
        """As configured; None: nothing was."""
        entry = self._entries.get(key)
        return None if entry is None else entry.config.keep_alive_seconds

    def of_wish(self, wish: Wish) -> Configured:
        config = with_flags(self._base, wish.flags)
        size = config.context_size if wish.context_size is None else wish.context_size
        return Configured(replace(config, context_size=size, keep_alive_seconds=wish.keep_alive_seconds), wish)

    def widened(self, key: RunnerKey, context_size: int) -> Configured:
        """What holds for ``key`` now, but with so many tokens of context."""
        wish = self._wish(key)
        if wish is not None:
            wish = replace(wish, context_size=context_size, shown={**wish.shown, "context-size": context_size})
        return Configured(replace(self.config(key), context_size=context_size), wish)

    # ---- the book ----

    def entry(self, key: RunnerKey) -> Configured | None:
        return self._entries.get(key)

    def set(self, key: RunnerKey, entry: Configured | None) -> None:
        """None: as if nothing had been configured."""
        if entry is None:
            self._entries.pop(key, None)
        else:
            self._entries[key] = entry

    def forget(self, keys: Collection[RunnerKey] | None = None) -> None:
        """These, or all."""
        for key in list(self._entries) if keys is None else keys:
            self._entries.pop(key, None)

    # ---- what requests and listings need ----

    def defaults(self, model_id: str, mode: Mode) -> Mapping[str, JSON]:
        """Request fields that hold where a request does not set them."""
        wish = self._wish(RunnerKey(DEFAULT_BACKEND, model_id, mode))
        return {**self._defaults, **wish.defaults} if wish is not None else self._defaults

    def wishes(self) -> Mapping[RunnerKey, Wish]:
        return {key: entry.wish for key, entry in self._entries.items() if entry.wish is not None}

    def shown(self, model_id: str) -> Mapping[str, JSON]:
        """What was set for a model, as it was written; for text, else for another mode."""
        found = (self._wish(RunnerKey(DEFAULT_BACKEND, model_id, mode)) for mode in Mode)
        return next((wish.shown for wish in found if wish is not None), {})

    def _wish(self, key: RunnerKey) -> Wish | None:
        entry = self._entries.get(key)
        return None if entry is None else entry.wish
