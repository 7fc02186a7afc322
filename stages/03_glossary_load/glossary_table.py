"""Tables of text: CSV and TSV, told apart by what they hold and not by how they are named."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Iterator, List, TextIO, Tuple

_LARGEST_BYTES = 8 * 1024 * 1024
_SEPARATORS = ("\t", ",", ";")
_UTF_16_MARKS = (b"\xff\xfe", b"\xfe\xff")


class GlossaryFileError(Exception):
    """A glossary cannot be read; the message names file, line and what was expected."""

    def __init__(self, file: str, line: int, problem: str) -> None:
        super().__init__(f"{file}, line {line}: {problem}")


@dataclass(frozen=True)
class Row:
    """One record; `line` is where it begins, counted from 1."""

    line: int
    cells: Tuple[str, ...]


def read_rows(path: Path) -> Iterator[Row]:
    """The records that hold anything, the header first; comments before the header are left out.

    Raises GlossaryFileError, also in the middle.
    """
    _check(path)
    # A field may be as long as the file; who reads the cells decides how much is too much.
    csv.field_size_limit(_LARGEST_BYTES)
    with path.open(encoding="utf-8-sig", newline="") as file:
        line = 1
        try:
            skipped, separator = _find_header(file)
            line += skipped
            reader = csv.reader(
                file, delimiter=separator, strict=True, skipinitialspace=separator != "\t"
            )
            for cells in reader:
                if any(cell.strip() for cell in cells):
                    yield Row(line, tuple(cells))
                line = skipped + reader.line_num + 1
        except csv.Error as error:
            problem = (
                f"the quotes here do not fit: {error}. A text with a separator or a quote in it"
                ' stands in quotes, and a quote within is doubled ("").'
            )
            raise GlossaryFileError(path.name, line, problem) from error
        except UnicodeDecodeError as error:
            problem = (
                f"this line or one soon after is not UTF-8 ({error.reason}). Save it as UTF-8."
            )
            raise GlossaryFileError(path.name, line, problem) from error


def _check(path: Path) -> None:
    size = path.stat().st_size
    if size > _LARGEST_BYTES:
        problem = f"the file has {size} bytes; a glossary may have {_LARGEST_BYTES}."
        raise GlossaryFileError(path.name, 1, problem)
    with path.open("rb") as file:
        start = file.read(4096)
    if start.startswith(_UTF_16_MARKS):
        problem = "the file is written in UTF-16. Save it as UTF-8 (in Excel: CSV UTF-8)."
        raise GlossaryFileError(path.name, 1, problem)
    if b"\0" in start:
        problem = "this is no text file. Expected is a table: TSV or CSV in UTF-8."
        raise GlossaryFileError(path.name, 1, problem)


def _find_header(file: TextIO) -> Tuple[int, str]:
    """Goes to the header; how many lines stand before it, and what separates its cells."""
    skipped: List[str] = []
    while True:
        place = file.tell()
        line = file.readline()
        if line and (not line.strip() or line.lstrip().startswith("#")):
            skipped.append(line)
            continue
        file.seek(place)
        outside = "".join(line.split('"')[::2])
        return len(skipped), max(_SEPARATORS, key=outside.count)
