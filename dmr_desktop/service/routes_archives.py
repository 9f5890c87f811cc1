"""``/models``: whole models in and out of the store without a registry: export, load, package, repackage."""

import threading
from collections.abc import Iterator
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from dmr_desktop.dialects.fields import Fields
from dmr_desktop.protocol.errors import AccessDenied, DMRError, InvalidRequest, ModelNotFound
from dmr_desktop.protocol.models import Model, Progress
from dmr_desktop.service.answers import hint_header, json_answer, text_answer
from dmr_desktop.service.body_chunks import BodyChunks
from dmr_desktop.service.catalog import Catalog
from dmr_desktop.service.connection import run_while_connected
from dmr_desktop.service.requests import query_flag, read_fields
from dmr_desktop.service.streamed import StreamedAnswer
from dmr_desktop.store.archive import Archive

MAX_CONTEXT_SIZE = 2**31 - 1
_MAX_LICENSES = 100
_TAR = "application/x-tar"


class ArchiveRoutes:
    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def routes(self) -> list[BaseRoute]:
        return [
            Route("/models/load", self.load, methods=["POST"]),
            Route("/models/package", self.package, methods=["POST"]),
            Route("/models/{name:path}/export", self.export, methods=["GET"]),
            Route("/models/{name:path}/repackage", self.repackage, methods=["POST"]),
        ]

    async def export(self, request: Request) -> Response:
        """Docker Model Runner's tar. Ours: ``?oci`` adds what makes it an OCI image layout too."""
        name = request.path_params["name"].strip()
        try:
            archive = await self._catalog.export(name, as_oci_layout=query_flag(request, "oci"))
        except ModelNotFound as error:
            return text_answer(404, _not_found(name, error))
        headers = {
            "content-length": str(archive.num_bytes),
            "content-disposition": f'attachment; filename="{name}.tar"',
        }
        if request.method == "HEAD":
            return Response(headers=headers, media_type=_TAR)
        return _ArchiveAnswer(archive, self._catalog, headers)

    async def load(self, request: Request) -> Response:
        """A tar as the body, of any size; it is checked while it arrives and nothing of it is kept if it is wrong."""
        cancelled = threading.Event()
        chunks = BodyChunks(request.receive)
        try:
            await self._catalog.load(chunks, cancelled)
        except DMRError as error:
            return text_answer(500, f"error while loading model: {error.message}", hint_header(error))
        finally:
            cancelled.set()
            chunks.close()
        return json_answer(Progress("success", "Model loaded successfully").to_json())

    async def package(self, request: Request) -> Response:
        """Our own: make a model of files on this machine. By the Unix socket only, as it names paths (absolute ones).

        ``gguf`` (the first part of a split one) or ``safetensors_dir``; ``target``; and optionally ``context_size``,
        ``licenses`` (a list), ``chat_template`` and, with ``gguf``, ``mmproj``. 201 and the model's object. Ends with
        its client, and then nothing is kept.
        """
        if request.scope["state"].get("door") != "unix":
            raise AccessDenied("files can be packaged over the Unix socket only")
        body = await read_fields(request, "invalid request body")
        gguf, folder = _path(body, "gguf"), _path(body, "safetensors_dir")
        target = body.required_text("target")
        context_size = body.integer("context_size", 1, MAX_CONTEXT_SIZE)
        template, projector = _path(body, "chat_template"), _path(body, "mmproj")
        licenses = [_absolute(item, "licenses") for item in body.items("licenses", at_most=_MAX_LICENSES) or []]
        if (gguf is None) == (folder is None):
            raise InvalidRequest("invalid request body: exactly one of 'gguf' and 'safetensors_dir' is needed")
        if gguf is not None:
            making = self._catalog.package_gguf(
                gguf, target, context_size=context_size, chat_template=template, mmproj=projector, licenses=licenses
            )
        elif projector is not None:
            raise InvalidRequest("invalid request body: 'mmproj' goes with 'gguf' only")
        else:
            assert folder is not None
            making = self._catalog.package_directory(
                folder, target, context_size=context_size, chat_template=template, licenses=licenses
            )
        made: list[Model] = []

        async def make() -> None:
            made.append(await making)

        await run_while_connected(request.receive, make())
        return json_answer(made[0].to_json(), 201) if made else Response(status_code=499)  # nobody reads it

    async def repackage(self, request: Request) -> Response:
        name = request.path_params["name"]
        try:
            body = await read_fields(request, "invalid request body")
            target = body.text("target")
            context_size = body.integer("context_size", 0, MAX_CONTEXT_SIZE)
        except InvalidRequest as error:
            return text_answer(400, f"invalid request body: {error.hint or error.message}")
        if not target:
            return text_answer(400, "target is required")
        try:
            await self._catalog.repackage(name, target, context_size or None)
        except ModelNotFound as error:
            return text_answer(404, _not_found(name, error))
        answer = {"message": f'Model repackaged successfully as "{target}"', "source": name, "target": target}
        return json_answer(answer, 201)


def _not_found(name: str, error: DMRError) -> str:
    return f"get model '\"{name}\"': {error.message}"


def _path(body: Fields, name: str) -> Path | None:
    return None if name not in body else _absolute(body.get(name), name)


def _absolute(value: object, name: str) -> Path:
    if not isinstance(value, str) or not value.startswith("/") or "\0" in value:
        raise InvalidRequest(f"invalid request body: '{name}' must be an absolute path")
    return Path(value)


class _ArchiveAnswer(Response):
    """A tar as it is read. What fails on the way can only cut it off, which its announced length shows."""

    def __init__(self, archive: Archive, catalog: Catalog, headers: dict[str, str]) -> None:
        super().__init__()
        self._archive = archive
        self._catalog = catalog
        self._tar_headers = headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        out = StreamedAnswer(send, _TAR, self._tar_headers)
        await run_while_connected(receive, self._write(scope, receive, send, out))

    async def _write(self, scope: Scope, receive: Receive, send: Send, out: StreamedAnswer) -> None:
        chunks: Iterator[bytes] = self._archive.chunks()
        try:
            while chunk := await self._catalog.in_long_thread(next, chunks, b""):
                await out.write(chunk)
        except DMRError as error:
            if out.is_open:
                raise
            await text_answer(error.status, error.message, hint_header(error))(scope, receive, send)
            return
        await out.close()
