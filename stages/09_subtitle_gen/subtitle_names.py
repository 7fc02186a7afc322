"""Names for subtitle files that every file system takes."""

from __future__ import annotations

import re
import unicodedata

_LONGEST_NAME_BYTES = 200  # file systems allow 255, and the language and ending come on top


def file_title(title: str) -> str:
    """The title as the beginning of a file name, "film" where nothing is left of it."""
    characters = (" " if _is_troublesome(letter) else letter for letter in title)
    name = " ".join("".join(characters).split()).lstrip(".- ")
    shortened = name.encode("utf-8")[:_LONGEST_NAME_BYTES].decode("utf-8", "ignore")
    return shortened.strip() or "film"


def file_language(language: str) -> str:
    """The language tag as a part of a file name, "und" (undetermined) where it is none."""
    tag = language.strip().replace("_", "-")
    return tag if re.fullmatch(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*", tag) else "und"


def _is_troublesome(letter: str) -> bool:
    return letter in "/\\" or unicodedata.category(letter) in ("Cc", "Cs", "Zl", "Zp")
