"""A failed wish as the user sees it: title, what happened, what to do next."""

import json
from dataclasses import dataclass
from http import HTTPStatus

from PySide6.QtCore import QCoreApplication

from dmr_desktop.desktop.names import printable
from dmr_desktop.desktop.service_words import in_own_words


@dataclass(frozen=True, slots=True)
class Problem:
    """``status`` is the HTTP status, 0 when the service could not be reached; ``about`` names what has own remedies.

    ``pull`` is the name of the model, as typed, where a pull failed.
    """

    title: str
    message: str
    hint: str = ""
    status: int = 0
    about: str = ""
    pull: str = ""


def problem_from_reply(title: str, status: int, body: bytes, transport_error: str, about: str = "") -> Problem:
    """The problem behind an HTTP answer that is not a success.

    ``body`` is DMR's plain text, or an error object of an inference route.
    """
    if status == 0:
        return Problem(title, printable(transport_error), _tr("The service may be restarting: try again in a moment."))
    text, hint = _sentences(body.decode("utf-8", "replace").strip())
    if not text:
        text = _tr("The service answered {status}.").format(status=_phrase(status))
    own_remedy = "" if about else _hint(status)
    return Problem(title, in_own_words(text), in_own_words(hint) or own_remedy, status, about)


def joined(message: str, hint: str) -> str:
    """What happened and, as a sentence of its own, what to do next, in one line."""
    if not message.strip() or not hint.strip():
        return message.strip() or hint.strip()
    first, next_step = message.strip().rstrip("."), hint.strip()
    return f"{first}. {next_step[0].upper()}{next_step[1:]}"


def _sentences(text: str) -> tuple[str, str]:
    """Message and hint out of plain text or ``{"error": {"message", "hint"}}``."""
    if text.startswith("{"):
        try:
            error = json.loads(text).get("error")
        except (ValueError, AttributeError):
            return text, ""
        if isinstance(error, str):
            return error, ""
        if isinstance(error, dict):
            return str(error.get("message") or ""), str(error.get("hint") or "")
    return text, ""


def _phrase(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)


def _hint(status: int) -> str:
    return {
        400: _tr("Check the spelling, e.g. ai/smollm2 or ai/qwen3:8B-Q4_K_M."),
        401: _tr("Log in to the registry first, e.g. with docker login."),
        404: _tr("Check the name and the tag; the model may be gone or private."),
        409: _tr("Something else uses it: stop that first, then try again."),
        422: _tr("Only models packaged for Docker Model Runner or GGUF files can be used."),
        429: _tr("Wait for running requests to end, then try again."),
        503: _tr("The service is shutting down or not ready: try again in a moment."),
        507: _tr("Unload another model or choose a smaller one."),
    }.get(status, _tr("The service log has the details."))


def _tr(text: str) -> str:
    return QCoreApplication.translate("Problems", text)
