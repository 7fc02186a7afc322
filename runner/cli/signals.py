"""Which signals this program answers."""

import signal
from types import FrameType

from runner.errors import SIGNAL_EXIT_CODES


def heeded_signals() -> tuple[signal.Signals, ...]:
    """The signals that ask to stop, but for those that the caller wants ignored.

    ``nohup`` and a shell's background jobs start programs that way, so that they outlive it.
    """
    numbers = (signal.Signals[name] for name in SIGNAL_EXIT_CODES)
    return tuple(number for number in numbers if signal.getsignal(number) is not signal.SIG_IGN)


def take_no_notice(number: int, frame: FrameType | None) -> None:
    """A handler that does nothing, for where Python must have one.

    It writes the numbers of such signals only to where they are read, and complains of one that was
    on its way when its handler was taken away.
    """
