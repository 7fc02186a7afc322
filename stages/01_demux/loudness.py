"""How loud the sound is, as EBU R128 defines it and ffmpeg's ebur128 filter measures it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Optional, Sequence

_SILENCE_LUFS = -70.0  # nothing was above the gate
_NUMBER = r"(-?\d+(?:\.\d+)?|-?inf|nan)"


@dataclass(frozen=True)
class Loudness:
    """Integrated loudness, its range, and the highest peak of any channel.

    Peaks are in dB below full scale, of the samples or (`true_peak_dbtp`) of the curve between
    them. None means silence, or in case of a peak that it was not measured.
    """

    integrated_lufs: Optional[float]
    range_lu: Optional[float]
    sample_peak_dbfs: Optional[float]
    true_peak_dbtp: Optional[float]


def measuring_filter(*, true_peak: bool) -> str:
    """The filter that measures; it says the result at its end."""
    # Otherwise it writes a line for every tenth of a second.
    return f"ebur128=framelog=verbose:peak=sample{'+true' if true_peak else ''}"


def read_loudness(notes: Sequence[str]) -> Loudness:
    """The measurement in what ffmpeg wrote."""
    text = "\n".join(notes).rpartition("Summary:")[2]
    integrated = _number(rf"\bI:\s+{_NUMBER} LUFS", text)
    is_silent = integrated is None or integrated <= _SILENCE_LUFS
    return Loudness(
        integrated_lufs=None if is_silent else integrated,
        range_lu=None if is_silent else _number(rf"\bLRA:\s+{_NUMBER} LU\b", text),
        sample_peak_dbfs=_number(rf"Sample peak:\s+Peak:\s+{_NUMBER} dBFS", text),
        true_peak_dbtp=_number(rf"True peak:\s+Peak:\s+{_NUMBER} dBFS", text),
    )


def _number(pattern: str, text: str) -> Optional[float]:
    match = re.search(pattern, text)
    return float(match[1]) if match and match[1] not in ("inf", "-inf", "nan") else None
