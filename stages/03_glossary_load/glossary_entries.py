"""What the rows of a glossary say, in each of the forms that people have."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple, Union

from glossary_table import GlossaryFileError, Row, read_rows

from shared.languages import same_language, terminologic

LONGEST_LETTERS = 300
_MOST_ALIASES = 20
_TERM = ("term", "source")  # beside a column "term", "source" says where the term was found
_ENGLISH = ("english", "preferred_english")
_ALIASES = ("aliases", "alternatives")
_UNUSED = ("context", "notes", "frequency", "source")
_LANGUAGE = re.compile(r"[a-z]{2,3}(?:-[a-z0-9]{2,8})*", re.IGNORECASE)
_EXPECTED = (
    "Expected are source (or term) and any of: a language's code such as es or pt-BR, target,"
    " english (or preferred_english), aliases (or alternatives), keep, name, confidence, context,"
    " notes, frequency"
)
_YES, _NO = ("yes", "true", "1", "x", "y"), ("no", "false", "0", "n")


@dataclass(frozen=True)
class Place:
    """Where something stands: whose list it is, the file's name, and the line from 1."""

    origin: str
    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}, line {self.line}"


@dataclass(frozen=True)
class Entry:
    """One term as one file has it; `is_name` None where the file does not say."""

    source: str
    place: Place
    aliases: Tuple[str, ...] = ()
    targets: Mapping[str, str] = field(default_factory=dict)
    stays: bool = False
    is_name: Optional[bool] = None


@dataclass(frozen=True)
class LeftOut:
    """A row that was not taken, and why."""

    place: Place
    reason: str


@dataclass(frozen=True)
class Reading:
    """How to read a file: whose it is, into what is translated, how sure a term must be."""

    origin: str
    targets: Sequence[str] = ()
    least_confidence: float = 0.0


def read_entries(
    path: Path, reading: Reading, leave_out: Callable[[LeftOut], None]
) -> Iterator[Entry]:
    """The terms of a file, in order; rows that cannot be terms go to `leave_out`.

    Raises GlossaryFileError for a file that is no glossary. An empty file has no terms.
    """
    rows = read_rows(path)
    header = next(rows, None)
    if header is None:
        return
    columns = _Columns(path.name, header, reading)
    for row in rows:
        place = Place(reading.origin, path.name, row.line)
        entry = columns.entry(row, place)
        if isinstance(entry, Entry):
            yield entry
        else:
            leave_out(LeftOut(place, entry))


class _Columns:
    """The header, understood: which cell means what."""

    def __init__(self, file: str, header: Row, reading: Reading) -> None:
        self._file = file
        self._line = header.line
        self._reading = reading
        self._names = [cell.strip().lower().replace(" ", "_") for cell in header.cells]
        while self._names and not self._names[-1]:
            self._names.pop()
        self._term = next((name for name in _TERM if name in self._names), "")
        self._languages: Dict[str, str] = {}
        self._check()

    def entry(self, row: Row, place: Place) -> Union[Entry, str]:
        """The row's Entry, or the reason why it has none."""
        cells = self._cells(row)
        source = cells[self._term]
        if not source:
            return "the row has no term"
        aliases = self._aliases(cells)
        targets = {tag: cells[name] for name, tag in self._languages.items() if cells[name]}
        if max(map(len, (source, *aliases, *targets.values()))) > LONGEST_LETTERS:
            return f"a text has more than {LONGEST_LETTERS} letters: {source[:40]!r}"
        if not self._is_sure(cells.get("confidence", ""), row.line):
            return f"confidence below {self._reading.least_confidence:g}"
        return Entry(
            source=source,
            place=place,
            aliases=aliases,
            targets=targets,
            stays=bool(self._answer(cells, "keep", row.line)),
            is_name=self._answer(cells, "name", row.line),
        )

    def _check(self) -> None:
        unknown = [name for name in self._names if not self._understand(name)]
        if unknown:
            named = ", ".join(repr(name[:40]) for name in unknown[:5])
            self._refuse(f"the first line has to name the columns, and {named} is none.")
        twice = [name for name in self._names if self._names.count(name) > 1]
        tags = list(self._languages.values())
        twice += [name for name, tag in self._languages.items() if tags.count(tag) > 1]
        if twice:
            self._refuse(f"two columns mean the same: {', '.join(sorted(set(twice)))}.")
        if not self._term:
            self._refuse("no column holds the terms.")

    def _understand(self, name: str) -> bool:
        if name in (self._term, *_ALIASES, *_UNUSED, "keep", "name", "confidence"):
            return True
        tag = self._language(name)
        if tag:
            self._languages[name] = tag
        return bool(tag) or name == "target"

    def _language(self, name: str) -> str:
        """The language into which a column translates; nothing where it is for none."""
        if name in _ENGLISH:
            return "en"
        if name == "target":
            if len(self._reading.targets) > 1:
                self._refuse(
                    "a column 'target' is for one language, and TARGET_LANGUAGES has"
                    f" {len(self._reading.targets)}. Name it by its language's code.",
                )
            return "".join(self._reading.targets)
        code = name.replace("_", "-")
        if not _LANGUAGE.fullmatch(code) or terminologic(code) is None:
            return ""
        primary, _, region = code.partition("-")
        spelt = f"{primary}-{region.upper()}" if len(region) == 2 else code  # noqa: PLR2004
        # However the glossary spells a language, the translation looks for its own spelling.
        same = (tag for tag in self._reading.targets if not region and same_language(tag, code))
        return next(same, spelt)

    def _refuse(self, problem: str) -> None:
        raise GlossaryFileError(self._file, self._line, f"{problem} {_EXPECTED}.")

    def _cells(self, row: Row) -> Dict[str, str]:
        cells = [" ".join(cell.replace("\0", " ").split()) for cell in row.cells]
        if any(cells[len(self._names) :]):
            problem = (
                f"the row has {len(cells)} cells, and the header {len(self._names)}. A text with a"
                " separator in it stands in quotes."
            )
            raise GlossaryFileError(self._file, row.line, problem)
        missing = [""] * (len(self._names) - len(cells))
        return dict(zip(self._names, [*cells, *missing]))  # noqa: B905 (came with Python 3.10)

    def _aliases(self, cells: Mapping[str, str]) -> Tuple[str, ...]:
        found: List[str] = []
        for name in _ALIASES:
            found += [alias.strip() for alias in cells.get(name, "").split("|")]
        return tuple(dict.fromkeys(alias for alias in found if alias))[:_MOST_ALIASES]

    def _is_sure(self, text: str, line: int) -> bool:
        """Whether a term's confidence suffices; one without any was written by hand."""
        if not text:
            return True
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not 0 <= value <= 1:
            problem = f"the confidence is {text[:40]!r}. Expected is a number from 0 to 1."
            raise GlossaryFileError(self._file, line, problem)
        return value >= self._reading.least_confidence

    def _answer(self, cells: Mapping[str, str], name: str, line: int) -> Optional[bool]:
        text = cells.get(name, "").lower()
        if text in _YES or text in _NO:
            return text in _YES
        if not text:
            return None
        problem = f"the column {name} has {text[:40]!r}. Expected is yes or no."
        raise GlossaryFileError(self._file, line, problem)
