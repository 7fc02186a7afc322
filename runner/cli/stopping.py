"""What signals do while stages run: the first asks, the second kills, the third leaves."""

import contextlib
import os
import queue
import signal
import sys
import threading
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from typing import Final

from runner.cli.signals import heeded_signals, take_no_notice
from runner.errors import SIGNAL_EXIT_CODES
from runner.events import AttemptFailed, Event, Notice, Observer, RunStarted, StageFinished
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
        elif isinstance(event, StageFinished | AttemptFailed) and event.run_id:
            self._stages.pop(event.run_id, None)

    @property
    def names(self) -> str:
        """The stages for people, each once; empty when none runs."""
        counts = Counter(tuple(self._stages.values()))
        return ", ".join(
            f"{stage} ({count} jobs)" if count > 1 else stage for stage, count in counts.items()
        )


@contextlib.contextmanager
def stopping(
    cancellation: Cancellation, running: Running, emit: Observer, *, grace_seconds: float
) -> Iterator[None]:
    """While the block runs, signals are requests to stop, and the user is told what they do."""
    # Python handles signals in its main thread only; elsewhere they stay what they are.
    is_main = threading.current_thread() is threading.main_thread()
    numbers = heeded_signals() if is_main else ()
    reader, writer = os.pipe2(os.O_CLOEXEC)
    os.set_blocking(writer, False)

    asked: queue.SimpleQueue[tuple[int, str]] = queue.SimpleQueue()

    def listen() -> None:
        while number := os.read(reader, 1)[0]:
            if number in numbers:
                stopped = running.names  # a stage may have ended before anybody speaks of it
                cancellation.request(signal.Signals(number).name)
                if cancellation.count > KILL:
                    _leave(cancellation)
                asked.put((cancellation.count, stopped))

    def speak() -> None:
        while (said := asked.get())[0]:
            name = "Ctrl-C" if cancellation.signal == "SIGINT" else str(cancellation.signal)
            emit(Notice(stage=None, message=_message(*said, name, grace_seconds)))

    # Two of them: a terminal that takes no text must not keep a signal from being heard.
    threads = [threading.Thread(target=work, daemon=True) for work in (listen, speak)]
    for thread in threads:
        thread.start()
    try:
        with _written_to(writer, numbers):
            yield
    finally:
        os.write(writer, b"\0")
        asked.put((0, ""))
        for thread in threads:
            thread.join()
        os.close(reader)
        os.close(writer)


@contextlib.contextmanager
def _written_to(descriptor: int, numbers: Collection[signal.Signals]) -> Iterator[None]:
    """While the block runs, these signals do nothing but write their numbers there.

    A handler would not do: the main thread may be on its way into a wait, where it does not notice
    that one should run.
    """
    if not numbers:
        yield
        return
    before = {number: signal.getsignal(number) for number in numbers}
    earlier = signal.set_wakeup_fd(descriptor, warn_on_full_buffer=False)
    try:
        for number in numbers:
            signal.signal(number, take_no_notice)
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(earlier)


def _message(count: int, stages: str, name: str, grace_seconds: float) -> str:
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
