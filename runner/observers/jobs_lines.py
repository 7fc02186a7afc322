"""How many jobs read as lines: those that are over, those that run, and all together."""

from collections.abc import Iterator, Sequence
from typing import Final

from runner.errors import Verdict
from runner.events import Event, FailedJob, JobFinished, JobsFinished, StageWaiting
from runner.observers.facts import Fact, Rank
from runner.observers.jobs_tally import JobsTally, JobView
from runner.observers.lines import Layout, in_words
from runner.observers.live import Activity, clock_text, span_text, spinner
from runner.observers.plain import cells, plain, plain_lines
from runner.observers.style import Pieces

NAMES_SHOWN: Final = 3
NAMES_PART: Final = 4
STAGES_PART: Final = 5
"""What part of the width the longest name of a job and of a stage may take."""
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
    """A stage that runs, and how long its job will take; ``stages`` is the width of a column.

    Both names take so little of the width that there is room for the times.
    """
    name = layout.column(view.name, layout.names, part=NAMES_PART)
    stage = layout.column(activity.name, stages, part=STAGES_PART)
    head: Pieces = (
        (f" {spinner(now, layout)} ", "busy"), (f"{name}   ", "strong"), (f"{stage}   ", ""),
    )  # fmt: skip
    facts = [*activity.facts(now)]
    if left is not None:
        facts.append(Fact(f"job {span_text(left)} left", Rank.ALL_LEFT))
    return layout.with_facts(head, facts)


def waiting_line(event: StageWaiting, views: Sequence[JobView], layout: Layout) -> Pieces:
    """What jobs wait for, and which."""
    reason = layout.text(event.reason).removeprefix("waiting ")
    who = _listed([view.name for view in views])
    head = f" {layout.marks.waiting} {len(views)} waiting   "
    return layout.fit(((head, "dim"), (f"{reason}   ", ""), (who, "dim")))


def standing_line(tally: JobsTally, now: float, layout: Layout) -> Pieces:
    """How many jobs are how far, and how long all of them will take."""
    facts = [Fact(f"{tally.done} of {tally.total} done", Rank.WHAT, "strong")]
    if tally.up_to_date:
        text = _up_to_date(tally.up_to_date)
        facts.append(Fact(text, Rank.UP_TO_DATE, "strong", between=""))
    standing = tally.standing()
    counts = (
        (len(tally.failed), "failed", Rank.FAILED, "bad"),
        (tally.cancelled, "stopped", Rank.STOPPED, ""),
        (standing.running, "running", Rank.RUNNING, ""),
        (standing.waiting, "waiting", Rank.WAITING, ""),
        (standing.to_come, "to come", Rank.TO_COME, ""),
    )
    for count, what, rank, role in counts:
        if count:
            facts.append(Fact(f"{count} {what}", rank, role, between=" · "))
    if (left := tally.seconds_left(now)) is not None:
        facts.append(Fact(f"about {span_text(left)} left", Rank.ALL_LEFT, between=" · "))
    return layout.with_facts((("   ", ""),), facts)


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
        line: Pieces = (*head, (f"   {verdict}", "bad"), (f"   {_further(item, layout)}", ""))
        yield line if item.run_id else layout.fit(line)
        if item.log is not None:
            yield ((f"   the place in the program: {layout.text(item.log)}", ""),)


def _up_to_date(count: int) -> str:
    return f" ({count} up to date)" if count else ""


def _further(item: FailedJob, layout: Layout) -> str:
    """The command that tells more; without a run to look into, the reason is all there is."""
    if item.stage is None or item.run_id is None:
        return " ".join(line.strip() for line in plain_lines(layout.shorten(item.reason)))
    return f"stagerun why {plain(item.stage)} {layout.text(item.job)}"


def _name(item: FailedJob) -> str:
    name = item.job.rpartition("/")[2]
    return f"{name}/{item.stage}" if item.stage else name


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(plain(name) for name in names[:NAMES_SHOWN])
    more = len(names) - NAMES_SHOWN
    return shown + (f" and {more} more" if more > 0 else "")
