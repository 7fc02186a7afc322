"""Events for people: lines that stay, and on a terminal what is going on right now below them."""

import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from runner.errors import Verdict
from runner.events import (
    AttemptFailed,
    BuildFinished,
    BuildProgress,
    BuildStarted,
    Copying,
    Event,
    JobFinished,
    JobRefused,
    JobsFinished,
    JobsPlanned,
    JobStarted,
    LogLine,
    Notice,
    Observer,
    StageFinished,
    StageWaiting,
    Watching,
)
from runner.observers.lines import (
    Layout,
    attempt_lines,
    built_line,
    job_lines,
    log_lines,
    notice_lines,
    refused_line,
    result_lines,
    waiting_line,
    watching_line,
)
from runner.observers.live import LiveDisplay
from runner.observers.plain import cells, plain
from runner.observers.stream import Stream
from runner.observers.style import ASCII, UNICODE, Pieces, painted
from runner.observers.together import labelled
from runner.project.quantity import size_text

if TYPE_CHECKING:
    from rich.console import Console as RichConsole


MOST_TOLD: Final = 100
"""Warnings of a run that are shown as they come; a stage may log any number."""


@dataclass(frozen=True, kw_only=True)
class Manner:
    """How the user wants to be told, and what the terminal can do."""

    live: bool = False
    colour: bool = False
    quiet: bool = False
    verbose: bool = False
    width: Callable[[], int | None] = lambda: None
    shorten: Callable[[str], str] = str

    def layout(self, out: Stream, names: int) -> Layout:
        """How lines are laid out on a stream, with names of so many columns."""
        return Layout(
            marks=UNICODE if out.is_unicode else ASCII,
            width=self.width(),
            names=names,
            shorten=self.shorten,
        )


def terminal_width() -> int:
    """The columns of the terminal, as they are now."""
    import shutil

    return shutil.get_terminal_size().columns


class Console:
    """Shows events on a terminal or writes the same lines into a pipe; may be called by threads."""

    def __init__(self, out: Stream, errors: Stream, manner: Manner) -> None:
        self._out = out
        self._errors = errors
        self._manner = manner
        self._names = 0
        self._is_of_many = False
        self._told: defaultdict[str, set[int]] = defaultdict(set)
        self._heard: Counter[str] = Counter()
        self._guard = threading.RLock()
        self._display = LiveDisplay(layout=self._layout, new_console=self._rich_console)

    def __call__(self, event: Event) -> None:
        """Show one event."""
        with self._guard:
            self._is_of_many |= isinstance(event, JobsPlanned)
            if isinstance(event, JobStarted):
                self._names = max((self._names, *(cells(plain(name)) for name in event.stages)))
            lines = list(self._quiet_lines(event) if self._manner.quiet else self._lines(event))
            if self._manner.live and not self._manner.quiet:
                self._show(event, lines)
            else:
                stream = self._errors if self._manner.quiet and _is_bad(event) else self._out
                self._write(stream, lines)

    def of_job(self, job: str, label: str) -> Observer:
        """The same for events of one job, whose stages bear the label if there is one."""
        del job
        return labelled(self, label) if label else self

    def close(self) -> None:
        """Leave the terminal as it was."""
        with self._guard:
            self._display.close()

    def _show(self, event: Event, lines: Iterable[Pieces]) -> None:
        rest = [pieces for pieces in lines if not self._display.print(pieces)]
        self._display.follow(event)
        self._write(self._out, rest)

    def _write(self, stream: Stream, lines: Iterable[Pieces]) -> None:
        text = "".join(painted(pieces, on=self._manner.colour).rstrip() + "\n" for pieces in lines)
        if text:
            stream.write(text)

    def _layout(self) -> Layout:
        return self._manner.layout(self._out, self._names)

    def _rich_console(self) -> "RichConsole":
        return rich_console(self._out, colour=self._manner.colour)

    def _quiet_lines(self, event: Event) -> Iterator[Pieces]:
        """Only what went wrong, and the bare path of the result for a script."""
        layout = replace(self._layout(), width=None)
        if isinstance(event, StageFinished) and not event.good:
            yield from result_lines(event, layout)
        elif isinstance(event, JobRefused):
            yield refused_line(event, layout)
        elif isinstance(event, JobFinished):
            for path in event.result:
                yield ((layout.text(path), ""),)

    def _lines(self, event: Event) -> Iterator[Pieces]:
        layout = self._layout()
        match event:
            # Who stops hundreds of jobs need not be told of each that it is stopped.
            case StageFinished(verdict=Verdict.CANCELLED, run_id=None) if self._is_of_many:
                pass
            case JobFinished(verdict=Verdict.CANCELLED) if self._is_of_many:
                pass
            case JobStarted(headline=headline):
                yield layout.fit(((layout.text(headline), "strong"),))
            case StageFinished(run_id=run_id):
                yield from result_lines(event, layout, self._forget(run_id or ""))
            case AttemptFailed(run_id=run_id):
                self._forget(run_id or "")
                yield from attempt_lines(event, layout)
            case StageWaiting():
                yield waiting_line(event, layout)
            case Notice():
                yield from notice_lines(event, layout)
            case LogLine():
                yield from self._log_lines(event, layout)
            case JobFinished():
                yield from job_lines(event, layout)
            case _:
                yield from self._further_lines(event, layout)

    def _forget(self, run_id: str) -> frozenset[int]:
        """What was told of a run that is over; nothing of it is remembered any longer."""
        self._heard.pop(run_id, None)
        return frozenset(self._told.pop(run_id, ()))

    def _log_lines(self, event: LogLine, layout: Layout) -> Iterator[Pieces]:
        is_shown = self._manner.verbose
        if event.level != "INFO":
            self._heard[event.run_id] += 1
            if self._heard[event.run_id] <= MOST_TOLD:
                self._told[event.run_id].add(hash(event.message))
                is_shown = True
            elif self._heard[event.run_id] == MOST_TOLD + 1 and not is_shown:
                more = replace(event, message="more warnings follow, which stage.log has")
                yield from log_lines(more, layout)
        if is_shown:
            yield from log_lines(event, layout)

    def _further_lines(self, event: Event, layout: Layout) -> Iterator[Pieces]:
        match event:
            case JobRefused():
                yield refused_line(event, layout)
            case Watching():
                yield watching_line(event, layout)
            case JobsFinished():
                from runner.observers.jobs_lines import summary_lines

                yield from summary_lines(event, layout)
            case BuildFinished():
                yield built_line(event, layout)
            case BuildStarted(image=image, reason=reason) if not self._manner.live:
                text = f"   {plain(image)}   building: {plain(reason)}"
                yield layout.fit(((text, "dim"),))
            case Copying(path=path, done=0, total=total) if not self._manner.live:
                text = f"   {layout.text(path)}   copying {size_text(total)}"
                yield layout.fit(((text, "dim"),))
            case BuildProgress(line=str(line)) if self._manner.verbose:
                yield layout.fit(((f"   {layout.text(line)}", "dim"),))
            case _:
                pass


def rich_console(out: Stream, *, colour: bool) -> "RichConsole":
    """What draws on a terminal."""
    from rich.console import Console as RichConsole

    return RichConsole(
        file=out.as_file(),
        force_terminal=True,
        no_color=not colour,
        highlight=False,
        markup=False,
        emoji=False,
    )


def _is_bad(event: Event) -> bool:
    return isinstance(event, JobRefused) or (isinstance(event, StageFinished) and not event.good)
