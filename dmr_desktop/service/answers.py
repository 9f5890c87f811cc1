"""How this service writes its answers: Docker Model Runner's plain text and JSON, and errors of either kind.

Knows no route.
"""

from collections.abc import Callable, Mapping
from urllib.parse import quote

import orjson
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Scope

from dmr_desktop.protocol.errors import HINT_HEADER, DMRError, ErrorInfo
from dmr_desktop.service.dialect_paths import error_writer

PLAIN = "text/plain; charset=utf-8"
_CLI_AGENT = "docker-model-cli/"
_PLAIN_IN_HEADER = " !\"#$&'()*+,/:;<=>?@[]^`{|}"
RETRY_SECONDS = 2

_GO_ESCAPES = ((b"<", b"\\u003c"), (b">", b"\\u003e"), (b"&", b"\\u0026"))


class HTTPProblem(Exception):
    """A refusal that only HTTP knows (405, 408, 415, ...). ``headers`` go out with it."""

    def __init__(self, status: int, message: str, *, hint: str = "", headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.info = ErrorInfo("invalid_request_error", message, hint)
        self.headers = headers or {}


def text_answer(status: int, text: str, headers: Mapping[str, str] | None = None) -> Response:
    """As Go's ``http.Error`` writes it."""
    return Response(
        f"{text}\n", status, headers={"X-Content-Type-Options": "nosniff", **(headers or {})}, media_type=PLAIN
    )


def hint_header(error: DMRError | HTTPProblem) -> dict[str, str]:
    """The next step beside a plain text that says only what happened."""
    return {HINT_HEADER: quote(error.info.hint, safe=_PLAIN_IN_HEADER)} if error.info.hint else {}


def json_bytes(value: object) -> bytes:
    """As Go's JSON encoder writes it: HTML's characters escaped, a newline at the end."""
    encoded = orjson.dumps(value)
    for character, escape in _GO_ESCAPES:
        encoded = encoded.replace(character, escape)
    return encoded + b"\n"


def json_answer(value: object, status: int = 200) -> Response:
    return Response(json_bytes(value), status, media_type="application/json")


def error_answer(
    scope: Scope, error: DMRError | HTTPProblem, writer: Callable[[ErrorInfo], bytes] | None = None
) -> Response:
    """The refusal of a request, in the form that its path (and Docker's own CLI) expects, or that of ``writer``."""
    info = error.info
    headers = dict(error.headers) if isinstance(error, HTTPProblem) else {}
    if error.status == 429:
        headers["Retry-After"] = str(RETRY_SECONDS)
    writer = writer or error_writer(scope["path"])
    if writer is None or Headers(scope=scope).get("user-agent", "").startswith(_CLI_AGENT):
        return text_answer(error.status, info.message, headers | hint_header(error))
    return Response(writer(info), error.status, headers=headers, media_type="application/json")
