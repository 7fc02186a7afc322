"""A table of many jobs on a recorded terminal, and jobs to fill it with."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from io import StringIO
from typing import Any, Final

from rich.console import Console as RichConsole

from runner.errors import Verdict
from runner.events import Event, JobFinished, JobsPlanned, PlannedJob
from runner.observers.console import Manner
from runner.observers.jobs_console import JobsConsole
from runner.observers.stream import Stream
from tests.unit.observers.recorded import finished, started

STAGES: Final = ("01_demux", "06_asr")
ESCAPE: Final = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def planned(
    name: str,
    size: int = 1000,
    media: float | None = None,
    stages: tuple[str, ...] = STAGES,
    there: tuple[str, ...] = (),
    took: Mapping[str, float] | None = None,
) -> PlannedJob:
    return PlannedJob(
        job=f"/w/out/{name}",
        stages=stages,
        input_bytes=size,
        took=took or {},
        media_seconds=media,
        there=there,
    )


@dataclass
class Table:
    """A table on a recorded terminal, with a clock set by hand."""

    width: int = 100
    height: int = 24
    now: float = 0.0
    out: StringIO = field(default_factory=StringIO)

    def __post_init__(self) -> None:
        manner = Manner(width=lambda: self.width, shorten=lambda text: text.replace("/w/", ""))
        self.console = JobsConsole(
            Stream(self.out), manner, clock=lambda: self.now, automatic=False
        )

    def plan(self, *jobs: PlannedJob) -> None:
        self.console(JobsPlanned(jobs=jobs))

    def tell(self, name: str, *events: Event) -> None:
        for event in events:
            self.console.of_job(f"/w/out/{name}", name)(event)

    def end(self, name: str, verdict: Verdict | None = Verdict.SUCCESS, **more: Any) -> None:
        self.tell(name, JobFinished(job=f"/w/out/{name}", verdict=verdict, exit_code=0, **more))

    def drawn(self, now: float | None = None) -> list[str]:
        """The lines at the bottom of the terminal."""
        self.now = self.now if now is None else now
        console = RichConsole(
            file=StringIO(), width=self.width, height=self.height, record=True, emoji=False
        )
        console.print(self.console.region, end="")
        return console.export_text().splitlines()

    def printed(self) -> str:
        """What was written on the terminal, without what steers it."""
        self.console.close()
        return ESCAPE.sub("", self.out.getvalue())


def run(name: str, stage: str = "01_demux") -> Event:
    return started(stage, run_id=f"{name} {stage}")


def ended(name: str, stage: str = "01_demux", **more: Any) -> Event:
    return finished(stage=stage, run_id=f"{name} {stage}", **more)
