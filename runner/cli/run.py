"""``stagerun run JOB…`` and ``stagerun STAGE JOB``: running stages."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from runner.cli.completing import complete_stage
from runner.cli.context import Context
from runner.cli.images_first import Wanted, build_first
from runner.cli.jobs import plan_jobs, wanted_jobs
from runner.cli.many_jobs import is_many, run_jobs
from runner.cli.options import (
    FOREVER,
    PLACE,
    WaitingCommand,
    common_options,
    parse_settings,
    run_options,
    wait_seconds,
)
from runner.cli.stopping import Running, stopping
from runner.errors import UsageError
from runner.job.folder import Job, open_job
from runner.observers.together import together
from runner.project.config import LIMIT_NAMES, NO_JOB, check_keys, parse_limits
from runner.project.pipeline import Project
from runner.project.quantity import parse_duration
from runner.project.stage import StageSpec
from runner.run.plan import Plan, plan_job
from runner.run.request import RunOptions
from runner.run.scheduler import execute

if TYPE_CHECKING:
    from runner.cli.watching import Watcher

SETTLE: Final = "10s"


def stage_command(name: str) -> click.Command:
    """The command that runs one stage, for ``stagerun STAGE JOB``."""

    @click.command(name, cls=WaitingCommand, help=f"Run the stage {name} of JOB.")
    @click.argument("place", metavar="JOB", type=PLACE)
    @run_options
    @click.option(
        "--shell", is_flag=True, help="A prompt in place of its program; counts for nothing."
    )
    @click.option("--keep", is_flag=True, help="Keep the container if it fails, to look into it.")
    @common_options
    @click.pass_obj
    def command(context: Context, /, place: Path, *, shell: bool, keep: bool, **asked: Any) -> int:
        if shell and keep:
            msg = "--keep belongs to a run, and --shell runs nothing but a prompt. Leave one out."
            raise UsageError(msg)
        if shell:
            from runner.cli.looking_inside import open_prompt

            return open_prompt(context, lambda: _prepared(context, name, place, asked))
        return _run_stage(context, name, place, asked, keep=keep)

    return command


def _run_stage(
    context: Context, name: str, place: Path, asked: dict[str, Any], *, keep: bool
) -> int:
    project = context.project
    stage, job, options = _prepared(context, name, place, asked)
    # What is kept is the container of the call's last attempt: there is one.
    options = replace(options, keep=keep, retry=options.retry and not keep)
    with context.observing() as tell, context.observing_job(job, tell) as emit:
        running = Running()
        grace = project.settings.limits.stop_grace
        with stopping(context.host.cancellation, running, tell, grace_seconds=grace):
            outcome = execute(
                stage.id, project, job, context.host, options, together(running, emit)
            )
    if keep:
        from runner.cli.looking_inside import tell_of_kept

        tell_of_kept(context, outcome, job)
    return outcome.exit_code


def _prepared(
    context: Context, name: str, place: Path, asked: dict[str, Any]
) -> tuple[StageSpec, Job, RunOptions]:
    """The stage, the job and what is asked of the run, its image built where that is asked."""
    stage = context.project.stage(name)
    job = open_job(place)
    options = _options(asked)
    check_keys(context.project, job.layer, options.overrides)
    if asked["build"]:
        _build_first(context, [Wanted(job=job, stages=(stage.id,), overrides=options.overrides)])
    return stage, job, options


@click.command("run", cls=WaitingCommand)
@click.argument("places", metavar="JOB…", nargs=-1, type=PLACE)
@click.option("--upto", metavar="STAGE", shell_complete=complete_stage, help="Stop after STAGE.")
@click.option(
    "--from", "start", metavar="STAGE", shell_complete=complete_stage, help="Begin with STAGE."
)
@click.option("--dry-run", is_flag=True, help="Only say what would run, and why.")
@click.option(
    "--jobs", "-j", "at_once", metavar="N", type=click.IntRange(min=1), help="Stages at once."
)
@click.option("--out", type=PLACE, metavar="DIR", help="The job to make of a film [out/NAME].")
@click.option("--watch", type=PLACE, metavar="DIR", help="Go on with what arrives in DIR.")
@click.option("--settle", metavar="TIME", help=f"How long a film must stay the same [{SETTLE}].")
@click.option(
    "--only", metavar="GLOB", multiple=True, help="Names that --watch takes [films and sound]."
)
@run_options
@common_options
@click.pass_obj
def command(
    context: Context,
    /,
    places: tuple[Path, ...],
    upto: str | None,
    start: str | None,
    dry_run: bool,
    at_once: int | None,
    out: Path | None,
    watch: Path | None,
    settle: str | None,
    only: tuple[str, ...],
    **asked: Any,
) -> int:
    """Run what JOB's workflow needs and is not there yet.

    JOB is a job directory, or a film: then the job out/NAME is made of it first. With --watch
    the call goes on until it is stopped, with films and jobs that arrive in a folder.
    """
    is_of_folder = settle is not None or bool(only)
    _check_words(places, watch, out, dry_run=dry_run, is_of_folder=is_of_folder)
    project = _with_places(context.project, at_once)
    wanted = wanted_jobs(places, out)
    many = watch is not None or is_many(wanted)
    options = replace(_options(asked, many=many), keep_given=True)
    # What is wrong with the call itself is wrong for every job.
    check_keys(project, NO_JOB, options.overrides)
    for stage in (start, upto):
        if stage is not None:
            project.stage(stage)

    def planned(job: Job) -> Plan:
        plan = plan_job(project, job, start=start, upto=upto)
        check_keys(project, job.layer, options.overrides)
        return plan

    watcher = None if watch is None else _watcher(watch, settle, only, planned)
    if dry_run:
        from runner.cli.dry_run import NewJob, show_plans

        new = [NewJob.of(item.place, project, upto) for item in wanted if item.is_new]
        there = plan_jobs(
            context, [it for it in wanted if not it.is_new], planned, alone=len(wanted) == 1
        )
        show_plans(context, [*there.plans, *new], options, there.refused)
        return next((refusal.exit_code for refusal in there.refused), 0)
    jobs = plan_jobs(context, wanted, planned, alone=len(wanted) == 1)
    if asked["build"]:
        _build_first(context, [_wanted(plan, options) for plan in jobs.plans])
    return run_jobs(context, project, jobs, options, many=many, watcher=watcher)


def _check_words(
    places: Sequence[Path],
    watch: Path | None,
    out: Path | None,
    *,
    dry_run: bool,
    is_of_folder: bool,
) -> None:
    if watch is None and not places:
        msg = "name jobs or films to run, or a folder with --watch. See: stagerun run --help"
        raise UsageError(msg)
    if watch is None and is_of_folder:
        msg = (
            "--settle and --only are for a watched folder. Name one with --watch, or leave it out."
        )
        raise UsageError(msg)
    if watch is not None and (dry_run or out is not None):
        msg = "--watch goes neither with --dry-run nor with --out. Leave one out."
        raise UsageError(msg)
    if watch is not None and not watch.is_dir():
        msg = f"--watch {watch}: there is no such folder. Make it, or name another one."
        raise UsageError(msg)


def _watcher(
    folder: Path, settle: str | None, only: tuple[str, ...], planned: Callable[[Job], Plan]
) -> "Watcher":
    from runner.cli.watching import Watcher
    from runner.run.watching import WatchedFolder

    try:
        seconds = parse_duration(SETTLE if settle is None else settle)
    except ValueError as problem:
        msg = f"--settle {settle}: {problem}."
        raise UsageError(msg) from None
    for pattern in only:
        if not pattern or "/" in pattern:
            msg = (
                f"--only '{pattern}': no name of a file fits that, and folders in {folder} are not "
                "looked into. Give a pattern for names, such as '*.mkv'."
            )
            raise UsageError(msg)
    return Watcher(WatchedFolder(folder, seconds, only=only), planned)


def _wanted(plan: Plan, options: RunOptions) -> Wanted:
    stages = [stage for stage in plan.stages if stage not in plan.given]
    return Wanted(job=plan.job, stages=stages, overrides=options.overrides)


def _build_first(context: Context, wanted: Sequence[Wanted]) -> None:
    with context.observing() as emit:
        build_first(context, wanted, emit)


def _options(asked: dict[str, Any], *, many: bool = False) -> RunOptions:
    limits = {name: asked[name] for name in LIMIT_NAMES if asked[name] is not None}
    return RunOptions(
        force=asked["force"],
        # What runs for hours beside others is not to fail because of what runs at the moment.
        wait_seconds=FOREVER if many and asked["wait"] is None else wait_seconds(asked["wait"]),
        overrides=parse_settings(asked["settings"]),
        limits=parse_limits(limits),
        dev=asked["dev"],
        retry=not asked["no_retry"],
    )


def _with_places(project: Project, at_once: int | None) -> Project:
    """The project with ``--jobs`` in place of the site's number of stages at once."""
    if at_once is None:
        return project
    settings = project.settings
    limits = replace(settings.limits, stages_at_once=at_once)
    return replace(project, settings=replace(settings, limits=limits))
