import json

import pytest

from dmr_desktop.client.failures import error_from_response
from dmr_desktop.protocol import errors


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, errors.InvalidRequest),
        (401, errors.Unauthorized),
        (403, errors.AccessDenied),
        (404, errors.ModelNotFound),
        (409, errors.Conflict),
        (413, errors.PayloadTooLarge),
        (422, errors.UnsupportedModel),
        (429, errors.QueueFull),
        (500, errors.DMRError),
        (503, errors.ShuttingDown),
        (507, errors.DoesNotFit),
        (599, errors.DMRError),
    ],
)
def test_plain_text_gets_its_type_by_status(status: int, kind: type[errors.DMRError]) -> None:
    error = error_from_response(status, b"what happened\n")
    assert type(error) is kind
    assert error.message == "what happened"


def test_the_next_step_comes_beside_plain_text() -> None:
    error = error_from_response(409, b"1 requests use it\n", "wait for them")
    assert (error.message, error.hint) == ("1 requests use it", "wait for them")


def test_a_code_of_ours_decides_over_the_status() -> None:
    body = {"error": {"message": "no room", "code": "port_in_use", "hint": "take 12435", "param": "port"}}
    error = error_from_response(409, json.dumps(body).encode())
    assert type(error) is errors.PortInUse
    assert (error.message, error.hint, error.param) == ("no room", "take 12435", "port")


def test_a_foreign_code_leaves_the_status_to_decide() -> None:
    error = error_from_response(404, json.dumps({"error": {"message": "gone", "code": 7, "type": "x"}}).encode())
    assert type(error) is errors.ModelNotFound
    assert error.message == "gone"


@pytest.mark.parametrize(
    "body", [b"{", b'{"error": 1}', b'{"error": {"message": 1}}', b"[1]", b'{"error": {}}', b"{" * 2000, b"\xff\xfe"]
)
def test_odd_bodies_are_shown_as_they_are(body: bytes) -> None:
    assert error_from_response(500, body).message == body.decode("utf-8", "replace").strip()


def test_an_empty_body_and_a_wrong_backend_are_explained() -> None:
    assert "502" in error_from_response(502, b"").message
    assert type(error_from_response(404, b"backend not found\n")) is errors.BackendNotFound
