"""Departures from the contract as they are told: harmless to show, and not too many to read."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

REPORTED: Final = 100
LONGEST_SHOWN: Final = 400
"""Characters of a name or a word of the stage's own; paths are at most a few times longer."""

BYTES_FROM: Final = "\udc80"
BYTES_TO: Final = "\udcff"
"""What the file system gives for bytes of a name that are no UTF-8: lone surrogates."""


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One departure from the contract; a warning does not fail the run."""

    path: str
    text: str
    is_warning: bool = False


@dataclass
class Findings:
    """Takes problems as they are found; of errors and of warnings the first hundred are kept."""

    errors: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)
    total: int = 0

    def add(self, path: str, text: str, *, is_warning: bool = False) -> None:
        """Count a problem and, where there is room, keep it."""
        self.total += 1
        kept = self.warnings if is_warning else self.errors
        if len(kept) < REPORTED:
            kept.append(Problem(path=shown(path), text=text, is_warning=is_warning))

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What was kept, errors first."""
        return (*self.errors, *self.warnings)

    @property
    def left_out(self) -> int:
        """How many were counted and not kept."""
        return self.total - len(self.problems)


def is_text(name: str) -> bool:
    """Whether a name of the file system is UTF-8."""
    return not any(BYTES_FROM <= character <= BYTES_TO for character in name)


def shown(text: str) -> str:
    """A stage's own name or word on one line: what no terminal should get is an escape."""
    if len(text) > LONGEST_SHOWN:
        text = f"{text[:LONGEST_SHOWN]}…"
    return text if text.isprintable() else "".join(_visible(text))


def _visible(text: str) -> Iterable[str]:
    for character in text:
        if BYTES_FROM <= character <= BYTES_TO:
            yield f"\\x{ord(character) - 0xDC00:02x}"
        elif character.isprintable():
            yield character
        else:
            yield character.encode("unicode_escape").decode("ascii")
