"""What every engine gives: pieces of speech as they are heard, one after the other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Iterator, Optional, Protocol, Sequence

from shared.transcript import Segment


@dataclass(frozen=True)
class Heard:
    """A segment, or None for a stretch without words, and the time up to which was listened."""

    segment: Optional[Segment]
    until: float


class Engine(Protocol):
    """Turns the speech of one recording into segments."""

    @property
    def language(self) -> str:
        """The ISO code of the language that is spoken; known once listening has begun."""

    @property
    def warnings(self) -> Sequence[str]:
        """What the user must know of, once listening has ended."""

    def listen(self) -> Iterator[Heard]:
        """What is said, in order and as soon as it is known. Raises AsrError."""
