"""Runs in full the suites whose figures docs/reliability.md shows, and writes them there."""

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from xml.etree import ElementTree as ET

from runner.host.engine import DockerEngine
from tests.project_kit import ROOT
from tests.soak.page import END, PAGE, runner_sources, table_line

BEGIN: Final = "<!-- written by make trials -->\n"
COLUMNS: Final = ("engine", "suite", "tried", "wrong", "seconds", "the runner's peak")
SUITES: Final = {
    "verdicts": "tests/faults/test_verdict_matrix.py",
    "hostile": "tests/faults/hostile",
    "manifests": "tests/unit/run/test_malformed_manifests.py",
}
NUMBERS: Final = {
    "STAGERUN_EXAMPLES": "100000",
    "STAGERUN_FLOOD_MEGABYTES": "1000",
    "STAGERUN_NAMES": "1000000",
}
MADE, PEAK = "malformed manifests", "runner's peak"


@dataclass(frozen=True, kw_only=True)
class Tried:
    """What came of a suite; the peak is of the runner's memory, in MB."""

    count: int
    wrong: int
    seconds: float
    peak: int | None


def read_report(text: str) -> Tried:
    """The figures of a suite, from pytest's report in JUnit's format.

    A test that tries many things says how many.
    """
    cases = list(ET.fromstring(text).iter("testcase"))
    measured = [
        (item.get("name"), str(item.get("value")))
        for case in cases
        for item in case.iter("property")
    ]
    made = [int(value.split()[0].rstrip(",")) for name, value in measured if name == MADE]
    peaks = [int(value.split()[0]) for name, value in measured if name == PEAK]
    return Tried(
        count=sum(made) or sum(case.find("skipped") is None for case in cases),
        wrong=sum(case.find(kind) is not None for case in cases for kind in ("failure", "error")),
        seconds=sum(float(case.get("time", 0)) for case in cases),
        peak=max(peaks, default=None),
    )


def with_figures(text: str, engine: str, tried: dict[str, Tried], head: str) -> str:
    """The page with these rows anew; those about another runner go."""
    before, _, rest = text.partition(BEGIN)
    old, _, after = rest.partition(END)
    known = [row for row in old.splitlines()[4:] if row] if head in old else []
    anew = tuple(f"| {engine} | {suite} |" for suite in tried)
    rows = [row for row in known if not row.startswith(anew)]
    rows += [_row(engine, suite, result) for suite, result in tried.items()]
    table = [table_line(COLUMNS), table_line(["---"] * len(COLUMNS)), *rows]
    return f"{before}{BEGIN}{head}\n\n" + "\n".join(table) + f"\n{END}{after}"


def _row(engine: str, suite: str, tried: Tried) -> str:
    peak = "" if tried.peak is None else f"{tried.peak} MB"
    return table_line(
        (engine, suite, str(tried.count), str(tried.wrong), f"{tried.seconds:.0f}", peak)
    )


def _run(path: str, engine: str) -> Tried:
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        # The other format has no place for what a test measured.
        words = ["-q", "-n", "2", "-o", "junit_family=xunit1", f"--engine={engine}"]
        subprocess.run(
            [sys.executable, "-m", "pytest", *words, f"--junit-xml={report}", path],
            cwd=ROOT,
            env={**os.environ, **NUMBERS},
            check=False,
        )
        return read_report(report.read_text(encoding="utf-8"))


def _name(engine: str) -> str:
    if engine == "docker":
        facts = DockerEngine().facts()
        return f"{facts.name} {facts.version}"
    told = subprocess.run(["podman", "--version"], capture_output=True, text=True, check=True)
    return f"Podman {told.stdout.split()[-1]}"


def main(words: Sequence[str] | None = None) -> int:
    """Run the suites that are named, or all, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    # Its own choices would not let an empty list pass.
    parser.add_argument("suites", nargs="*", metavar="SUITE", help=", ".join(SUITES))
    parser.add_argument("--engine", choices=["docker", "podman"], default="docker")
    asked = parser.parse_args(words)
    if unknown := set(asked.suites) - set(SUITES):
        parser.error(f"there is no suite {', '.join(sorted(unknown))}")
    tried = {suite: _run(SUITES[suite], asked.engine) for suite in asked.suites or SUITES}
    head = f"Written by `make trials`: runner {runner_sources()}."
    text = with_figures(PAGE.read_text(encoding="utf-8"), _name(asked.engine), tried, head)
    PAGE.write_text(text, encoding="utf-8")
    print(*(f"{suite}: {result}" for suite, result in tried.items()), sep="\n")
    return int(any(result.wrong or not result.count for result in tried.values()))


if __name__ == "__main__":
    sys.exit(main())
