"""With what each runner is started: what was configured for it, else the service's own configuration."""

from collections.abc import Collection, Mapping
from dataclasses import replace

from dmr_desktop.protocol.runners import RunnerConfig, RunnerKey


class RunnerConfigs:
    """``base`` is the service's own."""

    def __init__(self, base: RunnerConfig) -> None:
        self._base = base
        self._configured: dict[RunnerKey, RunnerConfig] = {}

    def of(self, key: RunnerKey) -> RunnerConfig:
        config = self._configured.get(key, self._base)
        return config if config.threads is not None else replace(config, threads=self._base.threads)

    def is_set(self, key: RunnerKey, config: RunnerConfig) -> bool:
        """Whether just this was configured."""
        return self._configured.get(key) == config

    def set(self, key: RunnerKey, config: RunnerConfig) -> None:
        self._configured[key] = config

    def configured(self) -> Mapping[RunnerKey, RunnerConfig]:
        return dict(self._configured)

    def forget(self, keys: Collection[RunnerKey] | None = None) -> None:
        """These, or all."""
        for key in list(self._configured) if keys is None else keys:
            self._configured.pop(key, None)
