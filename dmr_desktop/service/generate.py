"""One inference request from lease to last byte: the heart of the service.

Streams or collects the events of a leased runner in the request's dialect. A failure before the first
byte is a proper HTTP refusal; after it, the dialect's error event and a well-formed end.
"""

import logging
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from dmr_desktop.backends.base import Runner
from dmr_desktop.dialects.exchange import Exchange
from dmr_desktop.protocol.errors import DMRError, RunnerError, UnsupportedModel, error_from_info
from dmr_desktop.protocol.generation import Event, Failed, GenerationRequest
from dmr_desktop.protocol.models import ModelFiles
from dmr_desktop.protocol.runners import Mode
from dmr_desktop.service.connection import run_while_connected
from dmr_desktop.service.loader import Loader
from dmr_desktop.service.recorder import Record
from dmr_desktop.service.several import generate_all
from dmr_desktop.service.shorten import shortened
from dmr_desktop.service.streamed import StreamedAnswer

log = logging.getLogger(__name__)

PATIENCE_SECONDS = 10.0
"""After which a stream's headers go out although nothing has been generated yet: clients give up on a
silent server (some after 30 s). Until then a failure still gets its own HTTP status."""


@asynccontextmanager
async def leased(
    loader: Loader, files: ModelFiles, mode: Mode, label: str, keep_alive_seconds: float | None = None
) -> AsyncGenerator[Runner, None]:
    """``loader.lease``; a model that cannot be loaded is refused in Docker Model Runner's words."""
    async with AsyncExitStack() as stack:
        lease = loader.lease(files, mode, label, keep_alive_seconds=keep_alive_seconds)
        try:
            runner = await stack.enter_async_context(lease)
        except (RunnerError, UnsupportedModel) as error:
            raise type(error)(
                f"unable to load runner: {error.message}", hint=error.hint, evidence=error.evidence
            ) from error
        yield runner


@dataclass(frozen=True, slots=True)
class Call:
    """One inference request that has passed all checks: the model it is for, its record, and the ASGI triple."""

    files: ModelFiles
    record: Record
    scope: Scope
    receive: Receive
    send: Send


class Answer:
    """The answering of one parsed request."""

    def __init__(self, loader: Loader, call: Call, exchange: Exchange) -> None:
        self._loader = loader
        self._call = call
        self._exchange = exchange
        call.record.asked(exchange)

    async def run(self) -> None:
        """Raises :class:`DMRError` only while nothing has been sent."""
        call = self._call
        if not self._exchange.stream:
            await run_while_connected(call.receive, self._collect())
            return
        out = StreamedAnswer(call.send, self._exchange.media_type)
        await run_while_connected(
            call.receive, self._stream(out), waiting=out.show_patience, patience_seconds=PATIENCE_SECONDS
        )

    async def _events(self) -> AsyncGenerator[tuple[Event, ...], None]:
        call, exchange = self._call, self._exchange
        lease = leased(self._loader, call.files, Mode.COMPLETION, exchange.model, exchange.keep_alive_seconds)
        async with lease as runner:
            requests: Sequence[GenerationRequest] = exchange.requests
            if exchange.drops_oldest:
                requests = [await shortened(runner, request) for request in requests]
            async with aclosing(generate_all(runner, requests)) as groups:
                async for group in groups:
                    call.record.watch(group)
                    yield group

    async def _collect(self) -> None:
        collector = self._exchange.collector()
        async with aclosing(self._events()) as groups:
            async for group in groups:
                _raise_failure(group)
                collector.add(group)
        call = self._call
        await Response(collector.result(), media_type="application/json")(call.scope, call.receive, call.send)

    async def _stream(self, out: StreamedAnswer) -> None:
        writer, record = self._exchange.writer(), self._call.record
        try:
            async with aclosing(self._events()) as groups:
                async for group in groups:
                    if not out.is_open:
                        _raise_failure(group)
                    await out.write(writer.write(group))
        except DMRError as error:
            record.fail(error.info)
            if not out.is_open:
                raise
            await out.write(writer.write((Failed(error.info),)))
        except Exception:
            log.exception("request %s failed", record.id)
            problem = DMRError("the service failed to answer", hint="its log tells more")
            record.fail(problem.info)
            if not out.is_open:
                raise problem from None
            await out.write(writer.write((Failed(problem.info),)))
        await out.close()


def _raise_failure(group: tuple[Event, ...]) -> None:
    last = group[-1]
    if isinstance(last, Failed):
        raise error_from_info(last.error)
