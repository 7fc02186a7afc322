"""How long a watched film is left alone whose trouble passes by itself, and what was told of it."""

import re
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Final

FIRST_PAUSE_SECONDS: Final = 60.0
LONGEST_PAUSE_SECONDS: Final = 900.0
NUMBERS: Final = re.compile(r"\d+")


@dataclass(eq=False)
class Patience:
    """Troubles of films and jobs, each with how often in a row it was met.

    A trouble of which only the numbers change, such as of the space that is free, is the same.
    """

    _troubles: dict[Hashable, tuple[str, int]] = field(default_factory=dict)

    def knows(self, whose: Hashable, trouble: str) -> bool:
        """Whether this was the last trouble already."""
        return self._troubles.get(whose, ("", 0))[0] == _without_numbers(trouble)

    def troubled(self, whose: Hashable) -> bool:
        """Whether there was any, and none that is over."""
        return whose in self._troubles

    def pause(self, whose: Hashable, trouble: str) -> float:
        """The seconds until the next try, one more time after the same trouble."""
        times = self._troubles[whose][1] + 1 if self.knows(whose, trouble) else 0
        self._troubles[whose] = (_without_numbers(trouble), times)
        seconds: float = min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2 ** min(times, 10))
        return seconds

    def over(self, whose: Hashable) -> None:
        """Forget a trouble that is over."""
        self._troubles.pop(whose, None)


def _without_numbers(trouble: str) -> str:
    return NUMBERS.sub("", trouble)
