"""What must never be found after a runner, a container or an engine died."""

from dataclasses import dataclass
from typing import Final

KINDS: Final = {
    "torn": "torn files",
    "twice": "records twice or missing",
    "orphan": "orphans",
    "lost": "lost results",
    "verdict": "wrong verdicts",
    "debris": "temporary files left",
    "lock": "locks lost or left",
    "hung": "calls that hung",
}


@dataclass(frozen=True)
class Violation:
    """One broken promise: its kind and what was found."""

    kind: str
    text: str

    def __str__(self) -> str:
        return f"{KINDS[self.kind]}: {self.text}"
