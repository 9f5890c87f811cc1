"""Moments as Go writes them in JSON."""

from datetime import datetime


def rfc3339(moment: datetime, timespec: str = "auto") -> str:
    """``moment`` is in UTC; ``timespec`` as of :meth:`datetime.isoformat`."""
    return moment.isoformat(timespec=timespec).replace("+00:00", "Z")
