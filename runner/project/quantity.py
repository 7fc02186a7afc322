"""Sizes and durations as people write them (``2GiB``, ``90m``) and as they like to read them."""

import re
from typing import Final

SIZE_UNITS: Final = {
    "": 1, "b": 1,
    "k": 1000, "kb": 1000, "kib": 1 << 10,
    "m": 1000**2, "mb": 1000**2, "mib": 1 << 20,
    "g": 1000**3, "gb": 1000**3, "gib": 1 << 30,
    "t": 1000**4, "tb": 1000**4, "tib": 1 << 40,
}  # fmt: skip
DURATION_UNITS: Final = {
    "": 1.0,
    "ms": 0.001,
    "s": 1.0,
    "m": 60.0,
    "min": 60.0,
    "h": 3600.0,
    "d": 86400.0,
}
# As many digits as a float holds without loss.
NUMBER: Final = re.compile(r"(\d{1,15}(?:\.\d{1,15})?)\s*([a-zA-Z]*)")
CLOCK: Final = re.compile(r"(?:(\d{1,6}):)?(\d{1,2}):(\d{1,2}(?:\.\d+)?)")
MINUTE: Final = 60
HOUR: Final = 3600


def parse_size(text: str) -> int:
    """Bytes of ``512MiB``, ``2 GB`` or ``1048576``; ValueError says which units there are."""
    match = NUMBER.fullmatch(text.strip())
    if match is None or match[2].lower() not in SIZE_UNITS:
        problem = f"{text!r} is no size; write bytes, or a number with KiB, MiB, GiB, kB, MB or GB"
        raise ValueError(problem)
    return int(float(match[1]) * SIZE_UNITS[match[2].lower()])


def parse_duration(text: str) -> float:
    """Seconds of ``90``, ``90s``, ``1.5h`` or ``1:30:00``; ValueError says what is allowed."""
    if clock := CLOCK.fullmatch(text.strip()):
        return int(clock[1] or 0) * HOUR + int(clock[2]) * MINUTE + float(clock[3])
    match = NUMBER.fullmatch(text.strip())
    if match is None or match[2].lower() not in DURATION_UNITS:
        problem = (
            f"{text!r} is no duration; write seconds, or a number with s, m, h or d, or h:mm:ss"
        )
        raise ValueError(problem)
    return float(match[1]) * DURATION_UNITS[match[2].lower()]


def size_text(size: float) -> str:
    """A size for people: ``949 B``, ``64 MB``, ``2.1 GB`` (powers of 1000)."""
    value = float(size)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000:  # noqa: PLR2004 - the next unit begins there
            return f"{value:.1f} {unit}" if unit == "GB" else f"{value:.0f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"


def energy_text(joules: float) -> str:
    """An amount of energy for people: ``850 J``, ``1.2 kJ``, ``3.4 MJ``."""
    for size, unit in ((1e6, "MJ"), (1e3, "kJ")):
        if joules >= size:
            return f"{joules / size:.1f} {unit}"
    return f"{joules:.0f} J"


def limit_text(size: int) -> str:
    """A limit for people, in the units it is written in: ``2 GiB``, ``64 MiB``."""
    for unit, name in ((1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")):
        if size >= unit:
            return f"{size / unit:.4g} {name}"
    return f"{size} B"


def duration_text(seconds: float) -> str:
    """A duration for people: ``4.1 s``, ``12:04``, ``1:32:07``."""
    if seconds < MINUTE:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    hours, minutes, rest = whole // HOUR, whole % HOUR // MINUTE, whole % MINUTE
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
