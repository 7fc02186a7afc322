"""``stagerun doctor``: what works here, and the command that mends what does not."""

from typing import Final

import click

from runner.cli.context import Context
from runner.cli.options import common_options
from runner.cli.reporting import answer
from runner.cli.tables import Cell, table
from runner.errors import StagerunError, UsageError
from runner.observers.style import UNICODE
from runner.project.config import NO_JOB, check_keys
from runner.project.pipeline import Project, find_project
from runner.run.doctor import Check, Health, examine, exit_code

ROLES: Final = {
    Health.OK: "good",
    Health.ABSENT: "dim",
    Health.MEND: "warn",
    Health.BROKEN: "bad",
}


@click.command("doctor", short_help="Look at the engine, the GPUs, the images and the disk.")
@common_options
@click.pass_obj
def command(context: Context) -> int:
    """Look at everything that stages need here, and say what mends it.

    The exit code is 0 unless something that is needed is broken (5 without an engine).
    """
    from runner.cli.gpus import machine_gpus
    from runner.host.gpu import inventory

    project, problem = _project(context)
    # Without a project nobody has said how the GPUs are shared.
    box = machine_gpus(context) if project is not None else None
    checks = examine(project, lambda: context.engine, inventory, box)
    checks += [problem] if problem else []
    code = exit_code(checks)
    document = {"schema_version": 1, "checks": checks, "exit_code": code}
    answer(
        context,
        document,
        lambda: table([_row(check) for check in checks], colour=context.colour),
    )
    return code


def _project(context: Context) -> tuple[Project | None, Check | None]:
    """The project as far as it can be read, and what is to be said of it."""
    try:
        find_project(context.folder, context.project_folder)
    except UsageError as problem:
        return None, Check(subject="project", text=str(problem), health=Health.ABSENT)
    project = None
    try:
        project = context.project
        check_keys(project, NO_JOB, {})
    except StagerunError as problem:
        return project, Check(
            subject="project",
            text=str(problem).removesuffix("."),
            health=Health.BROKEN,
            remedy="mend it: every command needs it",
            exit_code=problem.exit_code,
        )
    return project, None


def _row(check: Check) -> list[str | Cell]:
    verdicts = {Health.OK: "ok", Health.ABSENT: UNICODE.skipped}
    verdict = verdicts.get(check.health) or check.remedy or str(check.health)
    return [check.subject, check.text, Cell(verdict, ROLES[check.health])]
