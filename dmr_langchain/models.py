"""``DMRModels``: what is on the machine that runs DMR Desktop, and what is loaded."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import openai
from pydantic import SecretStr

from dmr_langchain._address import find_places
from dmr_langchain._management import Call, Management
from dmr_langchain._settings import configuration
from dmr_langchain.errors import DMRPullError


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """A model on the machine. ``created`` is Unix seconds; ``config`` has format, architecture, size and the like."""

    id: str
    tags: tuple[str, ...]
    created: int
    config: Mapping[str, Any]

    @property
    def name(self) -> str:
        """The first tag, or the digest of a model that has none."""
        return self.tags[0] if self.tags else self.id

    @property
    def context_size(self) -> int | None:
        """Tokens the model is meant to hold, as far as it says so."""
        own = self.config.get("context_size")
        if isinstance(own, int):
            return own
        gguf = self.config.get("gguf") or {}
        found = next((str(value) for key, value in gguf.items() if key.endswith(".context_length")), "")
        return int(found) if found.isdecimal() else None


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A model at work. ``mode`` is completion, embedding or reranking; ``keep_alive`` "" if nothing was set."""

    model: str
    mode: str
    backend: str
    is_used: bool
    is_loading: bool
    keep_alive: str


@dataclass(frozen=True, slots=True)
class PullProgress:
    """Bytes that are there, and of how many (0: not known yet). ``message`` is for people."""

    current: int
    total: int
    message: str


OnProgress = Callable[[PullProgress], None]


class DMRModels:
    """Models of a DMR Desktop (or Docker Model Runner).

    ``base_url``, ``socket_path``, ``api_key`` and ``timeout`` are those of ``ChatDMR``. Every method has an
    asynchronous twin that begins with ``a``. All raise ``DMRError``.

    .. code-block:: python

        from dmr_langchain import DMRModels

        models = DMRModels()
        models.pull("ai/smollm2", lambda progress: print(progress.message))
        for model in models.list():
            print(model.name, model.config.get("size"))
    """

    def __init__(
        self,
        base_url: str | None = None,
        *,
        socket_path: str | None = None,
        uds: str | None = None,
        api_key: SecretStr | str | None = None,
        timeout: Any = None,
    ) -> None:
        key = SecretStr(api_key) if isinstance(api_key, str) else api_key
        self._service = Management(find_places(base_url, socket_path or uds), api_key=key, timeout=timeout)

    @classmethod
    def of(cls, service: Management) -> "DMRModels":
        """Over connections that are there already."""
        models = cls.__new__(cls)
        models._service = service
        return models

    # ---- what is there ----------------------------------------------------------------------

    def list(self) -> tuple[ModelInfo, ...]:
        return _models(self._service.send(_LIST))

    async def alist(self) -> tuple[ModelInfo, ...]:
        return _models(await self._service.asend(_LIST))

    def inspect(self, model: str) -> ModelInfo:
        """Raises ``DMRModelNotFoundError``."""
        return _model(self._service.send(_inspect(model)))

    async def ainspect(self, model: str) -> ModelInfo:
        return _model(await self._service.asend(_inspect(model)))

    def remove(self, model: str, *, force: bool = False) -> None:
        """``force``: also if it is in use or has several tags. Raises ``DMRModelNotFoundError``."""
        self._service.send(_remove(model, force))

    async def aremove(self, model: str, *, force: bool = False) -> None:
        await self._service.asend(_remove(model, force))

    # ---- downloading ------------------------------------------------------------------------

    def pull(self, model: str, on_progress: OnProgress | None = None) -> None:
        """Download ``model``; nothing happens if it is there and up to date. Raises ``DMRPullError``."""
        pull = _Pull(model)
        with _refusals(model), self._service.stream(pull.call) as lines:
            for line in lines:
                pull.read(line, on_progress)
        pull.check()

    async def apull(self, model: str, on_progress: OnProgress | None = None) -> None:
        pull = _Pull(model)
        with _refusals(model):
            async with self._service.astream(pull.call) as lines:
                async for line in lines:
                    pull.read(line, on_progress)
        pull.check()

    # ---- what is loaded ---------------------------------------------------------------------

    def ps(self) -> tuple[LoadedModel, ...]:
        return _loaded(self._service.send(_PS))

    async def aps(self) -> tuple[LoadedModel, ...]:
        return _loaded(await self._service.asend(_PS))

    def unload(self, *models: str, all_models: bool = False) -> int:
        """How many runners were unloaded; those in use stay."""
        return int(self._service.send(_unload(models, all_models))["unloaded_runners"])

    async def aunload(self, *models: str, all_models: bool = False) -> int:
        return int((await self._service.asend(_unload(models, all_models)))["unloaded_runners"])

    def configure(self, model: str, **settings: Any) -> None:
        """How ``model`` shall be run; what was set before is replaced.

        Args:
            model: Its name.
            **settings: ``mode``, ``context_size``, ``keep_alive``, ``runtime_flags``, ``raw_runtime_flags``,
                ``thinking_budget`` and ``speculative_...`` as in ``ChatDMR``.
        """
        self._service.send(_configure(model, settings))

    async def aconfigure(self, model: str, **settings: Any) -> None:
        await self._service.asend(_configure(model, settings))


