"""What has to hold of a job's logs: whole lines, every record once, as in the stage's own log."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from tests.soak.truth import Truth, key_of
from tests.soak.violation import Violation
from tests.soak.workplace import STAGE

ENTRY: Final = re.compile(r"\[[^]]+\] \[[^]]+\] \[(?P<level>[A-Z]+)\] (?P<text>.*)")
SAID: Final = re.compile(r"(?P<run>\d{8}-\d{4}-[0-9a-f]{4}) says \d+")


def check_logs(job: Path, runs: Sequence[str], truth: Truth) -> Iterator[Violation]:
    """Hold the pipeline logs against what the stage wrote itself."""
    logs = sorted((job / "logs").glob("*.log"))
    for log in logs:
        yield from _check_lines(log)
    told = [line for log in logs for line in _texts(log)]
    for text, count in Counter(line for line in told if SAID.fullmatch(line)).items():
        if count > 1:
            yield Violation("twice", f"{job.name}: {count} times in the pipeline logs: {text}")
    for run in runs:
        if (own := _own_log(job, run)) is not None:
            yield from _compare(job, run, own, told, is_killed=key_of(job, run) in truth.killed)


def _check_lines(log: Path) -> Iterator[Violation]:
    data = log.read_bytes()
    if data and not data.endswith(b"\n"):
        yield Violation("torn", f"{log} ends in mid-line: {data[-60:]!r}")
    for line in data.decode("utf-8", "replace").splitlines():
        if not line.startswith("    ") and not ENTRY.fullmatch(line):
            yield Violation("torn", f"{log} has half a line: {line!r}")


def _compare(
    job: Path, run: str, own: Path, told: Sequence[str], *, is_killed: bool
) -> Iterator[Violation]:
    wanted = _of_run(run, _texts(own))
    found = _of_run(run, told)
    # A stage writes to its own log first, and may be killed between the two.
    last_is_missing = is_killed and found == wanted[:-1]
    if found != wanted and not last_is_missing:
        text = f"the pipeline log has {len(found)} records, stage.log {len(wanted)}"
        yield Violation("twice", f"{job.name} run {run}: {text}: {found[-2:]} {wanted[-2:]}")


def _of_run(run: str, texts: Sequence[str]) -> list[str]:
    return [text for text in texts if (said := SAID.fullmatch(text)) and said["run"] == run]


def _own_log(job: Path, run: str) -> Path | None:
    """Where the log of a run lies: with its record, or in one of the places of a result."""
    previous = job / ".stagerun/previous"
    places = (
        job / ".stagerun/runs" / run, job / STAGE, previous / STAGE, previous / f"{STAGE}.failed",
    )  # fmt: skip
    logs = (place / "stage.log" for place in places)
    return next((log for log in logs if log.is_file() and _of_run(run, _texts(log))), None)


def _texts(log: Path) -> list[str]:
    """The texts of a log's records from INFO on."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    entries = [entry for line in lines if (entry := ENTRY.fullmatch(line))]
    return [entry["text"] for entry in entries if entry["level"] != "DEBUG"]
