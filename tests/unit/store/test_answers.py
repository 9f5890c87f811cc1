"""What a status means, and how long a limit lasts."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from dmr_desktop.protocol.errors import DMRError, ModelNotFound, RegistryError, Unauthorized
from dmr_desktop.store.answers import raise_for_status
from dmr_desktop.store.retry import Patience, Temporary


class Answer:
    def __init__(self, status: int, **headers: str) -> None:
        self.status = status
        self._headers = headers

    def header(self, name: str) -> str:
        return self._headers.get(name.replace("-", "_"), "")


def judge(answer: Answer, *accepted: int) -> None:
    raise_for_status(answer, "r.example", Patience(), accepted)  # type: ignore[arg-type]


@pytest.mark.parametrize("status", [200, 201, 202, 204, 206, 416])
def test_successes(status: int) -> None:
    judge(Answer(status))


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (401, Unauthorized),
        (403, Unauthorized),
        (404, ModelNotFound),
        (408, Temporary),
        (500, Temporary),
        (503, Temporary),
        (405, RegistryError),
        (413, RegistryError),
        (302, RegistryError),
        (100, RegistryError),
    ],
)
def test_failures(status: int, error: type[DMRError]) -> None:
    with pytest.raises(error):
        judge(Answer(status))
    judge(Answer(status), status)


@pytest.mark.parametrize(
    "text",
    ["", "3600", "soon", "-5", "9" * 12, pytest.param(format_datetime(datetime.now(UTC) + timedelta(1)), id="date")],
)
def test_a_limit_that_is_not_waited_for(text: str) -> None:
    with pytest.raises(RegistryError, match=r"rate limit of r\.example") as caught:
        judge(Answer(429, Retry_After=text))
    assert not isinstance(caught.value, Temporary)
    assert "docker login r.example" in caught.value.hint


@pytest.mark.parametrize("is_date", [False, True])
def test_a_limit_that_is_waited_for(is_date: bool) -> None:
    text = format_datetime(datetime.now(UTC) + timedelta(seconds=40), usegmt=True) if is_date else "30"
    with pytest.raises(Temporary) as caught:
        judge(Answer(429, Retry_After=text))
    assert caught.value.retry_after is not None
    assert 0 < caught.value.retry_after <= 40
