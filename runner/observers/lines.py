"""How events read as lines for people; pure, so that terminal and pipe say the same."""

import math
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from runner.errors import Verdict
from runner.events import (
    AttemptFailed,
    BuildFinished,
    Copying,
    JobFinished,
    JobRefused,
    LogLine,
    Notice,
    StageFinished,
    StageWaiting,
    Watching,
)
from runner.observers.facts import Fact, fitting
from runner.observers.plain import cells, cropped, plain, plain_lines, wrapped
from runner.observers.style import Marks, Pieces, mark_of
from runner.project.quantity import duration_text, size_text

INDENT: Final = "   "
NARROWEST: Final = 40
TEXT_WIDTH: Final = 100
"""Where sentences are broken, however wide the terminal."""

LONGEST_NAME: Final = 32
LONGEST_MESSAGE: Final = 2000
"""Characters of a log line; the stage's own log has all of it."""
NUMBERS: Final = 17
"""Columns of duration and memory in the table of a job."""

WORDS: Final[dict[Verdict, str]] = {
    Verdict.STAGE_FAILED: "failed",
    Verdict.OOM_MEMORY: "out of memory",
    Verdict.OOM_GPU: "out of GPU memory",
    Verdict.TIMEOUT: "time limit",
    Verdict.GPU_LOST: "GPU lost",
    Verdict.GPU_MISMATCH: "GPU not used",
    Verdict.GPU_UNAVAILABLE: "no GPU",
}
"""Verdicts whose name is not what people would say."""


