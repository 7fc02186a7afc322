"""Which subtitle track comes first, which shows by itself, and what each is called."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import List, Optional, Sequence, Tuple

from language_names import language_name
from srt_file import Cue
from streams import Stream

from shared.languages import same_language

NO_DEFAULT = "none"


@dataclass(frozen=True)
class Wishes:
    """What the settings say: languages in order, the default one, the forced and SDH ones."""

    order: Tuple[str, ...] = ()
    default: str = ""
    forced: Tuple[str, ...] = ()
    sdh: Tuple[str, ...] = ()


@dataclass(frozen=True)
class Subtitle:
    """A subtitle file; `language` is as its name says."""

    path: Path
    language: str
    cues: Tuple[Cue, ...]
    is_default: bool = False
    is_forced: bool = False
    is_sdh: bool = False

    @property
    def title(self) -> str:
        """What players list the track as, such as "Spanish (SDH)"."""
        marks = [
            mark for mark, is_set in (("forced", self.is_forced), ("SDH", self.is_sdh)) if is_set
        ]
        return language_name(self.language) + (f" ({', '.join(marks)})" if marks else "")


@dataclass(frozen=True)
class Arranged:
    """The new tracks in order, the film's own track that is the default, and unfulfilled wishes."""

    added: Tuple[Subtitle, ...]
    default_of_film: Optional[Stream]
    keeps_defaults: bool
    warnings: Tuple[str, ...]


def language_in_name(subtitle: Path) -> str:
    """The language in a name such as `film.es.srt`."""
    return subtitle.stem.rpartition(".")[2]


def arrange(subtitles: Sequence[Subtitle], own: Sequence[Stream], wishes: Wishes) -> Arranged:
    """The subtitles that have cues, in the wished order; `own` are those that the film has.

    Without a wish the first new track is the default. No wish stops the film from being written.
    """
    ordered = _ordered([subtitle for subtitle in subtitles if subtitle.cues], wishes.order)
    default, default_of_film, warnings = _default(ordered, own, wishes.default)
    added = tuple(
        replace(
            subtitle,
            is_default=subtitle is default,
            is_forced=_names(wishes.forced, subtitle),
            is_sdh=_names(wishes.sdh, subtitle),
        )
        for subtitle in ordered
    )
    for key, languages in (("SUBTITLE_FORCED", wishes.forced), ("SUBTITLE_SDH", wishes.sdh)):
        warnings += [
            f"{key} names {language}, and the film gets no new track in it."
            for language in languages
            if not any(_is(language, subtitle.language) for subtitle in ordered)
        ]
    keeps_defaults = not added and not wishes.default
    return Arranged(added, default_of_film, keeps_defaults, tuple(warnings))


def _default(
    added: Sequence[Subtitle], own: Sequence[Stream], wish: str
) -> Tuple[Optional[Subtitle], Optional[Stream], List[str]]:
    first = added[0] if added else None
    if not wish:
        return first, None, []
    if wish.lower() == NO_DEFAULT:
        return None, None, []
    for subtitle in sorted(added, key=lambda subtitle: subtitle.language != wish):
        if _is(wish, subtitle.language):
            return subtitle, None, []
    for stream in own:
        if same_language(wish, stream.language):
            return None, stream, []
    instead = f"{first.path.name} is the default" if first else "no new track is"
    return first, None, [f"SUBTITLE_DEFAULT is {wish}, and the film has no such track; {instead}."]


def _ordered(subtitles: List[Subtitle], order: Sequence[str]) -> List[Subtitle]:
    """Each wished language takes the tracks that are left; what nobody named comes last."""
    left, ordered = list(subtitles), []
    for language in order:
        exact = [subtitle for subtitle in left if subtitle.language.lower() == language.lower()]
        found = exact or [subtitle for subtitle in left if _is(language, subtitle.language)]
        ordered += found
        left = [subtitle for subtitle in left if subtitle not in found]
    return ordered + left


def _names(languages: Sequence[str], subtitle: Subtitle) -> bool:
    return any(_is(language, subtitle.language) for language in languages)


def _is(wish: str, language: str) -> bool:
    return wish.lower() == language.lower() or same_language(wish, language)
