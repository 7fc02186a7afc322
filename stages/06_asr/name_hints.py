"""The names of a film, as far as a recogniser's prompt has room for them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, Iterable, Tuple

# Whisper's window holds 448 tokens in all, and what was said before may take 223 of them. About
# thirty names are left room for; the words of a window need the rest.
TOKENS = 80
# What is longer is no name.
_LONGEST_NAME = 60


@dataclass(frozen=True)
class NameHints:
    """Names parted by commas, and how many of those that were given they are."""

    text: str
    used: int
    given: int


def name_hints(names: Iterable[str], count_tokens: Callable[[str], int]) -> NameHints:
    """As many whole names as there is room for, from the most important on."""
    tidy = tuple(dict.fromkeys(" ".join(name.split()) for name in names))
    usable = tuple(name for name in tidy if 0 < len(name) <= _LONGEST_NAME)
    taken: Tuple[str, ...] = ()
    for name in usable:
        if count_tokens(", ".join((*taken, name))) > TOKENS:
            break
        taken = (*taken, name)
    return NameHints(", ".join(taken), len(taken), len(tidy))
