"""Telling of a job that is tried again only where it goes otherwise than the last time."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from runner.events import (
    Event,
    JobFinished,
    Observer,
    RunStarted,
    StageFinished,
    StageWaiting,
    WaitsFor,
)
from runner.run.watched_jobs import trouble_of

SHORT_WAITS: Final = frozenset({WaitsFor.PLACE, WaitsFor.PAUSE})


@dataclass(eq=False)
class Hushed:
    """Keeps events back until something begins, or the job ends otherwise than was told before.

    ``is_told`` says of a trouble whether it was; ``begins`` is called before the first event is
    told, if any is. May be called by threads.
    """

    tell: Observer
    begins: Callable[[], None]
    is_told: Callable[[str], bool]
    _kept: list[Event] = field(default_factory=list)
    _is_open: bool = False
    _guard: threading.RLock = field(default_factory=threading.RLock)

    def __call__(self, event: Event) -> None:
        """Tell an event, or keep it."""
        with self._guard:
            if self._is_open:
                self.tell(event)
                return
            self._kept.append(event)
            is_end = isinstance(event, JobFinished)
            if is_end and self._is_as_before():
                self._kept.clear()
            elif is_end or _is_news(event):
                self._open()

    def _open(self) -> None:
        self._is_open = True
        self.begins()
        for event in self._kept:
            self.tell(event)
        self._kept.clear()

    def _is_as_before(self) -> bool:
        ends = [it for it in self._kept if isinstance(it, StageFinished) and not it.good]
        trouble = trouble_of((end.stage, end.verdict, end.summary) for end in ends)
        return self.is_told(trouble)


def _is_news(event: Event) -> bool:
    is_wait = isinstance(event, StageWaiting) and event.waits_for not in SHORT_WAITS
    return is_wait or isinstance(event, RunStarted)
