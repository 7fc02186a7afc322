"""Words as they are written, in the spelling of the engine's dictionary."""

from __future__ import annotations

import re
import unicodedata
from typing import List, Tuple

# A longer one is no word; taking it apart would cost time for nothing.
_LONGEST_LETTERS = 60
_TAG = re.compile(r"<[^<>]*>")
_APOSTROPHES = str.maketrans({"’": "'", "‘": "'", "ʼ": "'"})  # noqa: RUF001 (that is why)
_SPELT = re.compile(r"[a-z][a-z'.]*(?:-[a-z'.]+)*|'[a-z]+")
_EDGES = re.compile(r"^[^\w']+|[^\w']+$")


def spellings(word: str) -> List[Tuple[str, ...]]:
    """What the dictionary may know a written word as, the likeliest first; each is said as a row.

    Empty for what cannot be in it: numbers, other scripts, remarks such as ``[music]``.
    """
    plain = bare(word)
    if len(plain) > _LONGEST_LETTERS:
        return []
    if word.lstrip("\"'").startswith("[") or not _SPELT.fullmatch(plain):
        return []
    found: List[Tuple[str, ...]] = [(plain,), (plain.strip("'"),), (plain.replace(".", ""),)]
    if "-" in plain:
        found.append(tuple(part for part in plain.split("-") if part))
    return [spelling for spelling in dict.fromkeys(found) if all(spelling)]


def bare(word: str) -> str:
    """The word in lower case, without tags, accents and the punctuation around it."""
    if len(word) > _LONGEST_LETTERS:
        return word
    letters = unicodedata.normalize("NFKD", _TAG.sub("", word).translate(_APOSTROPHES))
    kept = "".join(letter for letter in letters if not unicodedata.combining(letter))
    return _EDGES.sub("", kept.lower())
