"""The figures in docs/reliability.md: every number in them comes from a soak, none is typed."""

import hashlib
import re
from collections.abc import Sequence
from typing import Final

from benchmarks.machine import machine_line
from runner.host.engine import DockerEngine
from tests.project_kit import ROOT
from tests.soak.figures import Figures
from tests.soak.violation import KINDS

PAGE: Final = ROOT / "docs" / "reliability.md"
BEGIN, END = "<!-- written by make soak -->\n", "<!-- as far as here -->\n"
COLUMNS: Final = (
    "seed", "kills of the runner", "named steps", "stops", "kills of the container", "re-adoptions",
    *KINDS.values(), "jobs", "seconds",
)  # fmt: skip
LARGEST: Final = ("named steps",)
DIGITS: Final = 12


def add_to_page(figures: Figures) -> None:
    """Put the figures into the page, beside those of earlier soaks of the same runner."""
    text = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(
        with_figures(text, figures, runner_sources(), machine_line(DockerEngine().facts())),
        encoding="utf-8",
    )


def with_figures(text: str, figures: Figures, sources: str, machine: str) -> str:
    """The page with one more row; rows about another runner go."""
    before, _, rest = text.partition(BEGIN)
    old, _, after = rest.partition(END)
    rows = _rows(old) if f"runner {sources}" in old else []
    rows.append(_row(figures))
    lines = (
        _newest(figures.crowd, r"^\d+ runs at once .*$", old),
        _newest(figures.engine_kills, r"^\d+ kills of an engine .*$", old),
    )
    table = [
        table_line(COLUMNS),
        table_line(["---"] * len(COLUMNS)),
        *(table_line(row) for row in rows),
    ]
    table.append(table_line(_total(rows)))
    head = f"Written by `make soak`: runner {sources}, {machine}."
    return (
        f"{before}{BEGIN}{head}\n\n"
        + "\n".join(table)
        + "\n\n"
        + "\n\n".join(lines)
        + f"\n{END}{after}"
    )


def _newest(line: str, pattern: str, old: str) -> str:
    return line or next(iter(re.findall(pattern, old, re.MULTILINE)), "")


def _row(figures: Figures) -> list[str]:
    counts = (
        figures.seed, figures.kills, len(figures.steps), figures.stops, figures.container_kills,
        figures.readoptions, *(figures.found(kind) for kind in KINDS), figures.cycles,
        round(figures.seconds),
    )  # fmt: skip
    return [str(count) for count in counts]


def _rows(old: str) -> list[list[str]]:
    lines = [line for line in old.splitlines() if re.match(r"\| \d", line)]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def _total(rows: Sequence[Sequence[str]]) -> list[str]:
    columns = [[int(row[place]) for row in rows] for place in range(len(COLUMNS))]
    sums = [
        max(column) if name in LARGEST else sum(column)
        for name, column in zip(COLUMNS, columns, strict=True)
    ]
    return ["all", *map(str, sums[1:])]


def table_line(cells: Sequence[str]) -> str:
    """A row of a table in Markdown."""
    return f"| {' | '.join(cells)} |"


def runner_sources() -> str:
    """A digest of the runner's sources, so that figures are not taken for those of another one."""
    digest = hashlib.sha256()
    for path in sorted((ROOT / "runner").rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:DIGITS]
