"""``stagerun doctor``: what works here, and the command that mends what does not."""

from typing import Final

import click

from runner.cli.context import Context
from runner.cli.options import common_options
from runner.cli.reporting import answer
from runner.cli.tables import Cell, table
from runner.errors import UsageError
from runner.observers.style import UNICODE
from runner.project.pipeline import Project
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
    # Without a project there are no settings that could be wrong.
    box = machine_gpus(context) if problem is None else None
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
    try:
        return context.project, None
    except UsageError as problem:
        text = str(problem)
        return None, Check(subject="project", text=text, health=Health.ABSENT)


def _row(check: Check) -> list[str | Cell]:
    verdicts = {Health.OK: "ok", Health.ABSENT: UNICODE.skipped}
    verdict = verdicts.get(check.health) or check.remedy or str(check.health)
    return [check.subject, check.text, Cell(verdict, ROLES[check.health])]