@dataclass(frozen=True, kw_only=True)
class Layout:
    """The room that there is: ``width`` is None in a pipe, where no line is cut."""

    marks: Marks
    width: int | None = None
    names: int = 0
    shorten: Callable[[str], str] = str

    def name(self, stage: str) -> str:
        """A stage's name in its column."""
        return self.column(stage, self.names)

    def column(self, text: str, width: int, *, part: int = 1) -> str:
        """A text in a column of that width, which takes no more than that part of the line."""
        longest = LONGEST_NAME
        if self.width is not None:
            longest = min(longest, max(self.width, NARROWEST) // part)
        shown = cropped(plain(text), longest, self.marks.ellipsis)
        return shown + " " * (min(width, longest) - cells(shown))

    def text(self, text: str) -> str:
        """A text from elsewhere, on one line."""
        return plain(self.shorten(text))

    def fit(self, pieces: Pieces) -> Pieces:
        """A line cut to the width."""
        if self.width is None:
            return pieces
        room, kept = max(self.width, NARROWEST), []
        for text, role in pieces:
            shown = cropped(text, room, self.marks.ellipsis)
            kept.append((shown, role))
            room -= cells(shown)
            if shown != text:
                break
        return tuple(kept)

    def with_facts(self, head: Pieces, facts: Iterable[Fact]) -> Pieces:
        """A line with those of the facts behind its head for which there is room."""
        taken = sum(cells(text) for text, _ in head)
        room = None if self.width is None else max(self.width, NARROWEST) - taken
        pieces = list(head)
        for number, fact in enumerate(fitting(facts, room)):
            if number:
                pieces.append((fact.between, "dim" if fact.between.strip() else ""))
            pieces.append((fact.text, fact.role))
        return self.fit(tuple(pieces))

    def paragraph(self, text: str, role: str = "") -> Iterator[Pieces]:
        """An indented text; on a terminal broken where it is too long for one line."""
        width = min(max(self.width or TEXT_WIDTH, NARROWEST), TEXT_WIDTH) - len(INDENT)
        for line in plain_lines(self.shorten(text)):
            for part in [line] if self.width is None else wrapped(line, width):
                yield ((INDENT + part, role),)


def words_of(event: StageFinished) -> str:
    """A verdict as people would say it."""
    return "refused" if event.verdict is None else in_words(event.verdict)


def in_words(verdict: Verdict) -> str:
    """The same of the verdict alone."""
    return WORDS.get(verdict, verdict.replace("_", " "))


def result_lines(
    event: StageFinished, layout: Layout, told: frozenset[int] = frozenset()
) -> Iterator[Pieces]:
    """The line of result, an error's text below it, and warnings; ``told`` are hashes of some."""
    mark, role = mark_of(event.verdict, layout.marks)
    head = ((f" {mark} ", role), (f"{layout.name(event.stage)}   ", "strong"))
    if event.good:
        role = "dim" if event.verdict is not Verdict.SUCCESS else ""
        yield layout.fit((*head, (_middle(event, layout), ""), (layout.text(event.summary), role)))
    else:
        yield from _error_lines(event, layout, head)
    for warning in event.warnings:
        if hash(warning) not in told:
            yield from layout.paragraph(f"{layout.marks.warning} {warning}", "warn")


def attempt_lines(event: AttemptFailed, layout: Layout) -> Iterator[Pieces]:
    """An attempt that failed, and what the next one has otherwise."""
    name = layout.name(event.stage)
    head = ((f" {layout.marks.warning} ", "warn"), (f"{name}   ", "strong"))
    took = "" if event.duration_seconds is None else f"   {duration_text(event.duration_seconds)}"
    what = f"attempt {event.attempt} of {event.attempts}: {in_words(event.verdict)}{took}"
    yield layout.fit((*head, (what, "warn")))
    for text in (event.summary, *event.details):
        yield from layout.paragraph(text)


def _middle(event: StageFinished, layout: Layout) -> str:
    if event.duration_seconds is None:
        text = words_of(event)
    else:
        peak = "" if event.memory_peak_bytes is None else size_text(event.memory_peak_bytes)
        text = f"{duration_text(event.duration_seconds):>7}  {peak:>8}"
    return (f"{text:<{NUMBERS}}" if layout.names else text) + "   "


def _error_lines(event: StageFinished, layout: Layout, head: Pieces) -> Iterator[Pieces]:
    took = "" if event.duration_seconds is None else f"   {duration_text(event.duration_seconds)}"
    line: Pieces = (*head, (words_of(event), "bad"), (took, ""))
    reason = plain_lines(layout.shorten(event.summary))
    with_reason: Pieces = (*line, ("   " + reason[0], ""))
    room = min(layout.width or TEXT_WIDTH, TEXT_WIDTH)
    short = not took and len(reason) == 1 and sum(cells(text) for text, _ in with_reason) <= room
    if short:
        yield with_reason
    else:
        yield layout.fit(line)
        yield from layout.paragraph(event.summary)
    for detail in event.details:
        yield from layout.paragraph(detail)


def waiting_line(event: StageWaiting, layout: Layout) -> Pieces:
    """A stage that cannot start yet."""
    head = f" {layout.marks.waiting} {layout.name(event.stage)}   "
    return layout.fit(((head, "dim"), (f"waiting   {layout.text(event.reason)}", "")))


def notice_lines(event: Notice, layout: Layout) -> Iterator[Pieces]:
    """Something that the user must be told."""
    about = f"{event.stage}: " if event.stage else ""
    for number, pieces in enumerate(layout.paragraph(about + event.message, "warn")):
        mark = f" {layout.marks.warning} " if number == 0 else INDENT
        yield ((mark, "warn"), (pieces[0][0].removeprefix(INDENT), "warn"))


def log_lines(event: LogLine, layout: Layout) -> Iterator[Pieces]:
    """A line that a stage logged."""
    role = "dim" if event.level == "INFO" else "warn" if event.level == "WARNING" else "bad"
    level = "" if event.level == "INFO" else f"{event.level} "
    message = event.message
    if len(message) > LONGEST_MESSAGE:
        message = message[:LONGEST_MESSAGE] + layout.marks.ellipsis
    first, *rest = plain_lines(layout.shorten(message))
    name = layout.name(event.stage)
    yield layout.fit(((f"{INDENT}{name}   ", "dim"), (level + first, role)))
    for line in rest:
        yield layout.fit(((f"{INDENT}{' ' * cells(name)}   {line}", role),))


def job_lines(event: JobFinished, layout: Layout) -> Iterator[Pieces]:
    """Where the result is, or how to go on."""
    job = layout.text(event.job)
    if event.exit_code:
        text = f"{job} is not finished. See: stagerun status {job}; go on: stagerun run {job}"
        yield from layout.paragraph(text, "strong")
    for path in event.result:
        yield ((f" {layout.marks.result} ", "good"), (layout.text(path), "strong"))


def refused_line(event: JobRefused, layout: Layout) -> Pieces:
    """What could not be run as a job."""
    reason = plain_lines(layout.shorten(event.reason))[0]
    head = ((f" {layout.marks.failure} ", "bad"), (f"{layout.text(event.job)}   ", "strong"))
    return layout.fit((*head, ("refused", "bad"), (f"   {reason}", "")))


def watching_line(event: Watching, layout: Layout) -> Pieces:
    """That the call goes on until it is stopped."""
    text = f"watching {layout.text(event.folder)}: what arrives there is run, until Ctrl-C"
    return layout.fit(((text, "strong"),))


def built_line(event: BuildFinished, layout: Layout) -> Pieces:
    """An image that was built."""
    numbers = f"{duration_text(event.duration_seconds):>7}  {size_text(event.size_bytes):>8}"
    head = (f" {layout.marks.success} ", "good")
    return layout.fit((head, (f"{plain(event.image)}   ", "strong"), (f"built   {numbers}", "")))


def copying_text(event: Copying) -> str:
    """How far a copy is."""
    share = f"{percent(event.done, event.total)} " if event.total else ""
    return f"copying   {share}  {size_text(event.done)} of {size_text(event.total)}"


def percent(done: float, total: float) -> str:
    """``41 %``, never more than all and never less than nothing."""
    return f"{math.floor(100 * min(1.0, max(0.0, done / total))):3d} %"


def shortened_from(folder: str) -> Callable[[str], str]:
    """A function that writes paths below that folder relative to it, wherever a text names them."""
    if folder == "/":
        return str
    below = re.compile(r"(?<![\w./-])" + re.escape(folder) + r"/(?=.)")
    return lambda text: below.sub("", text)
