"""Where a path leads: what it begins at, and its parts."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import PurePosixPath
from typing import Final

ANYTHING: Final = "*"
TEMPORARY: Final = ("/tmp", "/var/tmp", "/dev/shm")


TEMPORARY_MAKERS: Final = frozenset(
    f"tempfile.{name}"
    for name in (
        "mkstemp", "mkdtemp", "gettempdir", "NamedTemporaryFile", "TemporaryFile",
        "TemporaryDirectory", "SpooledTemporaryFile",
    )
)  # fmt: skip


class Kind(StrEnum):
    """What a path begins at."""

    STAGE = "the stage's folder"
    JOB = "the job, outside of the stage's folder"
    INPUT = "an input of the stage"
    OWN = "a file that StageIO writes itself"
    TEMPORARY = "the folder for temporary files"
    ABSOLUTE = "an absolute path"
    CODE = "the stage's code"
    RELATIVE = "the folder that the stage was started in"


@dataclass(frozen=True)
class Place:
    """Where a path leads: what it begins at, and the parts after that, ``*`` for any.

    ``names`` are all that the last part can be, where the code tells.
    """

    kind: Kind
    parts: tuple[str, ...] = ()
    is_tracked: bool = False
    names: tuple[str, ...] = field(default=(), compare=False)

    @property
    def paths(self) -> tuple[str, ...]:
        """What follows the beginning, written out for each of the names."""
        folder = self.parts[:-1]
        return tuple("/".join((*folder, name)) for name in self.names or self.parts[-1:])

    @property
    def shown(self) -> str:
        """For messages."""
        return f"{self.kind.value} ({'/'.join(self.parts)})" if self.parts else self.kind.value

    def covers(self, other: "Place") -> bool:
        """Whether the other may be this one, or lies in it."""
        return (
            self.kind is other.kind
            and len(self.parts) <= len(other.parts)
            and all(fits(*pair) for pair in zip(self.parts, other.parts, strict=False))
        )


def fits(one: str, other: str) -> bool:
    """Whether two names, parts of which may be anything, may be one."""
    if ANYTHING not in one + other:
        return one == other
    head, tail = one.partition(ANYTHING)[0], one.rpartition(ANYTHING)[2]
    begin, end = other.partition(ANYTHING)[0], other.rpartition(ANYTHING)[2]
    if ANYTHING not in one:
        return one.startswith(begin) and one.endswith(end)
    if ANYTHING not in other:
        return other.startswith(head) and other.endswith(tail)
    first, last = min(len(head), len(begin)), min(len(tail), len(end))
    return head[:first] == begin[:first] and (not last or tail[-last:] == end[-last:])


def common(places: Sequence[Place | None]) -> Place | None:
    """What several places have in common; None where they begin elsewhere, or one is unknown."""
    known = [place for place in places if place is not None]
    first = known[0] if known and len(known) == len(places) else None
    if first is None or first.kind is Kind.RELATIVE:
        return None
    if any((item.kind, len(item.parts)) != (first.kind, len(first.parts)) for item in known):
        return None
    columns = zip(*(item.parts for item in known), strict=True)
    parts = tuple(names[0] if len(set(names)) == 1 else ANYTHING for names in columns)
    return Place(first.kind, parts, all(item.is_tracked for item in known))


def above(place: Place) -> Place | None:
    """The folder that a place lies in; None where that is not known."""
    if place.parts:
        return Place(place.kind, place.parts[:-1])
    around = {
        Kind.STAGE: Place(Kind.JOB),
        Kind.JOB: Place(Kind.ABSOLUTE, (ANYTHING,)),
        Kind.CODE: place,
    }
    return around.get(place.kind)


def literal(text: str) -> Place:
    """Where a path leads that is written out."""
    parts = tuple(part for part in PurePosixPath(text).parts if part not in {"/", "."})
    if not text.startswith("/"):
        return Place(Kind.RELATIVE, parts)
    for folder in TEMPORARY:
        if text == folder or text.startswith(f"{folder}/"):
            return Place(Kind.TEMPORARY, parts)
    return Place(Kind.ABSOLUTE, parts)
