"""Reading what a management request says."""

from collections.abc import Iterator
from contextlib import contextmanager

from starlette.requests import Request

from dmr_desktop.dialects.fields import Fields
from dmr_desktop.protocol.errors import InvalidRequest
from dmr_desktop.service.bodies import parsed, read_body

_TRUE = frozenset(("1", "t", "T", "TRUE", "true", "True"))
_FALSE = frozenset(("0", "f", "F", "FALSE", "false", "False"))


@contextmanager
def refused_as(sentence: str) -> Iterator[None]:
    """What the block refuses gets this sentence, as Docker Model Runner has one for all bodies; why is the hint."""
    try:
        yield
    except InvalidRequest as error:
        raise InvalidRequest(sentence, hint=error.message) from None


async def read_fields(request: Request, refusal: str) -> Fields:
    """The body's JSON object; a body of any other kind is ``refused_as`` said."""
    body = await read_body(request.receive)
    with refused_as(refusal):
        return Fields(await parsed(body or b""))


def parse_go_bool(text: str) -> bool:
    """Go's ``ParseBool``. Raises :class:`ValueError`."""
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    raise ValueError(text)


def query_flag(request: Request, name: str) -> bool:
    """A bare name is true, as is every Go spelling of true; anything else is false."""
    text = request.query_params.get(name)
    return text is not None and (text == "" or text in _TRUE)
