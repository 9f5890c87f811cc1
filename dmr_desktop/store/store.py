"""The model store's face: what is stored, under which names, and the verbs that change it.

Owns nothing itself: paths are :mod:`layout`'s, bytes :mod:`blobs`', names :mod:`index`'s. Every method is
synchronous and safe with several threads and with another process (a real Docker Model Runner) on the
same root. Knows nothing of HTTP routes, runners or progress bars.
"""

import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from dmr_desktop.protocol.models import Model, ModelFiles, Progress


class ModelStore:
    """A directory of models, layout-compatible with Docker Model Runner's."""

    def __init__(
        self, root: Path, *, default_registry: str = "docker.io", insecure_registries: tuple[str, ...] = ()
    ) -> None: ...

    def list(self) -> list[Model]: ...

    def get(self, reference: str, *, partial: bool = False) -> Model: ...

    def files(self, reference: str) -> ModelFiles: ...

    def tag(self, reference: str, target: str) -> None: ...

    def remove(self, reference: str, force: bool = False) -> "list[dict[str, str]]": ...

    def package_gguf(
        self,
        path: Path,
        target: str,
        *,
        context_size: int | None = None,
        chat_template: Path | None = None,
        licenses: Sequence[Path] = (),
        progress: Callable[[Progress], None] | None = None,
    ) -> Model: ...

    def disk_usage(self) -> int: ...

    def pull(
        self,
        reference: str,
        *,
        progress: Callable[[Progress], None],
        cancelled: threading.Event,
        bearer_token: str | None = None,
    ) -> str: ...

    def normalise(self, reference: str) -> str: ...