# ---- requests --------------------------------------------------------------------------------

_LIST = Call("GET", "/models")
_PS = Call("GET", "/engines/ps")


def _inspect(model: str) -> Call:
    return Call("GET", f"/models/{quote(model, safe='/:@')}", about=model)


def _remove(model: str, force: bool) -> Call:
    params = {"force": "true"} if force else None
    return Call("DELETE", f"/models/{quote(model, safe='/:@')}", params=params, about=model)


def _unload(models: tuple[str, ...], all_models: bool) -> Call:
    body = {"all": all_models, "backend": "", "models": [*models]}
    return Call("POST", "/engines/unload", body, about=", ".join(models) or "the model")


def _configure(model: str, settings: Mapping[str, Any]) -> Call:
    body = configuration(model, **settings) or {"model": model, "mode": settings.get("mode") or "completion"}
    return Call("POST", "/engines/_configure", body, about=model, refuses_with_500=True)


# ---- answers ---------------------------------------------------------------------------------


def _models(data: Any) -> tuple[ModelInfo, ...]:
    return tuple(_model(entry) for entry in data)


def _model(entry: Mapping[str, Any]) -> ModelInfo:
    return ModelInfo(
        id=str(entry["id"]),
        tags=tuple(map(str, entry.get("tags") or ())),
        created=int(entry.get("created") or 0),
        config=dict(entry.get("config") or {}),
    )


def _loaded(data: Any) -> tuple[LoadedModel, ...]:
    return tuple(
        LoadedModel(
            model=str(entry["model_name"]),
            mode=str(entry["mode"]),
            backend=str(entry["backend_name"]),
            is_used=bool(entry.get("in_use")),
            is_loading=bool(entry.get("loading")),
            keep_alive=str(entry.get("keep_alive") or ""),
        )
        for entry in data
    )


@dataclass
class _Pull:
    """One pull: its request, and what its lines have told so far."""

    model: str
    layers: dict[str, int] = field(default_factory=dict)
    is_complete: bool = False

    @property
    def call(self) -> Call:
        return Call("POST", "/models/create", {"from": self.model}, about=self.model, accept="application/json")

    def read(self, line: str, on_progress: OnProgress | None) -> None:
        if not line.strip():
            return
        try:
            entry = json.loads(line)
            kind, message = entry["type"], str(entry.get("message") or "")
            layer = entry.get("layer") or {}
        except (ValueError, TypeError, KeyError):
            raise _failed(self.model, line.strip()[:500]) from None
        if kind == "error":
            raise _failed(self.model, message.removeprefix("Error: "))
        if layer.get("id"):
            self.layers[layer["id"]] = int(layer.get("current") or 0)
        self.is_complete |= kind == "success"
        if on_progress is not None:
            on_progress(PullProgress(sum(self.layers.values()), int(entry.get("total") or 0), message))

    def check(self) -> None:
        if not self.is_complete:
            raise _failed(self.model, "the service closed the connection")


@contextmanager
def _refusals(model: str) -> Iterator[None]:
    """A refusal before the first line is about the registry's model, not about one on this machine."""
    try:
        yield
    except openai.APIStatusError as error:
        if "WWW-Authenticate" in error.response.headers:
            raise  # it is the service that wants a key, not the registry
        first = error.__cause__ if isinstance(error.__cause__, openai.APIStatusError) else error
        raise _failed(model, first.message) from error


def _failed(model: str, why: str) -> DMRPullError:
    return DMRPullError(
        f"{model} cannot be pulled: {why.rstrip('. ')}. Check its name (ai/smollm2, hf.co/owner/name, "
        "registry/owner/name:tag); a private one needs `docker login` on the machine that runs DMR Desktop."
    )
