"""Looking into a stage's container: ``--shell`` before a run, ``--keep`` after one that failed."""

from collections.abc import Callable

from runner.cli.context import Context
from runner.cli.reporting import say
from runner.cli.terminal import check_terminal, lend
from runner.errors import EngineUnavailableError
from runner.events import Notice
from runner.job.folder import Job
from runner.observers.plain import plain
from runner.project.stage import StageSpec
from runner.run.kept_container import KeptContainer, kept_container
from runner.run.outcome import Outcome
from runner.run.prompt import prompt
from runner.run.request import RunOptions


def open_prompt(context: Context, prepare: Callable[[], tuple[StageSpec, Job, RunOptions]]) -> int:
    """Lend the terminal to a shell in the container of a run.

    The exit code is 0 however the shell ended: it says nothing about the stage. Raises UsageError
    without a terminal, and as ``prompt`` does.
    """
    check_terminal()
    stage, job, options = prepare()
    with (
        context.observing() as tell,
        prompt(stage, context.project, job, context.host, options=options, emit=tell) as opened,
    ):
        for text in opened.notices:
            tell(Notice(stage=stage.id, message=text))
        welcome = (
            f"a prompt in the container of {stage.id}; a run would start in it: {opened.program}\n"
            f"What is written to /job/{stage.id} is gone at the end. Leave with: exit"
        )
        tell(Notice(stage=None, message=welcome))
        lend(opened.container)
    return 0


def tell_of_kept(context: Context, outcome: Outcome, job: Job) -> None:
    """Say how to look into the container that was kept, if one was."""
    try:
        kept = kept_container(outcome, job, context.engine)
    except EngineUnavailableError:
        return  # the run's own end has told of that
    if kept is None:
        return
    if context.json:
        with context.observing() as tell:
            emit = tell.of_job(str(job.root), "")
            emit(Notice(stage=outcome.stage, message="\n".join(_lines(kept, outcome.stage, job))))
    elif not context.quiet:
        # Not as a paragraph: commands that are broken into lines cannot be copied.
        for line in _lines(kept, outcome.stage, job):
            say(f"   {plain(line)}")


def _lines(kept: KeptContainer, stage_id: str, job: Job) -> list[str]:
    fresh = f"its secrets are gone; a fresh one: stagerun {stage_id} {job.root} --shell"
    return [
        f"Its container is kept. Look inside: {kept.inside or fresh}",
        f"What it printed: {kept.output}",
        f"Remove it: {kept.removal}",
    ]
