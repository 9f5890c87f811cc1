"""``/models``: the store as a whole: purge as in Docker Model Runner; verify and prune are our own."""

import asyncio
import threading
from collections.abc import Iterator
from dataclasses import asdict

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from dmr_desktop.dialects.fields import Fields
from dmr_desktop.protocol.errors import Conflict, DMRError
from dmr_desktop.protocol.json_types import JSON
from dmr_desktop.service.answers import json_answer
from dmr_desktop.service.bodies import parsed, read_body
from dmr_desktop.service.catalog import Catalog
from dmr_desktop.service.connection import run_while_connected
from dmr_desktop.service.loader import Loader
from dmr_desktop.service.streamed import StreamedAnswer
from dmr_desktop.service.transfers import Transfers
from dmr_desktop.store.prune import DEFAULT_AGE_SECONDS
from dmr_desktop.store.verify import Verified

_LINE_SECONDS = 0.1
_HOUR = 3600.0
_MAX_HOURS = 24 * 3650.0


class UpkeepRoutes:
    """``transfers`` are all that may be under way."""

    def __init__(self, catalog: Catalog, loader: Loader, *transfers: Transfers) -> None:
        self._catalog = catalog
        self._loader = loader
        self._transfers = transfers

    def routes(self) -> list[BaseRoute]:
        return [
            Route("/models/purge", self.purge, methods=["DELETE"]),
            Route("/models/verify", self.verify, methods=["POST"]),
            Route("/models/prune", self.prune, methods=["POST"]),
        ]

    async def purge(self, _: Request) -> Response:
        """Unlike Docker Model Runner, models in use are not pulled from under their requests, nor the store from
        under a transfer, which would go on to its end for nothing."""
        for transfer in (each for transfers in self._transfers for each in transfers.statuses()):
            raise Conflict(
                f"error while purging: {transfer.reference} is being transferred: resource conflict",
                hint="wait until it has ended, or cancel it",
            )
        await self._loader.unload()
        users = sum(self._loader.users(model.id) for model in await self._catalog.models())
        if users:
            raise Conflict(
                f"error while purging: {users} requests use models: resource conflict",
                hint="wait for them, or unload the models",
            )
        await self._catalog.purge()
        await self._loader.unload()
        return Response()

    async def verify(self, request: Request) -> Response:
        """Hash the whole store; ``{"remove": true}`` deletes what is damaged, so that a pull fetches it again.

        JSON lines: ``progress`` with ``current`` and ``total`` bytes, a ``damage`` for each damaged file with
        ``kind`` (``blob`` or ``manifest``), ``digest``, ``problem``, ``models`` and ``removed``, at the end
        ``success`` or ``error`` with a ``message`` and the counts ``models``, ``files``, ``bytes``, ``damaged``.
        """
        return _VerifyAnswer(self._catalog, (await _fields(request)).flag("remove"))

    async def prune(self, request: Request) -> Response:
        """Delete what no model needs: ``{"dry_run": true}`` only names it; ``older_than_hours`` (at least 1, else 24).

        ``leftovers``: a list of ``kind``, ``name`` and ``bytes``; ``bytes`` in all; ``transfer_under_way`` when
        finished blobs were left alone because a transfer may need them.
        """
        body = await _fields(request)
        dry_run, hours = body.flag("dry_run"), body.number("older_than_hours", 0, _MAX_HOURS)
        found = await self._catalog.prune(DEFAULT_AGE_SECONDS if hours is None else hours * _HOUR, dry_run)
        leftovers: list[JSON] = [
            {"kind": each.kind, "name": each.name, "bytes": each.num_bytes} for each in found.leftovers
        ]
        return json_answer(
            {
                "leftovers": leftovers,
                "bytes": found.num_bytes,
                "transfer_under_way": found.is_under_way,
                "dry_run": dry_run,
            }
        )


async def _fields(request: Request) -> Fields:
    """The body's object; no body is an empty one."""
    body = await read_body(request.receive) or b""
    return Fields(await parsed(body) if body.strip() else {})


class _VerifyAnswer(Response):
    """A line a tenth of a second while the store is read, then one for each damaged file and the result."""

    def __init__(self, catalog: Catalog, remove: bool) -> None:
        super().__init__()
        self._catalog = catalog
        self._remove = remove

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        out = StreamedAnswer(send, "application/json")
        await run_while_connected(receive, self._write(out))

    async def _write(self, out: StreamedAnswer) -> None:
        cancelled = threading.Event()
        at = shown = (0, 0)

        def progress(current: int, total: int) -> None:
            nonlocal at
            at = (current, total)

        work = asyncio.create_task(self._catalog.verify(self._remove, progress, cancelled))
        try:
            while not (await asyncio.wait({work}, timeout=_LINE_SECONDS))[0]:
                if at != shown:
                    shown = at
                    await out.write(_line("progress", current=at[0], total=at[1]))
            await out.write(_line("progress", current=at[0], total=at[1]))
            for line in _result(work.result()):
                await out.write(line)
        except DMRError as error:
            await out.write(_line("error", message=error.message))
        finally:
            cancelled.set()
            await asyncio.wait({work})
        await out.close()


def _result(found: Verified) -> Iterator[bytes]:
    for damage in found.damages:
        yield _line("damage", **asdict(damage))
    counts = f"{_counted(found.num_models, 'model')} in {_counted(found.num_files, 'file')}"
    yield _line(
        "error" if found.damages else "success",
        message=f"{counts}: {f'{len(found.damages)} damaged' if found.damages else 'all is sound'}",
        models=found.num_models,
        files=found.num_files,
        bytes=found.num_bytes,
        damaged=len(found.damages),
    )


def _line(type: str, **values: object) -> bytes:
    return orjson.dumps({"type": type, **values}) + b"\n"


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
