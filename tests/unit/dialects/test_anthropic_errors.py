"""Anthropic's error object."""

import json

import pytest

from dmr_desktop.dialects.anthropic_errors import error_body
from dmr_desktop.protocol.errors import (
    AccessDenied,
    BackendNotFound,
    Conflict,
    ContextOverflow,
    DMRError,
    DoesNotFit,
    InvalidRequest,
    ModelNotFound,
    PayloadTooLarge,
    QueueFull,
    RunnerCrashed,
    ShuttingDown,
    Unauthorized,
    UnsupportedModel,
)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (InvalidRequest, "invalid_request_error"),
        (UnsupportedModel, "invalid_request_error"),
        (Unauthorized, "authentication_error"),
        (AccessDenied, "permission_error"),
        (ModelNotFound, "not_found_error"),
        (BackendNotFound, "not_found_error"),
        (Conflict, "conflict_error"),
        (PayloadTooLarge, "request_too_large"),
        (QueueFull, "rate_limit_error"),
        (RunnerCrashed, "api_error"),
        (DoesNotFit, "api_error"),
        (DMRError, "api_error"),
        (ShuttingDown, "overloaded_error"),
    ],
)
def test_types(kind: type[DMRError], expected: str) -> None:
    found = json.loads(error_body(kind("no").info, "req_1"))
    assert found == {"type": "error", "error": {"type": expected, "message": "no"}, "request_id": "req_1"}


def test_what_else_is_known_goes_along() -> None:
    info = InvalidRequest("no", param="top_k", hint="less", evidence="log").info
    assert json.loads(error_body(info))["error"] == {
        "type": "invalid_request_error",
        "message": "no",
        "param": "top_k",
        "hint": "less",
        "evidence": "log",
    }


def test_a_refused_thread_has_the_details_that_the_sdks_read() -> None:
    error = json.loads(error_body(InvalidRequest("no", param="thread").info))["error"]
    assert error["details"]["error_code"] == "thread_unsupported_request"


def test_every_refusal_has_an_id_of_its_own() -> None:
    ids = {json.loads(error_body(InvalidRequest("no").info))["request_id"] for _ in range(9)}
    assert len(ids) == 9


def test_a_prompt_that_is_too_long_is_said_in_the_words_agents_look_for() -> None:
    odd = ContextOverflow("too much of it")
    assert json.loads(error_body(odd.info))["error"]["message"] == "prompt is too long: too much of it"
