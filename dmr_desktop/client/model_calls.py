"""Calls about stored models: list, inspect, pull, push, tag, package, move, check, remove."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from dmr_desktop.client.answers import Removal, model_from_json, removals_from_json
from dmr_desktop.client.connection import Connection, lines_of, list_of, parsed, path_of
from dmr_desktop.protocol.errors import StoreError
from dmr_desktop.protocol.json_types import JSON
from dmr_desktop.protocol.models import Model, Progress


class ModelCalls(Connection):
    # ---- looking ----------------------------------------------------------------------------

    def models(self) -> list[Model]:
        return [model_from_json(entry) for entry in self.models_json()]

    def models_json(self) -> list[JSON]:
        """The list as the service tells it, members unknown to this version included."""
        return list_of(self._own_json("/models"), "a list of models")

    def openai_models(self) -> JSON:
        """The OpenAI model list, as it is."""
        found: JSON = self._json("GET", "/engines/v1/models")
        return found

    def openai_model(self, reference: str) -> JSON:
        """One element of the OpenAI model list. Raises ModelNotFound."""
        found: JSON = self._json("GET", f"/engines/v1/models/{path_of(reference)}")
        return found

    def inspect(self, reference: str, *, remote: bool = False) -> Model:
        """Raises ModelNotFound."""
        return model_from_json(self.inspect_json(reference, remote=remote))

    def inspect_json(self, reference: str, *, remote: bool = False) -> JSON:
        """As the service tells it; ``remote`` asks the registry, which may take a while. Raises ModelNotFound."""
        params = {"remote": "true"} if remote else None
        found: JSON = self._json(
            "GET", f"/models/{path_of(reference)}", params=params, timeout_seconds=120.0 if remote else -1
        )
        return found

    def fit(self, reference: str, context_size: int | None = None) -> dict[str, JSON]:
        """``fits``, ``total_bytes`` and its parts, ``available_bytes``, ``max_context_that_fits``."""
        params = None if context_size is None else {"context_size": str(context_size)}
        found = self._json("GET", f"/models/{path_of(reference)}/fit", params=params)
        return found if isinstance(found, dict) else {}

    # ---- moving -----------------------------------------------------------------------------

    def pull(self, reference: str, *, bearer_token: str = "") -> Iterator[Progress]:
        """The lines of a pull, ``success`` last. Raises :class:`DMRError`; what came is kept for resuming."""
        return self._progress("/models/create", {"from": reference, **_token(bearer_token)})

    def push(self, reference: str, *, bearer_token: str = "") -> Iterator[Progress]:
        """The lines of a push, ``success`` last. Raises :class:`DMRError`."""
        return self._progress(f"/models/{path_of(reference)}/push", _token(bearer_token))

    def export(self, reference: str) -> Iterator[bytes]:
        """The bytes of a tar archive that ``load`` takes. Raises ModelNotFound."""
        with self._stream("GET", f"/models/{path_of(reference)}/export") as answer:
            yield from answer.chunks()

    def load(self, archive: Iterable[bytes]) -> Progress:
        """Store the model of such an archive, without a tag; returns the closing line."""
        *_, last = self._progress("/models/load", content=archive, failure=StoreError)
        return last

    # ---- making -----------------------------------------------------------------------------

    def tag(self, source: str, target: str) -> None:
        name, _, tag = target.rpartition(":")
        if not name or "/" in tag:
            name, tag = target, "latest"
        self._send("POST", f"/models/{path_of(source)}/tag", params={"repo": name, "tag": tag})

    def package(
        self,
        target: str,
        *,
        gguf: str = "",
        safetensors_dir: str = "",
        licenses: Sequence[str] = (),
        mmproj: str = "",
        chat_template: str = "",
        context_size: int | None = None,
    ) -> JSON:
        """Make a model of files that the service can read (absolute paths). Unix socket only."""
        optional: dict[str, JSON] = {
            "gguf": gguf,
            "safetensors_dir": safetensors_dir,
            "licenses": list(licenses),
            "mmproj": mmproj,
            "chat_template": chat_template,
        }
        body: dict[str, JSON] = {"target": target, **{name: value for name, value in optional.items() if value}}
        if context_size is not None:
            body["context_size"] = context_size
        # The files are copied and hashed before the answer comes: gigabytes take a while.
        found: JSON = self._json("POST", "/models/package", body, timeout_seconds=None)
        return found

    def repackage(self, source: str, target: str, *, context_size: int | None = None) -> str:
        """A variant of a stored model over the same layers; returns the service's sentence. Raises ModelNotFound."""
        body: dict[str, JSON] = {"target": target}
        if context_size is not None:
            body["context_size"] = context_size
        found = self._json("POST", f"/models/{path_of(source)}/repackage", body)
        return str(found.get("message", ""))

    # ---- keeping ----------------------------------------------------------------------------

    def remove(self, reference: str, *, force: bool = False) -> tuple[Removal, ...]:
        query = {"force": str(force).lower()}
        return removals_from_json(self._json("DELETE", f"/models/{path_of(reference)}", params=query))

    def purge(self) -> None:
        """Empty the store."""
        self._send("DELETE", "/models/purge", timeout_seconds=None)

    def verify(self, *, remove: bool = False) -> Iterator[dict[str, Any]]:
        """Hash the whole store again; ``remove`` deletes what is damaged, so that a pull fetches it anew.

        ``type`` tells the lines apart: ``progress`` (``current``, ``total`` bytes), ``damage`` (``kind``, ``digest``,
        ``problem``, ``models``, ``removed``), and at the end ``success`` or ``error`` with a ``message``.
        """
        with self._stream("POST", "/models/verify", {"remove": remove}) as answer:
            for line in lines_of(answer):
                entry = parsed(line)
                if isinstance(entry, dict):
                    yield entry

    def prune(self, *, dry_run: bool = False, older_than_hours: float | None = None) -> dict[str, Any]:
        """Delete what no model needs: ``leftovers`` (``kind``, ``name``, ``bytes`` each) and ``bytes`` in all."""
        body: dict[str, JSON] = {"dry_run": dry_run}
        if older_than_hours is not None:
            body["older_than_hours"] = older_than_hours
        found = self._json("POST", "/models/prune", body, timeout_seconds=None)
        return found if isinstance(found, dict) else {}


def _token(bearer_token: str) -> dict[str, JSON]:
    return {"bearer-token": bearer_token} if bearer_token else {}
