"""The title and the year that the name of a film's file tells."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import List, Optional, Tuple

_YEAR = re.compile(r"(?:18[7-9]|19\d|20[0-3])\d")
_EPISODE = re.compile(r"\bS\d{1,2} ?E\d{1,3}\b|\b\d{1,2}x\d{2,3}\b", re.IGNORECASE)
_IN_SQUARE_BRACKETS = re.compile(r"\[[^\]]*\]|\{[^}]*\}")
_BETWEEN_WORDS = re.compile(r"[._()\s]+")
_ARTICLE_BEHIND = re.compile(r"^(.+), (the|a|an|le|la|les|el|los|las|der|die|das)$", re.IGNORECASE)
# No title has these words, so the title ends before the first of them.
_NEVER_IN_A_TITLE = re.compile(
    r"(?:\d{3,4}[pi]|[48]k|uhd|hdr(?:10)?\+?|sdr|blu-?ray|b[dr]rip|web-?rip|web-?dl|dvd-?rip|dvd[59r]?"
    r"|hd-?tv|hdrip|hdcam|x26[45]|h-?26[45]|hevc|avc|av1|xvid|divx|vp9|10bit|8bit|e?ac3|aac\d?"
    r"|dts(?:-hd)?|ddp?\d?|truehd|atmos|flac|remux|amzn|brrip|vodrip|telesync)(?:-\w+)?",
    re.IGNORECASE,
)
# These may be words of a title, but not right before one of the others.
_SELDOM_IN_A_TITLE = {
    *("cam", "dual", "dubbed", "extended", "hd", "imax", "internal", "limited", "multi", "nf"),
    *("proper", "remastered", "repack", "subbed", "theatrical", "ts", "uncut", "unrated", "web"),
}
# What people and cameras call a file whose film they do not name.
_NO_TITLE = re.compile(
    r"(?:a|clip|copy|demo|dsc|film|gopr|img|input|media|movie|mvi|my|new|of|output|pxl|recording"
    r"|sample|screen|test|the|title|track|trailer|untitled|vid|video|vts)\d*|\d+"
)
_LONGEST_NUMBER_AS_TITLE = 4


@dataclass(frozen=True)
class FilmName:
    """A title to search for, and the year if it is known."""

    title: str
    year: Optional[int] = None


def guess_names(file_name: str) -> Tuple[FilmName, ...]:
    """What the film may be called, the likeliest first; nothing for a name that tells nothing.

    ``The.River.2026.1080p.x264-GROUP`` is The River of 2026. A number that may be a year or belong
    to the title gives both.
    """
    plain = _IN_SQUARE_BRACKETS.sub(" ", file_name)
    words = [word for word in _BETWEEN_WORDS.split(plain) if word.strip("-")]
    if is_episode(" ".join(words)):
        return ()
    words = _without_noise(words)
    guesses = []
    at = _place_of_year(words)
    if at is not None:
        guesses.append(FilmName(_title(words[:at]), int(words[at])))
    if at is None or at == len(words) - 1:
        guesses.append(FilmName(_title(words)))
    return tuple(guess for guess in guesses if _tells(guess.title))


def is_episode(name: str) -> bool:
    """Whether a name says that this is a part of a series."""
    return _EPISODE.search(_BETWEEN_WORDS.sub(" ", name)) is not None


def bare_title(title: str) -> str:
    """The title without what people write differently: case, accents, marks, "&", "The" behind."""
    whole = _ARTICLE_BEHIND.sub(r"\2 \1", title.strip()).replace("&", " and ")
    parts = unicodedata.normalize("NFKD", whole.casefold())
    letters = (
        character if character.isalnum() else "" if unicodedata.combining(character) else " "
        for character in parts.replace("'", "").replace("\u2019", "")
    )
    return " ".join("".join(letters).split())


def _without_noise(words: List[str]) -> List[str]:
    """The words before the first that no title has; all if that would be none."""
    for index, word in enumerate(words):
        if index and _NEVER_IN_A_TITLE.fullmatch(word.strip("-")):
            title = words[:index]
            while len(title) > 1 and title[-1].lower().strip("-") in _SELDOM_IN_A_TITLE:
                title.pop()
            return title
    return words


def _place_of_year(words: List[str]) -> Optional[int]:
    """The last year that has a title before it: 2001: A Space Odyssey came out in 1968."""
    places = [index for index, word in enumerate(words) if index and _YEAR.fullmatch(word)]
    return places[-1] if places else None


def _title(words: List[str]) -> str:
    text = " ".join(words).strip(" -,")
    return _ARTICLE_BEHIND.sub(r"\2 \1", text)


def _tells(title: str) -> bool:
    words = bare_title(title).split()
    if len(words) == 1 and words[0].isdigit():  # 300, 1917 and 2012 are films
        return len(words[0]) <= _LONGEST_NUMBER_AS_TITLE
    return any(_NO_TITLE.fullmatch(word) is None for word in words)
