"""separation.json: what was measured, what was done, and why."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

from erasure import Erasure
from separation_method import Decision, Levels, powers_db
from sound_layout import Layout


@dataclass(frozen=True)
class Outcome:
    """What was decided, on what, and what would have been lost; None where nobody looked."""

    decision: Decision
    layout: Layout
    rate: int
    levels: Optional[Levels] = None
    erasure: Optional[Erasure] = None


def write_report(outcome: Outcome, path: Path) -> None:
    """Writes the report; levels are in decibels, times in seconds."""
    document = {
        "method": outcome.decision.method.value,
        "reason": outcome.decision.reason,
        "layout": outcome.layout.name,
        "channels": outcome.layout.channels,
        "sample_rate": outcome.rate,
        "measured": _measured(outcome),
        "kept_as_it_was": _kept(outcome.erasure),
    }
    path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


def _measured(outcome: Outcome) -> Optional[object]:
    levels = outcome.levels
    if levels is None:
        return None
    return {
        "channels_db": powers_db(levels.channels),
        "side_to_mid_db": levels.side_to_mid_db,
        "centre_to_others_db": levels.centre_to_others_db(outcome.layout),
    }


def _kept(erasure: Optional[Erasure]) -> Optional[object]:
    if erasure is None:
        return None
    return {
        "seconds": round(erasure.lost_seconds, 3),
        "of_seconds_with_sound": round(erasure.sounding_seconds, 3),
        "passages": [
            {"start": round(part.start, 3), "end": round(part.end, 3)} for part in erasure.passages
        ],
    }
