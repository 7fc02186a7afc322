"""What is going on right now, redrawn in place: one line per running stage, build or copy."""

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from runner.events import (
    AttemptFailed,
    BuildFinished,
    BuildProgress,
    BuildStarted,
    Copying,
    Event,
    Progress,
    Resources,
    RunStarted,
    StageFinished,
)
from runner.observers.lines import Layout, copying_text, percent
from runner.observers.plain import plain
from runner.observers.style import Pieces
from runner.project.quantity import MINUTE, duration_text, size_text

if TYPE_CHECKING:
    from rich.console import Console as RichConsole
    from rich.console import ConsoleOptions, RenderResult
    from rich.live import Live
    from rich.text import Text

FRAMES_PER_SECOND: Final = 8
SURE_AFTER_SECONDS: Final = 1.0
"""From here on the time left is more than a guess."""

ROLES: Final = {
    "good": "green", "bad": "red", "warn": "yellow", "dim": "dim", "strong": "bold", "busy": "cyan",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Activity:
    """Something that goes on; times on the monotonic clock, in seconds."""

    name: str
    began: float
    text: str = ""
    first: tuple[float, float] | None = None
    last: tuple[float, float] | None = None
    total: float | None = None
    unit: str = ""
    memory_bytes: int | None = None
    on_gpu: bool = False
    gpu_memory_bytes: int | None = None

    def progressed(self, event: Progress, now: float) -> "Activity":
        """The same after a report of progress; numbers that are none are left out."""
        if not math.isfinite(event.done) or event.done < 0:
            return self
        total = event.total if event.total and math.isfinite(event.total) else None
        point = (now, event.done)
        # Somebody who starts to count anew counts something else.
        fresh = self.last is None or event.done < self.last[1] or total != self.total
        first = point if fresh else self.first
        return replace(self, first=first, last=point, total=total, unit=event.unit)

    def seconds_left(self, now: float) -> float | None:
        """An estimate from the rate so far; None while there is nothing to estimate from."""
        if self.first is None or self.last is None or not self.total or self.total < 0:
            return None
        spent, done = self.last[0] - self.first[0], self.last[1] - self.first[1]
        if spent < SURE_AFTER_SECONDS or done <= 0:
            return None
        left = (self.total - self.last[1]) * spent / done - (now - self.last[0])
        return max(0.0, left) if math.isfinite(left) else None

    def pieces(self, now: float, layout: Layout) -> Pieces:
        """The line about it, without what does not fit."""
        frames = layout.marks.spinner
        frame = frames[int(now * FRAMES_PER_SECOND) % len(frames)]
        facts = [fact for fact in self._facts(now) if fact]
        head = ((f" {frame} ", "busy"), (f"{layout.name(self.name)}   ", "strong"))
        return layout.fit((*head, ("   ".join(facts), "")))

    def _facts(self, now: float) -> Iterator[str]:
        if self.last is not None and self.total and self.total > 0:
            yield percent(self.last[1], self.total)
        if self.last is not None:
            yield _amount(self.last[1], self.total, plain(self.unit))
        yield plain(self.text)
        left = self.seconds_left(now)
        if left is not None:
            yield f"about {_span(left)} left"
        elif not self.total:
            yield _clock(now - self.began)
        yield "" if self.memory_bytes is None else size_text(self.memory_bytes)
        if self.on_gpu:
            gpu = "" if self.gpu_memory_bytes is None else f" {size_text(self.gpu_memory_bytes)}"
            yield f"GPU{gpu}"


def _amount(done: float, total: float | None, unit: str) -> str:
    """``12:04 of 29:00``, ``12 MB of 1.2 GB`` or ``12 of 29 pages``."""
    if unit in ("s", "seconds"):
        return _clock(done) + (f" of {_clock(total)}" if total else "")
    if unit in ("B", "bytes"):
        return size_text(done) + (f" of {size_text(total)}" if total else "")
    return f"{done:g}" + (f" of {total:g}" if total else "") + (f" {unit}" if unit else "")


def _clock(seconds: float) -> str:
    whole = int(seconds)
    return duration_text(whole) if whole >= MINUTE else f"0:{whole:02}"


def _span(seconds: float) -> str:
    """``4 s`` or ``12:04``: never nothing, as long as something goes on."""
    whole = max(1, math.ceil(seconds))
    return duration_text(whole) if whole >= MINUTE else f"{whole} s"


@dataclass
class LiveDisplay:
    """Lines at the bottom of a terminal; what is finished is printed above them.

    The lines are there only while something goes on. Not thread-safe: the console that owns it
    locks. The thread that redraws takes no lock of ours.
    """

    layout: Callable[[], Layout]
    new_console: "Callable[[], RichConsole]"
    clock: Callable[[], float] = time.monotonic
    automatic: bool = True
    activities: dict[str, Activity] = field(default_factory=dict)
    _live: "Live | None" = None

    def follow(self, event: Event) -> None:
        """Take note of what an event says about what is going on."""
        now = self.clock()
        match event:
            case RunStarted(stage=stage, run_id=run_id, gpus=gpus):
                self.activities[run_id] = Activity(name=stage, began=now, on_gpu=bool(gpus))
            case BuildStarted(image=image, reason=reason):
                self.activities[image] = Activity(name=image, began=now, text=reason)
            case Copying(path=path):
                old = self.activities.get(path) or Activity(name=path, began=now)
                self.activities[path] = replace(old, text=copying_text(event))
                if event.done >= event.total:
                    del self.activities[path]
            case (
                StageFinished(run_id=str(done))
                | AttemptFailed(run_id=str(done))
                | BuildFinished(image=done)
            ):
                self.activities.pop(done, None)
            case _:
                self._change(event, now)
        self._show()

    def _change(self, event: Event, now: float) -> None:
        match event:
            case Progress(run_id=run_id) if run_id in self.activities:
                self.activities[run_id] = self.activities[run_id].progressed(event, now)
            case Resources(run_id=run_id) if run_id in self.activities:
                self.activities[run_id] = replace(
                    self.activities[run_id],
                    memory_bytes=event.memory_bytes,
                    gpu_memory_bytes=event.gpu_memory_bytes,
                )
            case BuildProgress(image=image, step=step) if image in self.activities:
                self.activities[image] = replace(self.activities[image], text=step)
            case _:
                pass

    def _show(self) -> None:
        if self.activities and self._live is None:
            from rich.live import Live

            self._live = Live(
                self,
                console=self.new_console(),
                refresh_per_second=FRAMES_PER_SECOND,
                auto_refresh=self.automatic,
                transient=True,
                redirect_stdout=False,
                redirect_stderr=False,
            )
            self._live.start(refresh=True)
        elif not self.activities:
            self.close()

    def print(self, pieces: Pieces) -> bool:
        """Print a line above the display; False when there is none at present."""
        if self._live is None:
            return False
        self._live.console.print(_text(pieces), soft_wrap=True)
        return True

    def close(self) -> None:
        """Take the lines away."""
        live, self._live = self._live, None
        if live is not None:
            live.stop()

    def __rich_console__(self, console: "RichConsole", options: "ConsoleOptions") -> "RenderResult":
        """What is drawn: one line per activity."""
        now, layout = self.clock(), self.layout()
        for activity in tuple(self.activities.values()):
            yield _text(activity.pieces(now, replace(layout, width=options.max_width)))


def _text(pieces: Pieces) -> "Text":
    from rich.text import Text

    return Text.assemble(
        *((text, ROLES.get(role, "")) for text, role in pieces), no_wrap=True, overflow="crop"
    )
