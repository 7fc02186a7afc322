"""Keeping a run's secrets out of everything that is written or shown of it."""

import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from runner.manifest import RunRecord

SHORTEST: Final = 6
"""Characters; what is shorter stands in texts by chance."""

LARGEST_BYTES: Final = 1 << 16
HIDDEN: Final = "***"


@dataclass(frozen=True)
class Redaction:
    """The values that are replaced, longest first."""

    values: tuple[str, ...] = field(default=(), repr=False)

    @property
    def longest(self) -> int:
        """Characters of the longest value; bytes of a text are up to four times as many."""
        return len(self.values[0]) if self.values else 0

    def text(self, text: str) -> str:
        """The text without secrets."""
        for value in self.values:
            text = text.replace(value, HIDDEN)
        return text

    def data(self, data: bytes) -> bytes:
        """The same for what is not decoded yet."""
        for value in self.values:
            data = data.replace(value.encode(), HIDDEN.encode())
        return data

    def record(self, record: "RunRecord") -> "RunRecord":
        """The record, with what the stage itself had to say cleared of secrets."""
        if not self.values:
            return record
        texts = {name: self.text(getattr(record, name)) for name in ("reason", "summary")}
        findings = [
            item.model_copy(
                update={"path": self.text(item.path), "problem": self.text(item.problem)}
            )
            for item in record.findings
        ]
        warnings = [self.text(warning) for warning in record.warnings]
        problem = record.evidence.manifest_problem
        evidence = record.evidence.model_copy(
            update={"manifest_problem": None if problem is None else self.text(problem)}
        )
        told = {"findings": findings, "warnings": warnings, "evidence": evidence}
        return record.model_copy(update={**texts, **told})


def redaction_of(secrets: Iterable[bytes], proxies: Iterable[str]) -> Redaction:
    """What must not be told of a run: the lines of its secrets, its proxies' passwords."""
    found = {value for data in secrets for value in _lines(data)}
    for address in proxies:
        # A proxy without a scheme is an address too.
        with contextlib.suppress(ValueError):
            written = urlsplit(address if "://" in address else f"//{address}").password or ""
            found |= {written, unquote(written)}
    long = (value for value in found if len(value) >= SHORTEST)
    return Redaction(tuple(sorted(long, key=len, reverse=True)))


def _lines(data: bytes) -> Iterator[str]:
    for line in data[:LARGEST_BYTES].decode("utf-8", "replace").splitlines():
        yield line.strip()
