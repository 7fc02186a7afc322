"""One list of terms out of several, in which the first word counts."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, field
from typing import Dict, Iterable, List, Optional, Tuple

from glossary_entries import Entry, Place

from shared.glossary import Term

STAYS = "(stays as it is)"


@dataclass(frozen=True)
class Conflict:
    """Two lists that say different things of one term; `language` is empty for an alias."""

    source: str
    language: str
    kept: str
    kept_from: Place
    dropped: str
    dropped_from: Place

    def __str__(self) -> str:
        what = f"{self.source!r} in {self.language}" if self.language else f"alias {self.source!r}"
        return (
            f"{what}: {self.kept!r} ({self.kept_from}) was taken, not {self.dropped!r}"
            f" ({self.dropped_from})"
        )


@dataclass
class Gathered:
    """A term as far as it is known; each target with the place that gave it."""

    entry: Entry
    aliases: List[str] = field(default_factory=list)
    targets: Dict[str, Tuple[str, Place]] = field(default_factory=dict)
    stays: bool = False
    is_name: Optional[bool] = None

    @property
    def has_name_marked(self) -> bool:
        """Whether somebody said that this is a name, or is never translated."""
        return bool(self.is_name) or (self.stays and self.is_name is None)

    def term(self) -> Term:
        """The term as the other stages read it."""
        return Term(
            source=self.entry.source,
            aliases=tuple(self.aliases),
            targets={language: text for language, (text, _) in sorted(self.targets.items())},
            origin=self.entry.place.origin,
        )


class Collection:
    """Terms of several lists, the most important list added first.

    Within a list, a term is stronger than another one's alias, and the first of two rows counts.
    """

    def __init__(self) -> None:
        self.terms: List[Gathered] = []
        self.conflicts: List[Conflict] = []
        self._known: Dict[str, Gathered] = {}

    def add(self, entries: Iterable[Entry]) -> int:
        """Adds one list; returns how many entries it had."""
        added = [(entry, self._add_term(entry)) for entry in entries]
        for entry, gathered in added:
            for alias in entry.aliases:
                self._add_alias(alias, entry, gathered)
        return len(added)

    def knows(self, text: str) -> bool:
        """Whether this is a term or an alias already."""
        return fold(text) in self._known

    def _add_term(self, entry: Entry) -> Gathered:
        gathered = self._known.get(fold(entry.source))
        if gathered is None:
            gathered = Gathered(entry)
            self.terms.append(gathered)
            self._known[fold(entry.source)] = gathered
        if gathered.is_name is None:
            gathered.is_name = entry.is_name
        self._add_targets(gathered, entry)
        return gathered

    def _add_targets(self, gathered: Gathered, entry: Entry) -> None:
        if entry.stays and not gathered.stays:
            for language, (kept, place) in gathered.targets.items():
                self._note(gathered, language, (kept, place), (STAYS, entry.place))
            gathered.stays = not gathered.targets
        for language, text in entry.targets.items():
            if gathered.stays:
                if text != gathered.entry.source:
                    own = (STAYS, gathered.entry.place)
                    self._note(gathered, language, own, (text, entry.place))
                continue
            known = gathered.targets.setdefault(language, (text, entry.place))
            if known[0] != text:
                self._note(gathered, language, known, (text, entry.place))

    def _add_alias(self, alias: str, entry: Entry, gathered: Gathered) -> None:
        owner = self._known.setdefault(fold(alias), gathered)
        if owner is not gathered:
            kept, dropped = owner.entry, (gathered.entry.source, entry.place)
            self._note_alias(alias, kept, dropped)
        elif fold(alias) not in {fold(gathered.entry.source), *map(fold, gathered.aliases)}:
            gathered.aliases.append(alias)

    def _note(
        self, of: Gathered, language: str, kept: Tuple[str, Place], dropped: Tuple[str, Place]
    ) -> None:
        self.conflicts.append(Conflict(of.entry.source, language, *kept, *dropped))

    def _note_alias(self, alias: str, owner: Entry, dropped: Tuple[str, Place]) -> None:
        self.conflicts.append(Conflict(alias, "", owner.source, owner.place, *dropped))


def fold(text: str) -> str:
    """The text as it is compared: without differences of case, width and composition."""
    return unicodedata.normalize("NFKC", text).casefold()
