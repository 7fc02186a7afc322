"""What to do with a film's sound, decided by what was measured in it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum
from typing import Final, Optional, Sequence, Tuple

from sound_layout import Layout

_FLOOR_DB: Final = -120.0
_SILENT_DB: Final = -70.0
_NARROW_DB: Final = -20.0
_EMPTY_CENTRE_DB: Final = -20.0
_NOTHING_AROUND_DB: Final = -20.0


class VocalModelError(Exception):
    """The model for separation cannot be used; the message says why and what to do."""


class Method(Enum):
    """How speech is taken out of the film's sound."""

    PASS_THROUGH = "pass-through"
    CENTRE_CHANNEL = "centre-channel"
    CENTRE_MASK = "centre-mask"
    DEMUCS = "demucs"


@dataclass(frozen=True)
class Levels:
    """Mean powers over the whole sound, full scale being 1.

    They are those of each channel, and of half the sum and half the difference of left and right.
    """

    channels: Tuple[float, ...]
    mid: float
    side: float

    @property
    def side_to_mid_db(self) -> float:
        """How wide the front pair is: nothing but a centre is -120, two unlike sides are 0."""
        return ratio_db(self.side, self.mid)

    def centre_to_others_db(self, layout: Layout) -> Optional[float]:
        """How much of the sound the centre holds; None without a centre."""
        if layout.centre is None:
            return None
        apart = (layout.centre, layout.low)
        others = sum(power for n, power in enumerate(self.channels) if n not in apart)
        return ratio_db(self.channels[layout.centre], others)

    def around_to_front_db(self, layout: Layout) -> float:
        """How much sound there is in channels that are neither left, right, centre nor low."""
        apart = (0, 1, layout.centre, layout.low)
        around = sum(power for n, power in enumerate(self.channels) if n not in apart)
        return ratio_db(around, sum(self.channels[:2]))


@dataclass(frozen=True)
class Decision:
    """The method, and the reason for it in a sentence."""

    method: Method
    reason: str


def decide(layout: Layout, levels: Levels) -> Decision:
    """The embedded method that fits what was measured."""
    if power_db(max(levels.channels)) < _SILENT_DB:
        return Decision(Method.PASS_THROUGH, "The film's sound is silent.")
    centre = levels.centre_to_others_db(layout)
    if centre is not None and centre >= _EMPTY_CENTRE_DB:
        reason = f"{layout.name} has a centre channel, {centre} dB against all others."
        return Decision(Method.CENTRE_CHANNEL, reason)
    empty = "" if centre is None else f"The centre of {layout.name} is empty ({centre} dB). "
    around = levels.around_to_front_db(layout)
    if around > _NOTHING_AROUND_DB:
        reason = f"{empty}Beside left and right there is sound in others ({around} dB)."
        return Decision(Method.PASS_THROUGH, reason)
    width = levels.side_to_mid_db
    if width < _NARROW_DB:
        reason = f"{empty}Left and right are nearly the same: their difference is {width} dB."
        return Decision(Method.PASS_THROUGH, reason)
    reason = f"{empty}Left and right differ: their difference is {width} dB against their sum."
    return Decision(Method.CENTRE_MASK, reason)


def ratio_db(part: float, whole: float) -> float:
    """The ratio of two powers in decibels, to a tenth and within 120 either way."""
    ratio = max(_FLOOR_DB, min(-_FLOOR_DB, power_db(part) - power_db(whole)))
    return round(ratio, 1) + 0.0  # no minus zero


def power_db(power: float) -> float:
    """A power in decibels of full scale, -120 at least."""
    return max(_FLOOR_DB, 10 * math.log10(max(power, 1e-30)))


def powers_db(powers: Sequence[float]) -> Tuple[float, ...]:
    """Powers in decibels, to a tenth."""
    return tuple(round(power_db(power), 1) for power in powers)
