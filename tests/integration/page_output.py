"""What commands print, held against what a page shows of it."""

import re
from collections.abc import Iterator
from typing import Final

CHANGING: Final = (
    (r"\d+\.\d s", "TIME"),
    (r"\d+ MB", "SIZE"),
    (r"\d{8}-\d{4}-[0-9a-f]{4}", "RUN"),
    (r" +", " "),
)


def calls(block: str) -> Iterator[tuple[str, str]]:
    """Each command of a block of the console, with what the page shows below it."""
    for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        command, _, shown = part.partition("\n")
        yield command, shown


def same(text: str) -> str:
    """A text without what differs from run to run: times, sizes, the names of runs."""
    for pattern, word in CHANGING:
        text = re.sub(pattern, word, text)
    return text
