"""How many jobs read as lines: those that are over, those that run, and all together."""

from collections.abc import Iterator, Sequence
from typing import Final

from runner.errors import Verdict
from runner.events import Event, FailedJob, JobFinished, JobsFinished, StageWaiting
from runner.observers.jobs_tally import JobsTally, JobView
from runner.observers.lines import Layout, in_words
from runner.observers.live import Activity, clock_text, span_text, spinner
from runner.observers.plain import cells, plain, plain_lines
from runner.observers.style import Pieces

NAMES_SHOWN: Final = 3
TIME_WIDTH: Final = 8


def job_line(view: JobView, event: Event, now: float, layout: Layout) -> Iterator[Pieces]:
    """A job that is over; nothing of those of which there may be hundreds at once: jobs in which
    nothing had to run, and jobs that were stopped.
    """
    blamed, marks = view.blamed, layout.marks
    name = f"{layout.name(view.name)}   "
    took = "" if view.began is None else clock_text(now - view.began)
    if blamed is None and not view.is_up_to_date:
        result = event.result if isinstance(event, JobFinished) else ()
        files = ", ".join(layout.text(path) for path in result)
        where = f"   {marks.result} {files}" if files else ""
        head: Pieces = ((f" {marks.success} ", "good"), (name, "strong"))
        yield layout.fit((*head, (f"{took:>{TIME_WIDTH}}{where}", "")))
    elif blamed is not None and blamed.verdict is not Verdict.CANCELLED:
        verdict = "refused" if blamed.verdict is None else in_words(blamed.verdict)
        reason = plain_lines(layout.shorten(blamed.summary))[0]
        head = ((f" {marks.failure} ", "bad"), (name, "strong"))
        said = f"{took:>{TIME_WIDTH}}   {plain(blamed.stage)}   "
        yield layout.fit((*head, (said, ""), (verdict, "bad"), (f"   {reason}", "")))


def running_line(
    view: JobView,
    activity: Activity,
    left: float | None,
    now: float,
    stages: int,
    layout: Layout,
) -> Pieces:
    """A stage that runs, and how long its job will take; ``stages`` is the width of a column."""
    stage = plain(activity.name)
    facts = [*activity.facts(now), *([] if left is None else [f"job {span_text(left)} left"])]
    return layout.fit(
        (
            (f" {spinner(now, layout)} ", "busy"),
            (f"{layout.name(view.name)}   ", "strong"),
            (f"{stage}{' ' * (stages - cells(stage))}   ", ""),
            ("   ".join(facts), ""),
        )
    )


def waiting_line(event: StageWaiting, views: Sequence[JobView], layout: Layout) -> Pieces:
    """What jobs wait for, and which."""
    reason = layout.text(event.reason).removeprefix("waiting ")
    who = _listed([view.name for view in views])
    head = f" {layout.marks.waiting} {len(views)} waiting   "
    return layout.fit(((head, "dim"), (f"{reason}   ", ""), (who, "dim")))


def standing_line(tally: JobsTally, running: int, now: float, layout: Layout) -> Pieces:
    """How many jobs are how far, and how long all of them will take."""
    waiting = sum(1 for _ in tally.waiting())
    begun = sum(view.began is not None for view in tuple(tally.views.values()))
    done = f"   {tally.done} of {tally.total} done{_up_to_date(tally.up_to_date)}"
    facts: list[tuple[str, str]] = [(done, "strong")]
    if tally.failed:
        facts.append((f"{len(tally.failed)} failed", "bad"))
    counts = {"running": running, "waiting": waiting, "to come": len(tally.views) - begun}
    facts += [(f"{count} {what}", "") for what, count in counts.items() if count]
    if (left := tally.seconds_left(now)) is not None:
        facts.append((f"about {span_text(left)} left", ""))
    pieces = [facts[0]]
    for fact in facts[1:]:
        pieces += [(" · ", "dim"), fact]
    return layout.fit(tuple(pieces))


def failed_line(failed: Sequence[FailedJob], layout: Layout) -> Pieces:
    """Which jobs failed, the last ones first."""
    names = [_name(item) for item in reversed(failed)]
    return layout.fit((("   failed: ", "bad"), (", ".join(names), "")))


def summary_lines(event: JobsFinished, layout: Layout) -> Iterator[Pieces]:
    """The end of all jobs: sums, and of each that failed where to look further."""
    counts = {"failed": len(event.failed), "stopped": event.cancelled}
    text = f"{event.done} done{_up_to_date(event.up_to_date)}" + "".join(
        f", {n} {what}" for what, n in counts.items() if n
    )
    role = "bad" if event.exit_code else "good"
    again = "; the same call goes on with those that were stopped" if event.cancelled else ""
    yield ((text, role), (f" in {clock_text(event.duration_seconds)}{again}", ""))
    width = max((cells(plain(_name(item))) for item in event.failed), default=0)
    for item in event.failed:
        name = plain(_name(item))
        verdict = "refused" if item.verdict is None else in_words(item.verdict)
        head = (
            (f" {layout.marks.failure} ", "bad"),
            (name + " " * (width - cells(name)), "strong"),
        )
        yield (*head, (f"   {verdict}", "bad"), (f"   {_further(item, layout)}", ""))


def _up_to_date(count: int) -> str:
    return f" ({count} up to date)" if count else ""


def _further(item: FailedJob, layout: Layout) -> str:
    """The command that tells more; what was refused has no run to look into."""
    if item.stage is None or item.verdict is None:
        return plain_lines(layout.shorten(item.reason))[0]
    return f"stagerun why {plain(item.stage)} {layout.text(item.job)}"


def _name(item: FailedJob) -> str:
    name = item.job.rpartition("/")[2]
    return f"{name}/{item.stage}" if item.stage else name


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(plain(name) for name in names[:NAMES_SHOWN])
    more = len(names) - NAMES_SHOWN
    return shown + (f" and {more} more" if more > 0 else "")
