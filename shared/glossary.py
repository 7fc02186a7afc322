"""Names and terms of a film, in the one shape in which the stages hand them on."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Mapping, Sequence, Tuple


class GlossaryError(Exception):
    """The file is no list of names or terms; the message names the place."""


@dataclass(frozen=True)
class Term:
    """A word or phrase of the source language, and how it is to stand in a translation.

    ``aliases`` are other ways in which the source says it. ``targets`` has a text per language
    code; in a language without one the term stays as it is. ``origin`` says whose word counts:
    film, tmdb, master or learned.
    """

    source: str
    aliases: Tuple[str, ...] = ()
    targets: Mapping[str, str] = field(default_factory=dict)
    origin: str = "film"


def write_names(names: Sequence[str], path: Path) -> None:
    """Writes names that a recogniser should know, the most important first."""
    _write({"names": list(names)}, path)


def read_names(path: Path) -> Tuple[str, ...]:
    """The names in a JSON file. Raises GlossaryError."""
    return tuple(_text(name) for name in _read(path, "names"))


def write_terms(terms: Sequence[Term], path: Path) -> None:
    """Writes terms that a translation should keep."""
    _write({"terms": [asdict(term) for term in terms]}, path)


def read_terms(path: Path) -> Tuple[Term, ...]:
    """The terms in a JSON file. Raises GlossaryError."""
    entries = _read(path, "terms")
    try:
        return tuple(_term(entry) for entry in entries)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise GlossaryError(_refusal(path, error)) from error


def _write(document: Mapping[str, Any], path: Path) -> None:
    text = json.dumps(document, ensure_ascii=False, indent=1) + "\n"
    path.write_text(text, encoding="utf-8", errors="backslashreplace")


def _read(path: Path, key: str) -> Sequence[Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))[key]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise GlossaryError(_refusal(path, error)) from error
    if not isinstance(found, list):
        raise GlossaryError(_refusal(path, TypeError(f"{key} is no list")))
    return found


def _refusal(path: Path, error: Exception) -> str:
    return (
        f"{path.name} is no glossary: {type(error).__name__}: {error}. Run the stage that wrote it"
        " again."
    )


def _term(entry: Mapping[str, Any]) -> Term:
    return Term(
        source=_text(entry["source"]),
        aliases=tuple(_text(alias) for alias in entry.get("aliases", ())),
        targets={_text(key): _text(value) for key, value in entry.get("targets", {}).items()},
        origin=_text(entry.get("origin", "film")),
    )


def _text(value: object) -> str:
    if not isinstance(value, str):
        message = f"{value!r} is not text"
        raise GlossaryError(message)
    return value
