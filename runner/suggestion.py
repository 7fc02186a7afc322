"""What somebody meant who wrote a name that nothing has."""

from collections.abc import Iterable


def closest(word: str, known: Iterable[str], *, likeness: float = 0.6) -> str | None:
    """The known name that is most like a word; None where none is. ``likeness`` is in 0 to 1."""
    import difflib  # only a mistake needs it

    found = difflib.get_close_matches(word, list(known), n=1, cutoff=likeness)
    return found[0] if found else None
