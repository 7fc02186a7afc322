"""Many jobs on a terminal: a line for each that is over, and below them a table of what goes on."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import PurePath
from typing import TYPE_CHECKING, Final

from runner.events import (
    Copying,
    Event,
    JobRefused,
    JobsFinished,
    JobsPlanned,
    JobTaken,
    Notice,
    Observer,
    StageWaiting,
    Watching,
)
from runner.observers.console import Manner, rich_console
from runner.observers.jobs_lines import (
    failed_line,
    job_line,
    running_line,
    standing_line,
    summary_lines,
    waiting_line,
)
from runner.observers.jobs_tally import JobsTally, JobView
from runner.observers.lines import LONGEST_NAME, Layout, notice_lines, refused_line, watching_line
from runner.observers.live import Activity, follow
from runner.observers.plain import cells, plain
from runner.observers.region import Region
from runner.observers.stream import Stream
from runner.observers.style import Pieces, painted

if TYPE_CHECKING:
    from rich.console import Console as RichConsole

FRAMES_PER_SECOND: Final = 4
MOST_WAITING_LINES: Final = 4
LINES_AROUND: Final = 4
"""Lines of the terminal that are not for what runs or waits: the sums, and some air."""


class JobsConsole:
    """Shows many jobs on a terminal; may be called by threads."""

    def __init__(
        self,
        out: Stream,
        manner: Manner,
        *,
        clock: Callable[[], float] = time.monotonic,
        automatic: bool = True,
    ) -> None:
        self._out = out
        self._manner = manner
        self._clock = clock
        self._names = 0
        self._copies: dict[str, Activity] = {}
        self._guard = threading.RLock()
        self.tally = JobsTally()
        self.region = Region(
            self._draw,
            self._rich_console,
            automatic=automatic,
            frames_per_second=FRAMES_PER_SECOND,
        )

    def __call__(self, event: Event) -> None:
        """Show an event that is about no job alone."""
        with self._guard:
            match event:
                case Copying():
                    film = replace(event, path=PurePath(event.path).name)
                    follow(self._copies, film, self._clock())
                case JobsPlanned(jobs=jobs):
                    self._copies.clear()
                    names = Counter(PurePath(planned.job).name for planned in jobs)
                    for planned in jobs:
                        name = PurePath(planned.job).name
                        label = name if names[name] == 1 else self._manner.shorten(planned.job)
                        self._names = min(LONGEST_NAME, max(self._names, cells(plain(label))))
                        self.tally.plan(planned, label)
                    self.region.open()
                case Watching():
                    self._print(watching_line(event, self._layout()))
                    self.region.open()
                case JobRefused():
                    self._copies.clear()
                    self.tally.refuse(event)
                    self._print(refused_line(event, self._layout()))
                case JobTaken(job=job):
                    self.tally.forget(job)
                case Notice():
                    self._print(*notice_lines(event, self._layout()))
                case JobsFinished():
                    self.region.close()
                    self._print(*summary_lines(event, self._layout()))
                case _:
                    pass

    def of_job(self, job: str, label: str) -> Observer:
        """The same for events of one job."""
        del label

        def tell(event: Event) -> None:
            with self._guard:
                self._of_job(job, event)

        return tell

    def close(self) -> None:
        """Leave the terminal as it was."""
        with self._guard:
            self.region.close()

    def _of_job(self, job: str, event: Event) -> None:
        view = self.tally.views.get(job)
        if isinstance(event, Notice) and view is not None:
            about = f"{view.name}/{event.stage}" if event.stage else view.name
            self(replace(event, stage=about))
        elif (ended := self.tally.follow(job, event, self._clock())) is not None:
            line = job_line(ended, event, self._clock(), self._layout())
            self._print(*line)

    def _print(self, *lines: Pieces) -> None:
        for pieces in lines:
            if not self.region.print(pieces):
                self._out.write(painted(pieces, on=self._manner.colour).rstrip() + "\n")

    def _layout(self) -> Layout:
        return self._manner.layout(self._out, self._names)

    def _rich_console(self) -> "RichConsole":
        return rich_console(self._out, colour=self._manner.colour)

    def _draw(self, width: int, height: int) -> Iterator[Pieces]:
        """What is going on: as many lines as the terminal has room for."""
        now, layout = self._clock(), replace(self._layout(), width=width)
        room = max(1, height - LINES_AROUND)
        running = list(self.tally.running())
        waiting = list(self._waiting())[: min(MOST_WAITING_LINES, room // 2)]
        shown = running[: max(1, room - len(waiting))]
        stages = max((cells(plain(activity.name)) for _, activity in shown), default=0)
        for view, activity in shown:
            left = self.tally.job_left(view, now)
            yield running_line(view, activity, left, now, stages, layout)
        if len(running) > len(shown):
            more = f"   {layout.marks.ellipsis} and {len(running) - len(shown)} more run"
            yield ((more, "dim"),)
        for copy in tuple(self._copies.values()):
            yield copy.pieces(now, layout)
        for event, views in waiting:
            yield waiting_line(event, views, layout)
        yield standing_line(self.tally, now, layout)
        if self.tally.failed:
            yield failed_line(self.tally.failed, layout)

    def _waiting(self) -> Iterator[tuple[StageWaiting, list[JobView]]]:
        """What is waited for, with the jobs that wait for it, those that most wait for first."""
        groups: dict[tuple[str, str], tuple[StageWaiting, list[JobView]]] = {}
        for view, event in self.tally.waiting():
            group = groups.setdefault((event.waits_for, event.stage), (event, []))
            group[1].append(view)
        yield from sorted(groups.values(), key=lambda group: -len(group[1]))
