"""The lines of a pull or push as Docker Model Runner's clients read them, and what a failure becomes."""

import time
from collections.abc import AsyncGenerator
from contextlib import aclosing

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from dmr_desktop.protocol.errors import (
    DMRError,
    DoesNotFit,
    InvalidReference,
    InvalidRequest,
    ModelNotFound,
    RegistryError,
    Unauthorized,
    UnsupportedModel,
)
from dmr_desktop.protocol.models import Progress, ProgressMode
from dmr_desktop.service.answers import text_answer
from dmr_desktop.service.connection import run_while_connected
from dmr_desktop.service.streamed import StreamedAnswer

QUIET_SECONDS = 2.0
"""A transfer that stands still says again where it stands after so long, by which its clients see that it does."""

_GO_HTML = str.maketrans({'"': "&#34;", "'": "&#39;", "&": "&amp;", "<": "&lt;", ">": "&gt;"})


class ProgressAnswer(Response):
    """A refusal before the first line is an HTTP status, after it a last line and its plain text."""

    def __init__(self, lines: AsyncGenerator[Progress, None], request: Request, mode: ProgressMode) -> None:
        super().__init__()
        self._lines = lines
        self._is_json = request.headers.get("accept") == "application/json"
        self._mode = mode
        self._last: Progress | None = None
        self._written_at = 0.0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        media_type = "application/json" if self._is_json else "text/plain"
        out = StreamedAnswer(send, media_type, {"connection": "keep-alive"})
        await run_while_connected(
            receive,
            self._write(scope, receive, send, out),
            waiting=lambda: self._say_again(out),
            patience_seconds=QUIET_SECONDS,
        )

    async def _say_again(self, out: StreamedAnswer) -> None:
        if self._last is not None and time.monotonic() - self._written_at >= QUIET_SECONDS:
            await out.write(self._encode(self._last))

    async def _write(self, scope: Scope, receive: Receive, send: Send, out: StreamedAnswer) -> None:
        try:
            async with aclosing(self._lines) as lines:
                async for line in lines:
                    self._last = line if line.layer_id else None
                    self._written_at = time.monotonic()
                    await out.write(self._encode(line))
            self._last = None
        except DMRError as error:
            self._last = None
            status, text = refusal(error, self._mode)
            if not out.is_open:
                await text_answer(status, text)(scope, receive, send)
                return
            await out.write(self._encode(Progress("error", f"Error: {text}", mode=self._mode)))
            await out.write(f"{text}\n".encode())
        await out.close()

    def _encode(self, line: Progress) -> bytes:
        text = orjson.dumps(line.to_json())
        if not self._is_json:
            text = text.decode().translate(_GO_HTML).encode()
        return text + b"\n"


def refusal(error: DMRError, mode: ProgressMode) -> tuple[int, str]:
    """Docker Model Runner's status and sentence for a failed transfer; where it has none, ours with the next step."""
    match error:
        case InvalidReference():
            return 400, "Invalid model reference"
        case Unauthorized():
            return 401, "Unauthorized"
        case ModelNotFound():
            return 404, "Model not found"
        case UnsupportedModel():
            return 422, f"error while {mode}ing model: {error.message}"
        case RegistryError() | DoesNotFit() | InvalidRequest() if error.hint:
            return error.status, f"{error.message}: {error.hint}"
    return error.status, error.message
