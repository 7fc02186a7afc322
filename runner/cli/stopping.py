"""What signals do while stages run: the first asks, the second kills, the third leaves."""

import contextlib
import os
import queue
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import FrameType
from typing import Final

from runner.errors import SIGNAL_EXIT_CODES
from runner.events import Event, Notice, Observer, RunStarted, StageFinished
from runner.project.quantity import duration_text
from runner.run.cancellation import Cancellation

ASK, KILL = 1, 2
SHOW_CURSOR: Final = "\x1b[?25h"


@dataclass
class Running:
    """An observer that knows which stages run at the moment."""

    _stages: dict[str, str] = field(default_factory=dict)

    def __call__(self, event: Event) -> None:
        """Take note of a start or an end."""
        if isinstance(event, RunStarted):
            self._stages[event.run_id] = event.stage
        elif isinstance(event, StageFinished) and event.run_id:
            self._stages.pop(event.run_id, None)

    @property
    def names(self) -> str:
        """The stages for people; empty when none runs."""
        return ", ".join(tuple(self._stages.values()))


@contextlib.contextmanager
def stopping(
    cancellation: Cancellation, running: Running, emit: Observer, *, grace_seconds: float
) -> Iterator[None]:
    """While the block runs, signals are requests to stop, and the user is told what they do."""
    asked: queue.SimpleQueue[int] = queue.SimpleQueue()

    def request(number: int, frame: FrameType | None) -> None:
        # Nothing here may lock: the handler may have interrupted the holder of any lock.
        del frame
        cancellation.request(signal.Signals(number).name)
        asked.put(cancellation.count)

    def speak() -> None:
        while count := asked.get():
            name = "Ctrl-C" if cancellation.signal == "SIGINT" else str(cancellation.signal)
            if count > KILL:
                _leave(cancellation)
            emit(Notice(stage=None, message=_message(count, name, running.names, grace_seconds)))

    speaker = threading.Thread(target=speak, daemon=True, name="signals")
    speaker.start()
    # Python handles signals in its main thread only; elsewhere they stay what they are.
    is_main = threading.current_thread() is threading.main_thread()
    names = SIGNAL_EXIT_CODES if is_main else ()
    before = {name: signal.signal(getattr(signal, name), request) for name in names}
    try:
        yield
    finally:
        for name, handler in before.items():
            signal.signal(getattr(signal, name), handler)
        asked.put(0)
        speaker.join()


def _message(count: int, name: str, stages: str, grace_seconds: float) -> str:
    if not stages:
        return f"{name}: nothing more is started"
    if count == ASK:
        return (
            f"{name}: stopping {stages} (up to {duration_text(grace_seconds)} to end by itself); "
            "a second one kills it at once"
        )
    return f"{name}: killing {stages}; a third one leaves, and the next call cleans up"


def _leave(cancellation: Cancellation, end: Callable[[int], None] = os._exit) -> None:
    """End this process with whatever still hangs in it; the journal tells the next runner."""
    if sys.stdout.isatty():
        with contextlib.suppress(OSError):
            os.write(sys.stdout.fileno(), f"{SHOW_CURSOR}\n".encode())
    end(SIGNAL_EXIT_CODES.get(cancellation.signal or "", 1))
