"""A cue, and the rules that subtitles keep."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Tuple

# Lines of 42 Latin letters have room for 16 Chinese ones, of which each is two columns wide.
_WIDE_SHARE = (16, 21)


class RulesError(Exception):
    """The settings contradict each other; the message names them."""


@dataclass(frozen=True)
class Rules:
    """What a cue must keep to: lengths in columns, times in milliseconds, speeds per second."""

    line_length: int = 42
    lines: int = 2
    reading_speed: float = 17
    reading_speed_cap: float = 20
    shortest_ms: int = 833
    longest_ms: int = 7000
    gap_ms: int = 80

    def __post_init__(self) -> None:
        if self.shortest_ms > self.longest_ms:
            message = (
                f"SUBTITLE_MIN_DURATION ({self.shortest_ms} ms) is more than"
                f" SUBTITLE_MAX_DURATION ({self.longest_ms} ms). Swap them."
            )
            raise RulesError(message)
        if self.reading_speed > self.reading_speed_cap:
            message = (
                f"SUBTITLE_READING_SPEED ({self.reading_speed:g}) is more than"
                f" SUBTITLE_READING_SPEED_CAP ({self.reading_speed_cap:g}). Swap them."
            )
            raise RulesError(message)

    def columns(self, *, is_wide: bool) -> int:
        """The columns of a line; a script of wide letters has fewer."""
        return self.line_length * _WIDE_SHARE[0] // _WIDE_SHARE[1] if is_wide else self.line_length

    def wanted_ms(self, characters: int) -> int:
        """How long a cue should show, if there is room."""
        return self._reading_ms(characters, self.reading_speed)

    def needed_ms(self, characters: int) -> int:
        """How long a cue must show at least to break no rule."""
        return self._reading_ms(characters, self.reading_speed_cap)

    def _reading_ms(self, characters: int, speed: float) -> int:
        reading = -int(-characters * 1000 // speed)  # rounded up, so that the speed is kept
        return min(max(reading, self.shortest_ms), self.longest_ms)


@dataclass(frozen=True)
class Cue:
    """Lines of text and when they show, in milliseconds.

    ``characters`` is what there is to read, a wide letter counted twice; ``columns`` is how long a
    line may be in the cue's script.
    """

    start_ms: int
    end_ms: int
    lines: Tuple[str, ...]
    characters: int = 0
    columns: int = 42

    @property
    def length_ms(self) -> int:
        """How long the cue shows."""
        return self.end_ms - self.start_ms
