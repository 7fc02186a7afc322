"""One call of the command line: its signals, its errors, its exit code."""

import contextlib
import os
import signal
import sys
import threading
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Final, TextIO

import click

from runner.cli.context import Context
from runner.cli.signals import heeded_signals, take_no_notice
from runner.cli.verbs import group
from runner.errors import SIGNAL_EXIT_CODES, StagerunError
from runner.observers.plain import plain_lines
from runner.observers.stream import Stream

if TYPE_CHECKING:
    from sys import UnraisableHookArgs

USAGE: Final = 2
TRACEBACK: Final = "STAGERUN_TRACEBACK"
"""The environment variable that shows where in the program an error came from."""
SECONDS_TO_NEXT_TRY: Final = 0.01
IMPORT_SYSTEM: Final = "<frozen importlib._bootstrap>"


class Interrupted(BaseException):
    """A signal came while no stage was running; the text is its name."""


def call(words: Sequence[str]) -> int:
    """Run a verb with these words as this process's only work; returns the exit code."""
    with whole_streams(sys.stdin, sys.stdout, sys.stderr) as streams:
        sys.stdin, sys.stdout, sys.stderr = streams
        signal_that_came: Interrupted | None = None
        while True:
            try:
                return _work(words) if signal_that_came is None else _leave(signal_that_came)
            except Interrupted as problem:  # leaving, too, can be interrupted by one right behind
                signal_that_came = problem


def _work(words: Sequence[str]) -> int:
    listen()
    code = _flushed(answer(words, Context()))
    for number in heeded_signals():  # there is nothing left that one could stop
        signal.signal(number, take_no_notice)
    return code


def _leave(interrupted: Interrupted) -> int:
    for number in heeded_signals():  # a further one ends what cannot be written
        signal.signal(number, signal.SIG_DFL)
    Stream(sys.stderr).write(f"stagerun: interrupted by {interrupted}\n")
    return SIGNAL_EXIT_CODES[str(interrupted)]


def listen() -> None:
    """Have each signal that asks to stop raise Interrupted."""
    for number in heeded_signals():
        signal.signal(number, _interrupt)
    sys.unraisablehook = _interrupt_again


@contextlib.contextmanager
def whole_streams(
    stdin: TextIO | None, stdout: TextIO | None, stderr: TextIO | None
) -> Iterator[tuple[TextIO, TextIO, TextIO]]:
    """The three streams, of which Python has none where the caller closed one (``>&-``)."""
    nothing = Path(os.devnull)
    with nothing.open(encoding="utf-8") as silent, nothing.open("w", encoding="utf-8") as deaf:
        yield stdin or silent, stdout or deaf, stderr or deaf


def answer(words: Sequence[str], context: Context) -> int:
    """Run a verb with these words; what goes wrong is told and becomes the exit code."""
    try:
        code = _invoke(list(words), context)
    except StagerunError as problem:
        code = problem.exit_code
        _tell(problem, context, str(problem), code)
    except click.ClickException as problem:
        code = USAGE
        _tell(problem, context, _usage(problem), code)
    except BrokenPipeError:
        code = 0
    except OSError as problem:
        code = USAGE
        _tell(problem, context, _unforeseen(problem), code)
    return code


def _invoke(words: list[str], context: Context) -> int:
    code = group.main(words, prog_name="stagerun", standalone_mode=False, obj=context)
    return code if isinstance(code, int) else 0


def _interrupt(number: int, frame: FrameType | None) -> None:
    if _drops_errors(frame):
        _send_again(number)
    else:
        raise Interrupted(signal.Signals(number).name)


def _drops_errors(frame: FrameType | None) -> bool:
    """Whether what is raised here would be lost, or become another error, or leave half a module.

    That is so in all that an import calls, and where dropped errors are taken up.
    """
    while frame is not None:
        code = frame.f_code
        if code.co_filename == IMPORT_SYSTEM or code is _interrupt_again.__code__:
            return True
        frame = frame.f_back
    return False


def _interrupt_again(dropped: "UnraisableHookArgs") -> None:
    """Take up a signal that came in a destructor, or the like, where Python drops errors."""
    if isinstance(dropped.exc_value, Interrupted):
        _send_again(signal.Signals[str(dropped.exc_value)])
    else:
        sys.__unraisablehook__(dropped)


def _send_again(number: int) -> None:
    again = threading.Timer(SECONDS_TO_NEXT_TRY, os.kill, (os.getpid(), number))
    again.daemon = True
    again.start()


def _usage(problem: click.ClickException) -> str:
    text = problem.format_message()
    where = getattr(problem, "ctx", None)
    return f"{text} See: {where.command_path} --help" if where is not None else text


def _unforeseen(problem: OSError) -> str:
    """What to say of an error that no part of the program had words for."""
    reason = problem.strerror or str(problem)
    place = f" ({problem.filename})" if problem.filename else ""
    return (
        f"a file could not be used: {reason}{place}. Check its owner and its file system; "
        f"{TRACEBACK}=1 shows where in the program it happened."
    )


def _tell(problem: Exception, context: Context, text: str, code: int) -> None:
    """Say what went wrong on standard error, and to a program on standard output as well."""
    if os.environ.get(TRACEBACK):
        traceback.print_exception(problem)
    first, *rest = plain_lines(text)
    Stream(sys.stderr).write("\n".join([f"stagerun: {first}", *rest]) + "\n")
    if context.json:
        import json

        verdict = getattr(problem, "verdict", None)
        document = {"type": "error", "message": text, "verdict": verdict, "exit_code": code}
        Stream(sys.stdout).write(json.dumps(document) + "\n")


def _flushed(code: int) -> int:
    """The exit code, after the last output; a reader that left early is no error."""
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        # Python flushes once more at its end, and would complain.
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return code
