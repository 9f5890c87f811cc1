"""What the status of a registry's answer means: the protocol's errors, each with a next step. Nothing is sent here."""

from collections.abc import Collection
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from dmr_desktop.protocol.errors import ModelNotFound, RegistryError, Unauthorized
from dmr_desktop.store.retry import Patience, Temporary
from dmr_desktop.store.transport import Answer

_FINE = {200, 201, 202, 204, 206, 416}


def raise_for_status(answer: Answer, registry: str, patience: Patience, accepted: Collection[int] = ()) -> None:
    """Returns for a success, for a range that cannot be had and for ``accepted``; everything else is raised."""
    status = answer.status
    if status in _FINE or status in accepted:
        return
    if status in (401, 403):
        raise unauthorized(registry)
    if status == 404:
        raise ModelNotFound("Model not found", hint=f"check the name and the tag on {registry}")
    if status == 429:
        how = f"log in for a higher limit: docker login {registry}"
        raise rate_limit(answer, f"the rate limit of {registry} is reached", how, patience)
    if status == 413:
        raise RegistryError("the registry takes no layers of this size", hint="ask whoever runs the registry")
    if status == 405:
        raise RegistryError("the registry does not allow this", hint="it may be a read-only mirror")
    if status == 408 or status >= 500:
        raise Temporary("the registry has a problem of its own", hint="try again later")
    raise unexpected()


def unauthorized(registry: str) -> Unauthorized:
    return Unauthorized("Unauthorized", hint=f"check the name; if it is private: docker login {registry}")


def unexpected() -> RegistryError:
    return RegistryError("the registry's answer makes no sense", hint="is it an OCI registry?")


def rate_limit(answer: Answer, message: str, how: str, patience: Patience) -> RegistryError:
    """The error for a 429: one to be waited for, if the wait is short. ``how`` to get a higher limit."""
    seconds = _seconds(answer.header("Retry-After"))
    hint = f"wait a while, or {how}" if seconds is None else f"wait {seconds:.0f} seconds, or {how}"
    if seconds is None or seconds > patience.longest_rate_limit_seconds:
        return RegistryError(message, hint=hint)
    return Temporary(message, hint=hint, retry_after=seconds)


def _seconds(retry_after: str) -> float | None:
    if retry_after.isdecimal() and len(retry_after) < 9:
        return float(retry_after)
    try:
        moment = parsedate_to_datetime(retry_after)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    if moment.tzinfo is None:
        return None
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())
