"""Reads every list that a job has and makes one of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, Iterator, List, Sequence, Tuple

from film_people import FilmPeople, read_people
from glossary_entries import Entry, LeftOut, Place, Reading, read_entries
from glossary_merge import Collection, Conflict, Gathered
from glossary_table import GlossaryFileError
from name_order import Name, order_names

MOST_ROWS = 50_000
"""In all lists together: what the stage's memory holds."""

_LISTED = 200
_WARNED_OF = 5


@dataclass(frozen=True)
class Sources:
    """The files of each list, and what is spoken and wanted."""

    film: Sequence[Path] = ()
    enrichment: Sequence[Path] = ()
    master: Sequence[Path] = ()
    learned: Sequence[Path] = ()
    language: str = "en"
    targets: Sequence[str] = ()
    least_confidence: float = 0.0


@dataclass
class Glossary:
    """All names and terms, and what became of each list."""

    terms: List[Gathered] = field(default_factory=list)
    names: List[Name] = field(default_factory=list)
    conflicts: List[Conflict] = field(default_factory=list)
    left_out: List[LeftOut] = field(default_factory=list)
    files: List[Tuple[str, str, int]] = field(default_factory=list)
    rows: int = 0

    def count_row(self, place: Place) -> None:
        """Counts a row of any list. Raises GlossaryFileError when there are too many."""
        self.rows += 1
        if self.rows > MOST_ROWS:
            problem = f"with this row the glossaries have more than {MOST_ROWS}. Use fewer."
            raise GlossaryFileError(place.file, place.line, problem)

    def leave_out(self, row: LeftOut) -> None:
        """Notes a row that is no term."""
        self.count_row(row.place)
        self.left_out.append(row)

    def warnings(self) -> List[str]:
        """What the user should know, briefly; the report has it in full."""
        own = [(file, count) for origin, file, count in self.files if origin != "tmdb"]
        empty = [f"{file} holds no term." for file, count in own if not count]
        conflicts = [f"Glossaries disagree on {conflict}." for conflict in self.conflicts]
        rows = [
            f"{row.place} was left out: {row.reason}."
            for row in self.left_out
            if not row.reason.startswith("confidence")
        ]
        return [*empty, *_first(conflicts, "disagreements"), *_first(rows, "rows left out")]

    def report(self) -> Dict[str, Any]:
        """Counts, conflicts, and where each name and term came from."""
        return {
            "counts": {
                "names": len(self.names),
                "terms": len(self.terms),
                "conflicts": len(self.conflicts),
                "left_out": len(self.left_out),
            },
            "files": [
                {"origin": origin, "file": file, "terms": count}
                for origin, file, count in self.files
            ],
            "conflicts": [_conflict(conflict) for conflict in self.conflicts[:_LISTED]],
            "left_out": [
                {"file": row.place.file, "line": row.place.line, "reason": row.reason}
                for row in self.left_out[:_LISTED]
            ],
            "names": [{"name": name.text, "origin": name.origin} for name in self.names],
            "terms": [
                {
                    "source": term.entry.source,
                    "origin": term.entry.place.origin,
                    "file": term.entry.place.file,
                    "line": term.entry.place.line,
                }
                for term in self.terms
            ],
        }


def gather(sources: Sources) -> Glossary:
    """One glossary of all lists. Raises GlossaryFileError and EnrichmentError."""
    glossary, collection, people = Glossary(), Collection(), FilmPeople()
    _add_files(glossary, collection, sources.film, _reading(sources, "film"))
    for path in sources.enrichment:
        people = read_people(path, sources.language)
        glossary.files.append(("tmdb", path.name, collection.add(people.entries(path.name))))
    _add_files(glossary, collection, sources.master, _reading(sources, "master"))
    learned = _reading(sources, "learned", sources.least_confidence)
    _add_files(glossary, collection, sources.learned, learned)
    glossary.terms, glossary.conflicts = collection.terms, collection.conflicts
    glossary.names = order_names(collection.terms, people)
    return glossary


def _reading(sources: Sources, origin: str, least_confidence: float = 0.0) -> Reading:
    return Reading(origin, sources.targets, least_confidence)


def _add_files(
    glossary: Glossary, collection: Collection, paths: Sequence[Path], reading: Reading
) -> None:
    for path in paths:
        count = collection.add(_counted(glossary, path, reading))
        glossary.files.append((reading.origin, path.name, count))


def _counted(glossary: Glossary, path: Path, reading: Reading) -> Iterator[Entry]:
    for entry in read_entries(path, reading, glossary.leave_out):
        glossary.count_row(entry.place)
        yield entry


def _first(texts: Sequence[str], what: str) -> List[str]:
    more = len(texts) - _WARNED_OF
    if more <= 0:
        return list(texts)
    return [*texts[:_WARNED_OF], f"There are {more} more {what}; report.json lists them."]


def _conflict(conflict: Conflict) -> Dict[str, Any]:
    return {
        "source": conflict.source,
        "language": conflict.language or None,
        "kept": conflict.kept,
        "kept_from": str(conflict.kept_from),
        "dropped": conflict.dropped,
        "dropped_from": str(conflict.dropped_from),
    }
