"""Prometheus' text format: metrics as lines, and the file that a node exporter reads them from."""

import contextlib
import errno
import math
import os
import re
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from runner.errors import DiskFullError, StagerunError, UsageError
from runner.job.own_file import NO_SPACE

MODE: Final = 0o644
"""The exporter is another user."""

_ESCAPED: Final = str.maketrans({"\\": r"\\", "\n": r"\n", '"': r"\""})
_ESCAPED_HELP: Final = str.maketrans({"\\": r"\\", "\n": r"\n"})
# What a label's value may not hold: the format is UTF-8, and a file's name need not be.
_NO_TEXT: Final = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Sample:
    """One figure of a metric with its labels."""

    value: float
    labels: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric: its name ends with its base unit, and that of a counter with ``_total``."""

    name: str
    kind: Literal["counter", "gauge"]
    help: str
    samples: Sequence[Sample]

    def lines(self) -> list[str]:
        """Its lines; none where it has no sample."""
        if not self.samples:
            return []
        head = [
            f"# HELP {self.name} {self.help.translate(_ESCAPED_HELP)}",
            f"# TYPE {self.name} {self.kind}",
        ]
        return head + [_line(self.name, sample) for sample in self.samples]


def exposition(metrics: Iterable[Metric]) -> str:
    """All metrics as one text."""
    return "".join(f"{line}\n" for metric in metrics for line in metric.lines())


def write_textfile(path: Path, text: str) -> None:
    """Put the file in place whole, readable for every user.

    Raises DiskFullError, and UsageError where the folder cannot be written to.
    """
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with fresh.open("x", encoding="utf-8") as file:
            file.write(text)
            os.fchmod(file.fileno(), MODE)
        fresh.replace(path)
    except OSError as problem:
        with contextlib.suppress(OSError):
            fresh.unlink()
        raise _refusal(path, problem) from None


def _line(name: str, sample: Sample) -> str:
    pairs = (f'{key}="{_label(value)}"' for key, value in sample.labels.items())
    labels = f"{{{','.join(pairs)}}}" if sample.labels else ""
    return f"{name}{labels} {_number(sample.value)}"


def _label(value: str) -> str:
    return _NO_TEXT.sub("\ufffd", value).translate(_ESCAPED)


def _number(value: float) -> str:
    if math.isfinite(value) and value == int(value):
        return str(int(value))
    return {math.inf: "+Inf", -math.inf: "-Inf"}.get(value, repr(value).replace("nan", "NaN"))


def _refusal(path: Path, problem: OSError) -> StagerunError:
    what = f"{path} cannot be written: {problem.strerror}."
    if problem.errno in NO_SPACE:
        return DiskFullError(f"{what} Free space there.")
    if problem.errno == errno.ENOENT:
        return UsageError(f"{what} Make the folder first, and tell the node exporter of it.")
    return UsageError(f"{what} Check its owner and its file system.")
