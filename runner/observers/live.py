"""What is going on right now, redrawn in place: one line per running stage, build or copy."""

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from runner.events import (
    SECONDS,
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
from runner.observers.facts import Fact, Rank
from runner.observers.lines import Layout, copying_text, percent
from runner.observers.plain import plain
from runner.observers.region import FRAMES_PER_SECOND, Region
from runner.observers.style import Pieces
from runner.project.quantity import MINUTE, duration_text, size_text

if TYPE_CHECKING:
    from rich.console import Console as RichConsole

SURE_AFTER_SECONDS: Final = 1.0
"""From here on the time left is more than a guess."""


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
        head = ((f" {spinner(now, layout)} ", "busy"), (f"{layout.name(self.name)}   ", "strong"))
        return layout.with_facts(head, self.facts(now))

    def facts(self, now: float) -> Iterator[Fact]:
        """How far it is, how long it still takes or has taken, and what it uses."""
        if self.last is not None and self.total and self.total > 0:
            yield Fact(percent(self.last[1], self.total), Rank.SHARE)
        if self.last is not None:
            yield Fact(_amount(self.last[1], self.total, plain(self.unit)), Rank.AMOUNT)
        if self.text:
            yield Fact(plain(self.text), Rank.WHAT)
        left = self.seconds_left(now)
        if left is not None:
            yield Fact(f"about {span_text(left)} left", Rank.LEFT)
        elif not self.total:
            yield Fact(clock_text(now - self.began), Rank.LEFT)
        if self.memory_bytes is not None:
            yield Fact(size_text(self.memory_bytes), Rank.MEMORY)
        if self.on_gpu:
            gpu = "" if self.gpu_memory_bytes is None else f" {size_text(self.gpu_memory_bytes)}"
            yield Fact(f"GPU{gpu}", Rank.GPU)


def _amount(done: float, total: float | None, unit: str) -> str:
    """``12:04 of 29:00``, ``12 MB of 1.2 GB`` or ``12 of 29 pages``."""
    if unit in SECONDS:
        return clock_text(done) + (f" of {clock_text(total)}" if total else "")
    if unit in ("B", "bytes"):
        return size_text(done) + (f" of {size_text(total)}" if total else "")
    return f"{done:g}" + (f" of {total:g}" if total else "") + (f" {unit}" if unit else "")


def spinner(now: float, layout: Layout) -> str:
    """The character that shows that something goes on."""
    frames = layout.marks.spinner
    return frames[int(now * FRAMES_PER_SECOND) % len(frames)]


def clock_text(seconds: float) -> str:
    """``0:42``, ``12:04`` or ``1:32:07``."""
    whole = int(seconds)
    return duration_text(whole) if whole >= MINUTE else f"0:{whole:02}"


def span_text(seconds: float) -> str:
    """``4 s`` or ``12:04``: never nothing, as long as something goes on."""
    whole = max(1, math.ceil(seconds))
    return duration_text(whole) if whole >= MINUTE else f"{whole} s"


def follow(activities: dict[str, Activity], event: Event, now: float) -> None:
    """Change what goes on, by run, image or path, as an event says."""
    match event:
        case RunStarted(stage=stage, run_id=run_id, gpus=gpus):
            activities[run_id] = Activity(name=stage, began=now, on_gpu=bool(gpus))
        case BuildStarted(image=image, reason=reason):
            activities[image] = Activity(name=image, began=now, text=reason)
        case Copying(path=path):
            old = activities.get(path) or Activity(name=path, began=now)
            activities[path] = replace(old, text=copying_text(event))
            if event.done >= event.total:
                del activities[path]
        case (
            StageFinished(run_id=str(done))
            | AttemptFailed(run_id=str(done))
            | BuildFinished(image=done)
        ):
            activities.pop(done, None)
        case _:
            _change(activities, event, now)


def _change(activities: dict[str, Activity], event: Event, now: float) -> None:
    match event:
        case Progress(run_id=run_id) if run_id in activities:
            activities[run_id] = activities[run_id].progressed(event, now)
        case Resources(run_id=run_id) if run_id in activities:
            activities[run_id] = replace(
                activities[run_id],
                memory_bytes=event.memory_bytes,
                gpu_memory_bytes=event.gpu_memory_bytes,
            )
        case BuildProgress(image=image, step=step) if image in activities:
            activities[image] = replace(activities[image], text=step)
        case _:
            pass


@dataclass
class LiveDisplay:
    """Lines at the bottom of a terminal; what is finished is printed above them.

    The lines are there only while something goes on. Not thread-safe: the console that owns it
    locks. The thread that redraws takes no lock of ours but the stream's.
    """

    layout: Callable[[], Layout]
    new_console: "Callable[[], RichConsole]"
    clock: Callable[[], float] = time.monotonic
    automatic: bool = True
    activities: dict[str, Activity] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.region = Region(self._draw, self.new_console, automatic=self.automatic)

    def follow(self, event: Event) -> None:
        """Take note of what an event says about what is going on."""
        follow(self.activities, event, self.clock())
        self._show()

    def _show(self) -> None:
        if self.activities:
            self.region.open()
        else:
            self.close()

    def print(self, pieces: Pieces) -> bool:
        """Print a line above the display; False when there is none at present."""
        return self.region.print(pieces)

    def close(self) -> None:
        """Take the lines away."""
        self.region.close()

    def _draw(self, width: int, _: int) -> Iterator[Pieces]:
        """One line per activity."""
        now, layout = self.clock(), self.layout()
        for activity in tuple(self.activities.values()):
            yield activity.pieces(now, replace(layout, width=width))
