"""Bytes, rates and times as short text, with the digits of Qt's default locale. Unknown is always ``UNKNOWN``,
never 0."""

from PySide6.QtCore import QLocale

UNKNOWN = "–"
_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")


def format_number(value: float, digits: int = 0) -> str:
    """``1234.5`` → ``1,234.5``, or as the user's language writes it."""
    return _locale().toString(float(value), "f", digits)


def format_bytes(size: float | None) -> str:
    """``1536`` → ``1.5 KiB``. Binary units; three significant digits."""
    if size is None or size < 0:
        return UNKNOWN
    value, unit = float(size), 0
    while value >= 999.5 and unit < len(_UNITS) - 1:
        value /= 1024
        unit += 1
    if unit == 0:
        return f"{value:.0f} B"
    digits = 0 if value >= 99.95 else 1
    return f"{format_number(value, digits)} {_UNITS[unit]}"


def format_share(used: float | None, total: float | None) -> str:
    """``used`` of ``total`` bytes in the unit of the total, e.g. ``2.0 / 12.0 GiB``."""
    if used is None:
        return UNKNOWN
    if total is None or total <= 0:
        return format_bytes(used)
    value, unit = float(total), 0
    while value >= 999.5 and unit < len(_UNITS) - 1:
        value /= 1024
        unit += 1
    return f"{format_number(used / 1024**unit, 1)} / {format_number(value, 1)} {_UNITS[unit]}"


def format_percent(value: float | None) -> str:
    return UNKNOWN if value is None else f"{value:.0f} %"


def format_rate(bytes_per_second: float) -> str:
    return f"{format_bytes(bytes_per_second)}/s"


def format_seconds(seconds: float) -> str:
    """``75`` → ``1 min 15 s``; hours drop the seconds."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02} min"


def _locale() -> QLocale:
    """The C locale, that of a session without a language, groups no digits: English does."""
    locale = QLocale()
    return QLocale("en") if locale.language() is QLocale.Language.C else locale
