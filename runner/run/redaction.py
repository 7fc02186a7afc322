"""Keeping a run's secrets out of everything that is written or shown of it."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from runner.manifest import RunRecord
    from runner.run.request import Request

SHORTEST: Final = 6
"""Characters; what is shorter stands in texts by chance."""

LARGEST_BYTES: Final = 1 << 16
HIDDEN: Final = "***"


@dataclass(frozen=True)
class Redaction:
    """The values that are replaced, longest first."""

    values: tuple[str, ...] = field(default=(), repr=False)

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
            item.model_copy(update={"problem": self.text(item.problem)}) for item in record.findings
        ]
        warnings = [self.text(warning) for warning in record.warnings]
        return record.model_copy(update={**texts, "findings": findings, "warnings": warnings})


def redaction_of(request: "Request") -> Redaction:
    """What must not be told of a run: the lines of its secret files, its proxies' passwords."""
    found = {value for path in request.secrets.values() for value in _lines(path)}
    for address in request.site.proxies.values():
        # A proxy without a scheme is an address too.
        with contextlib.suppress(ValueError):
            written = urlsplit(address if "://" in address else f"//{address}").password or ""
            found |= {written, unquote(written)}
    long = (value for value in found if len(value) >= SHORTEST)
    return Redaction(tuple(sorted(long, key=len, reverse=True)))


def _lines(path: Path) -> Iterator[str]:
    # What the runner may not read, its caller's container may not read either.
    with contextlib.suppress(OSError), path.open("rb") as file:
        for line in file.read(LARGEST_BYTES).decode("utf-8", "replace").splitlines():
            yield line.strip()
