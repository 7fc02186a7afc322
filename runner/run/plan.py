"""What shall be run in one job: which stages, in which order, for which results."""

import contextlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from runner.errors import JobFolderError, UsageError
from runner.events import LONGEST_MEDIA_SECONDS, Observer, PlannedJob
from runner.job.folder import Job
from runner.job.job_manifest import made_at, read_entries
from runner.project.pipeline import Project
from runner.run.given import stock_of


def _nothing() -> None:
    """What most plans do between their stages."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What shall be run in one job: stages in an order that respects their inputs.

    The user gave the results of those in ``given``, which wait for nothing; those in ``there`` have
    a result, which probably holds. ``emit`` hears of this
    job alone, instead of the observer of the whole call; ``rest`` is called whenever none of the
    job's stages is in hand, so that the observer may close what it holds open; ``log`` is where it
    writes down what happens. Of several plans
    those of older jobs come first. Who asked after ``asked_at`` that the job be stopped is heeded;
    None is the beginning of the call.
    """

    job: Job
    stages: tuple[str, ...]
    made_at: datetime
    given: frozenset[str] = frozenset()
    there: frozenset[str] = frozenset()
    results: tuple[str, ...] = ()
    headline: str = ""
    asked_at: datetime | None = None
    emit: Observer | None = None
    rest: Callable[[], None] = _nothing
    log: Path | None = None


def plan_job(
    project: Project, job: Job, *, start: str | None = None, upto: str | None = None
) -> Plan:
    """The stages that the job's workflow needs, cut at ``start`` and ``upto`` if given.

    Raises UnknownStageError, UnknownWorkflowError or UsageError.
    """
    wanted = project.workflow(job.workflow)
    targets = (project.stage(upto).id,) if upto else tuple(dict.fromkeys(s.stage for s in wanted))
    unknown = [target for target in targets if target not in project.stages]
    if unknown:
        msg = (
            f"the workflow names the stage {unknown[0]}, which the project does not have. "
            "Correct it in stagerun.yaml."
        )
        raise UsageError(msg)
    for source in () if upto else wanted:
        if project.output(source) is None:
            names = ", ".join(item.name for item in project.stages[source.stage].outputs) or "none"
            msg = (
                f"the workflow asks for {source}, and {source.stage} declares no such output; "
                f"there are: {names}. Correct it in stagerun.yaml."
            )
            raise UsageError(msg)
    stock = stock_of(project, job)
    stages = project.needed_for(targets, stock)
    if start:
        first = project.stage(start).id
        if first not in stages:
            msg = f"{first} is not part of what shall run: {', '.join(stages)}."
            raise UsageError(msg)
        stages = tuple(item for item in stages if item not in _before(project, first, stages))
    results = () if upto else tuple(str(source) for source in wanted)
    given = frozenset(stage for stage in stages if stock.has_result(stage))
    return Plan(
        job=job,
        stages=stages,
        given=given,
        there=frozenset(_good_entries(job)),
        results=results,
        headline=_headline(project, job),
        made_at=made_at(job),
    )


def _headline(project: Project, job: Job) -> str:
    workflow = job.workflow or project.settings.default_workflow
    facts = (str(job.root), ", ".join(job.inputs.values()), f"workflow {workflow}")
    return " · ".join(fact for fact in (facts if workflow else facts[:2]) if fact)


def _before(project: Project, first: str, stages: tuple[str, ...]) -> set[str]:
    """Stages that do not depend on ``first``: they are taken as they are."""
    downstream = {first}
    for stage in stages:
        if downstream & set(project.upstream(project.stages[stage])):
            downstream.add(stage)
    return set(stages) - downstream


def as_planned(plan: Plan, *, force: bool = False) -> PlannedJob:
    """What observers hear of a job before it begins; ``force`` runs what the user did not give."""
    job = plan.job
    there = plan.given if force else plan.there
    files = [job.references.get(name, job.input / file) for name, file in job.inputs.items()]
    entries = _entries_since(_filled_at(job, files), _good_entries(job))
    took = {stage: _seconds(entry, "duration_seconds") for stage, entry in entries.items()}
    lengths = [_seconds(entry, "media_seconds") for entry in entries.values()]
    return PlannedJob(
        job=str(job.root),
        stages=plan.stages,
        input_bytes=sum(map(_size, files)),
        took={stage: seconds for stage, seconds in took.items() if seconds},
        media_seconds=max(lengths, default=0.0) or None,
        there=tuple(stage for stage in plan.stages if stage in there),
    )


def _filled_at(job: Job, files: Iterable[Path]) -> float:
    """When the job got the input files that it has now, in seconds since 1970.

    A film keeps its own time when it is put into the place of another one; the folder tells.
    """
    times = [0.0]
    for path in (job.input, *files):
        with contextlib.suppress(OSError):
            times.append(path.stat().st_mtime)
    return max(times)


def _entries_since(
    moment: float, entries: Mapping[str, dict[str, Any]]
) -> dict[str, dict[str, Any]]:
    """Those of runs that ended after a moment."""
    found = {}
    for stage, entry in entries.items():
        with contextlib.suppress(KeyError, TypeError, ValueError, OverflowError):
            if datetime.fromisoformat(entry["completed_at"]).timestamp() >= moment:
                found[stage] = entry
    return found


def _seconds(entry: Mapping[str, Any], name: str) -> float:
    """A time that an entry tells; 0 where it tells none."""
    seconds = entry.get(name)
    if isinstance(seconds, int | float) and 0 < seconds < LONGEST_MEDIA_SECONDS:
        return float(seconds)
    return 0.0


def _good_entries(job: Job) -> dict[str, dict[str, Any]]:
    """What the job manifest has of stages with a result in place."""
    with contextlib.suppress(JobFolderError):  # the job's stages will say what is wrong with it
        entries = read_entries(job)
        return {stage: it for stage, it in entries.items() if it["good_is"] == "in place"}
    return {}


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
