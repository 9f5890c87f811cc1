"""Calls about models at work: loaded ones, their settings, their requests, chat."""

from collections.abc import Generator, Iterator, Mapping, Sequence

from dmr_desktop.client.answers import (
    ChatChunk,
    DiskUsage,
    LoadedModel,
    chat_chunk_from_json,
    disk_usage_from_json,
    loaded_model_from_json,
)
from dmr_desktop.client.connection import Connection, lines_of, list_of, parsed
from dmr_desktop.client.failures import error_from_response
from dmr_desktop.client.sse import server_events
from dmr_desktop.protocol.errors import ServiceUnreachable
from dmr_desktop.protocol.json_types import JSON


class RunnerCalls(Connection):
    # ---- loading ----------------------------------------------------------------------------

    def ps(self) -> list[LoadedModel]:
        return [loaded_model_from_json(entry) for entry in self.ps_json()]

    def ps_json(self) -> list[JSON]:
        """The list as the service tells it."""
        return list_of(self._own_json("/engines/ps"), "a list")

    def preload(self, model: str) -> None:
        """Load the model for chat and return once it is ready."""
        body: dict[str, JSON] = {"model": model, "messages": []}
        headers = {"X-Preload-Only": "true"}
        self._send("POST", "/engines/v1/chat/completions", body, headers=headers, timeout_seconds=None)

    def unload(self, models: Sequence[str] = (), *, all_models: bool = False, backend: str = "") -> int:
        """How many runners were unloaded; those in use stay."""
        body: dict[str, JSON] = {"all": all_models, "backend": backend, "models": list(models)}
        return int(self._json("POST", "/engines/unload", body).get("unloaded_runners", 0))

    def disk_usage(self) -> DiskUsage:
        return disk_usage_from_json(self._own_json("/engines/df"))

    # ---- settings of a model ----------------------------------------------------------------

    def configure(
        self,
        model: str,
        *,
        context_size: int | None = None,
        keep_alive: str | None = None,
        others: Mapping[str, JSON] | None = None,
    ) -> None:
        """``keep_alive`` is a Go duration, ``0`` or a negative number for ever; ``others`` are further members.

        What was configured before is replaced as a whole.
        """
        body: dict[str, JSON] = {"model": model, **(others or {})}
        if context_size is not None:
            body["context-size"] = context_size
        if keep_alive is not None:
            body["keep_alive"] = keep_alive
        self._send("POST", "/engines/_configure", body)

    def configurations(self, model: str = "") -> list[JSON]:
        """What is configured, of all models or of one, as the service tells it."""
        return list_of(
            self._json("GET", "/engines/_configure", params={"model": model} if model else None), "configurations"
        )

    def install_backend(self, backend: str) -> None:
        self._send("POST", "/engines/install-backend", {"backend": backend}, timeout_seconds=None)

    def uninstall_backend(self, backend: str) -> None:
        self._send("POST", "/engines/uninstall-backend", {"backend": backend}, timeout_seconds=None)

    # ---- requests ---------------------------------------------------------------------------

    def requests(self, model: str = "") -> str:
        """The recorded requests as the service writes them (JSON text)."""
        return self._send("GET", "/engines/requests", params={"model": model} if model else None)

    def follow_requests(
        self, model: str = "", *, include_existing: bool = False
    ) -> Generator[tuple[str, str], None, None]:
        """``(event, JSON text)`` as requests happen, ``connected`` among them; for ever."""
        params = {"model": model} if model else {}
        if include_existing:
            params["include_existing"] = "true"
        headers = {"Accept": "text/event-stream"}
        with self._stream("GET", "/engines/requests", params=params, headers=headers) as answer:
            for event in server_events(lines_of(answer)):
                yield event.name, event.data

    def chat(self, model: str, messages: Sequence[JSON], **options: JSON) -> Iterator[ChatChunk]:
        """A streamed answer; ``options`` are further members of the OpenAI request body.

        Raises :class:`DMRError`, also in mid-stream when the model's process dies.
        """
        return self._chat("/engines/v1/chat/completions", model, messages, options)

    def _chat(
        self, path: str, model: str, messages: Sequence[JSON], options: Mapping[str, JSON]
    ) -> Iterator[ChatChunk]:
        body: dict[str, JSON] = {
            "model": model,
            "messages": list(messages),
            "stream": True,
            "stream_options": {"include_usage": True},
            **options,
        }
        headers = {"Accept": "text/event-stream"}
        with self._stream("POST", path, body, headers=headers) as answer:
            for event in server_events(lines_of(answer)):
                if event.data == "[DONE]":
                    return
                data = parsed(event.data)
                if isinstance(data, dict) and "error" in data:
                    raise error_from_response(500, event.data.encode())
                yield chat_chunk_from_json(data)
        raise ServiceUnreachable("the answer broke off: the service closed the connection", hint=self.start_hint)
