"""``stagerun validate JOB [STAGE…]``: hold everything on disk against the records."""

from pathlib import Path

import click

from runner.cli.context import Context
from runner.cli.options import PLACE, common_options
from runner.cli.reporting import answer
from runner.cli.tables import Cell, one_line, table
from runner.errors import ContractViolationError
from runner.job.folder import find_job
from runner.observers.style import UNICODE


@click.command("validate", short_help="Check everything on disk against the records.")
@click.argument("job", type=PLACE)
@click.argument("stages", nargs=-1, metavar="[STAGE]...")
@common_options
@click.pass_obj
def command(context: Context, /, job: Path, stages: tuple[str, ...]) -> int:
    """Check JOB: its records, and every result in force, from the bytes on disk.

    The exit code is 3 when something does not hold. No engine is needed.
    """
    from runner.run.revalidation import Check, as_document, revalidate, summary

    opened = find_job(job)
    wanted = [context.project.stage(text).id for text in stages]
    checks = list(revalidate(context.project, opened, wanted))
    holds = all(check.holds for check in checks)

    def row(check: Check) -> list[str | Cell]:
        mark = Cell(UNICODE.success, "good") if check.holds else Cell(UNICODE.failure, "bad")
        return [mark, check.stage, summary(check)]

    def lines() -> list[str]:
        rows = table([row(check) for check in checks], colour=context.colour)
        found: list[str] = []
        for line, check in zip(rows, checks, strict=True):
            found.append(line)
            for item in check.findings:
                kind = "warning: " if item.severity == "warning" else ""
                found.append(f"   {one_line(item.path)}  {kind}{one_line(item.problem)}")
            if more := check.total - len(check.findings):
                found.append(f"   and {more} more")
        return found

    document = {
        "schema_version": 1,
        "job": opened.root,
        "holds": holds,
        "checks": [as_document(check) for check in checks],
    }
    answer(context, document, lines)
    return 0 if holds else ContractViolationError.exit_code
