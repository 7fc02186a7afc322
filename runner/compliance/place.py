"""Where a path leads: what it begins at, and its parts."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import PurePosixPath
from typing import Final

ANYTHING: Final = "*"
TEMPORARY: Final = ("/tmp", "/var/tmp", "/dev/shm")


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
    """Where a path leads: what it begins at, and the parts after that, ``*`` for any."""

    kind: Kind
    parts: tuple[str, ...] = ()
    is_tracked: bool = False

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


@dataclass(frozen=True)
class Scope:
    """The places of a function's names: what it begins with, and what each line binds."""

    known: dict[str, Place]
    bound: dict[str, list[tuple[int, Place | None]]] = field(default_factory=dict)

    def bind(self, name: str, line: int, place: Place | None) -> None:
        """From that line on a name leads to a place, or to nobody knows where."""
        self.bound.setdefault(name, []).append((line, place))

    def at(self, line: int) -> Mapping[str, Place]:
        """The places of names in a line; of one that is bound later only, what it is then."""
        places = dict(self.known)
        for name, several in self.bound.items():
            before = [place for bound, place in several if bound < line]
            place = before[-1] if before else places.get(name) or several[0][1]
            places.pop(name, None)
            if place is not None:
                places[name] = place
        return places


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
