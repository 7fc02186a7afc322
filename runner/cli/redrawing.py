"""A report that is shown again and again: in place on a terminal, block after block in a pipe."""

import contextlib
import select
import sys
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final, TextIO

from runner.cli.calling import Interrupted
from runner.observers.stream import Stream

if TYPE_CHECKING:
    from rich.text import Text

QUIT: Final = "q"
NO_KEYBOARD: Final = ""
"""What is read of a terminal that is gone."""

SECONDS_BETWEEN_DRAWINGS: Final = 0.5
"""A window that was made larger or smaller is drawn anew that soon."""


def redraw(
    lines: Callable[[], list[str]],
    seconds: float,
    keyboard: TextIO | None = None,
    screen: TextIO | None = None,
) -> None:
    """Draw a report in place, made anew after each interval, until ``q`` or Ctrl-C.

    A terminal that is gone ends it, too. It is the caller's own, unless another one is named.
    """
    from rich.live import Live

    from runner.observers.console import rich_console

    out = Stream(screen or sys.stdout)
    console = rich_console(out, colour=True)
    with (
        _ended_by_interrupt(),
        _single_keys(keyboard or sys.stdin) as pressed,
        Live(console=console, auto_refresh=False, vertical_overflow="crop") as live,
    ):
        while not out.gone:
            due = time.monotonic() + seconds
            shown = _text(lines())
            live.update(shown, refresh=True)
            while (left := due - time.monotonic()) > 0 and not out.gone:
                if pressed(min(left, SECONDS_BETWEEN_DRAWINGS)) in {QUIT, NO_KEYBOARD}:
                    return
                live.refresh()


def repeat(block: Callable[[], str], seconds: float) -> None:
    """Print a report again after each interval, until Ctrl-C or until nobody reads any more."""
    out = Stream(sys.stdout)
    with _ended_by_interrupt():
        while not out.gone:
            out.write(block() + "\n")
            time.sleep(seconds)


def _text(lines: list[str]) -> "Text":
    from rich.text import Text

    text = Text.from_ansi("\n".join(lines))
    text.no_wrap, text.overflow = True, "ellipsis"
    return text


@contextlib.contextmanager
def _ended_by_interrupt() -> Iterator[None]:
    """Ctrl-C is how such a report ends: no error."""
    try:
        yield
    except Interrupted as signal:
        if str(signal) != "SIGINT":
            raise


@contextlib.contextmanager
def _single_keys(keyboard: TextIO) -> Iterator[Callable[[float], str | None]]:
    """A function that waits that many seconds at most for a key; none where nobody can type."""
    if not keyboard.isatty():
        yield _nobody
        return
    import termios
    import tty

    before = termios.tcgetattr(keyboard)

    def pressed(seconds: float) -> str | None:
        ready, _, _ = select.select([keyboard], [], [], seconds)
        return _key(keyboard) if ready else None

    try:
        tty.setcbreak(keyboard)
        yield pressed
    finally:
        # The terminal may be gone.
        with contextlib.suppress(termios.error):
            termios.tcsetattr(keyboard, termios.TCSADRAIN, before)


def _key(keyboard: TextIO) -> str:
    try:
        return keyboard.read(1)
    except OSError:
        return NO_KEYBOARD


def _nobody(seconds: float) -> None:
    time.sleep(seconds)
