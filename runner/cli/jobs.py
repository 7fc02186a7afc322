"""Which jobs the words of ``stagerun run`` mean: job directories, and films to make jobs of."""

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from runner.cli.context import Context
from runner.errors import UsageError
from runner.events import JobRefused, Observer
from runner.job.folder import Job, open_job
from runner.project.pipeline import JOB_INPUT, Project
from runner.run.faults import refusal_of
from runner.run.films import is_file, is_film
from runner.run.plan import Plan


@dataclass(frozen=True, kw_only=True)
class WantedJob:
    """A job's place, and the film that it is made of when it is not there."""

    place: Path
    film: Path | None = None

    @property
    def word(self) -> str:
        """What names it in the call: a film does not yet stand for the job that it would become."""
        return str((self.film or self.place).absolute())

    @property
    def is_new(self) -> bool:
        """Whether it has to be made first, as far as that can be told."""
        with contextlib.suppress(OSError):  # who makes it will say what is wrong
            return self.film is not None and not self.place.exists()
        return False


def wanted_jobs(places: Sequence[Path], out: Path | None) -> list[WantedJob]:
    """What the words mean; ``out`` is the place for the one film. Raises UsageError."""
    # Who opens the others as jobs will say what is wrong with them.
    films = [place for place in places if is_file(place)]
    if out is not None and len(films) != 1:
        msg = "--out names the job directory of one film, so give one film with it."
        raise UsageError(msg)
    return [
        WantedJob(place=out or Path("out") / place.stem, film=place)
        if place in films
        else WantedJob(place=place)
        for place in places
    ]


@dataclass(frozen=True, kw_only=True)
class PlannedJobs:
    """What shall be run, and what could not be; ``order`` is that of the words, by job."""

    plans: tuple[Plan, ...]
    refused: tuple[JobRefused, ...] = ()
    order: tuple[str, ...] = ()


def plan_jobs(
    context: Context, wanted: Sequence[WantedJob], planned: Callable[[Job], Plan], *, alone: bool
) -> PlannedJobs:
    """The plans of the jobs, each once; one that cannot be run holds up no other.

    A job that is not there yet when its turn comes counts as refused unless a later word makes it.
    Raises what is wrong with a job that is ``alone`` in its call.
    """
    plans: dict[str, Plan] = {}
    refused: dict[str, JobRefused] = {}
    for item in wanted:
        try:
            plan = planned(_opened(context, item))
            plans.setdefault(str(plan.job.root), plan)
            refused.pop(str(plan.job.root), None)
        except Exception as problem:
            if alone:
                raise
            word, refusal = item.word, refusal_of(problem, item.place)
            refused[word] = JobRefused(job=word, reason=str(refusal), exit_code=refusal.exit_code)
    order = dict.fromkeys(
        item.word if item.word in refused else str(item.place.resolve()) for item in wanted
    )
    return PlannedJobs(
        plans=tuple(plans.values()), refused=tuple(refused.values()), order=tuple(order)
    )


def _opened(context: Context, item: WantedJob) -> Job:
    if item.film is not None:
        with context.observing() as emit:
            make_film_job(context.project, item.place, item.film, emit)
    elif is_film(item.place.name) and not item.place.exists():
        msg = f"the film {item.place} is not there. Check its name."
        raise UsageError(msg)
    return open_job(item.place)


def make_film_job(
    project: Project,
    place: Path,
    film: Path,
    emit: Observer,
    check: Callable[[], None] = lambda: None,
) -> None:
    """Make a job of a film unless it is there; ``check`` may prevent it when the film was copied.

    Raises UsageError and its kin, DiskFullError.
    """
    from runner.job.creation import JobRequest, make_job

    request = JobRequest(place=place, inputs={film_input(project): film}, check=check)
    elsewhere = f"stagerun run {film} --out DIR"
    make_job(request, emit, elsewhere=elsewhere, only_inputs=True)


def film_input(project: Project) -> str:
    """The one file that the project's stages read from a job. Raises UsageError."""
    names: dict[str, bool] = {}
    for stage in project.stages.values():
        for item in stage.inputs:
            for source in item.sources:
                if source.stage == JOB_INPUT:
                    names[source.output] = names.get(source.output, False) or not item.optional
    found = [name for name, is_needed in names.items() if is_needed] or list(names)
    if len(found) == 1:
        return found[0]
    msg = (
        f"a job of this project has {len(found)} input files ({', '.join(found) or 'none'}), so "
        "it cannot be made of one alone. Make it with: stagerun init JOB --input NAME=FILE"
    )
    raise UsageError(msg)
