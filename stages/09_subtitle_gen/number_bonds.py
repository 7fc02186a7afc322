"""Which words a line must never part: a number and its unit, a title and its name."""

from __future__ import annotations

import re

from bonding_words import NUMBER_WORDS, TITLES, UNITS

_NUMBER = re.compile(r"[(\[¿¡\"'“«„]*[-+−±~≈]?\d[\d.,:/'’–-]*")  # noqa: RUF001 (signs of all kinds)
_THREE_DIGITS = re.compile(r"\d{3}\b.*")
_INITIAL = re.compile(r"[(\"'“«„]*[^\W\d_]\.")
_ENDS_SENTENCES = "I."  # "So do I." is no initial
_ENDING = ".,;:!?…)]\"'”»“’"  # noqa: RUF001 (quotation marks of all kinds)
_SIGNS = frozenset(
    ["$", "€", "£", "¥", "₹", "₽", "₩", "₺", "US$", "USD", "EUR", "GBP", "CHF", "§", "№"]
)
_DEGREES = "°"
_UNITS = frozenset(UNITS.split())
_NUMBER_WORDS = frozenset(NUMBER_WORDS.split())
_TITLES = frozenset(TITLES.split())
_COUNTERS = frozenset(
    [
        "no.",
        "nos.",
        "nr.",
        "nr",
        "n°",
        "nº",
        "n.º",
        "p.",
        "pp.",
        "vol.",
        "ch.",
        "fig.",
        "art.",
        "núm.",
        "num.",
    ]
)


def are_bound(before: str, after: str) -> bool:
    """Whether the two words, one after the other, must stay on one line."""
    lowered = before.lower().lstrip("([\"'“«„¿¡")
    if after[:1].isdigit() and (before in _SIGNS or lowered in _COUNTERS):
        return True
    if before == _DEGREES and _is_unit(after):
        return True
    if _NUMBER.fullmatch(before) and (_is_unit(after) or _THREE_DIGITS.fullmatch(after)):
        return before[-1] not in ",:"
    if lowered in _NUMBER_WORDS:
        return _is_unit(after)
    return after[:1].isupper() and (lowered in _TITLES or _is_initial(before))


def _is_initial(word: str) -> bool:
    return _INITIAL.fullmatch(word) is not None and word[-2:].isupper() and word != _ENDS_SENTENCES


def _is_unit(word: str) -> bool:
    lowered = word.lower()
    return lowered in _UNITS or lowered.rstrip(_ENDING) in _UNITS
