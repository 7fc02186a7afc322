"""``stagerun test [STAGE…]``: hold stage images against their fixtures."""

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from runner.cli.completing import complete_stage
from runner.cli.context import Context
from runner.cli.images_first import build_images
from runner.cli.options import FOREVER, common_options
from runner.cli.reporting import answer, say, tell_notices
from runner.cli.stopping import Running, stopping
from runner.cli.tables import Cell, indented, table
from runner.errors import SIGNAL_EXIT_CODES
from runner.observers.lines import shortened_from
from runner.observers.plain import plain
from runner.observers.style import UNICODE, paint
from runner.observers.together import together
from runner.project.quantity import duration_text, size_text
from runner.project.stage import StageSpec
from runner.run.request import RunOptions
from runner.run.variant import chosen_images

if TYPE_CHECKING:
    from runner.fixture.case_run import CaseResult
    from runner.fixture.stage_test import Manner

FOLDER: Final = Path("out/test")
NAME_COLUMNS: Final = 30


@click.command("test", short_help="Hold stage images against their fixtures.")
@click.argument("stages", nargs=-1, metavar="[STAGE]...", shell_complete=complete_stage)
@click.option("--twice", is_flag=True, help="Run each fixture twice: the bytes must be the same.")
@click.option("--changed", "base", metavar="BASE", help="Only what changed since a git revision.")
@click.option("--junit", metavar="FILE", type=click.Path(path_type=Path), help="Write JUnit XML.")
@click.option(
    "--jobs", "-j", "at_once", metavar="N", type=click.IntRange(min=1), help="Stages at once."
)
@click.option("--build", is_flag=True, help="First build the images that need it.")
@click.option("--dev", is_flag=True, help="Use the code as it is now, not the image's copy.")
@common_options
@click.pass_obj
def command(
    context: Context,
    /,
    stages: tuple[str, ...],
    *,
    twice: bool,
    base: str | None,
    junit: Path | None,
    at_once: int | None,
    build: bool,
    dev: bool,
) -> int:
    """Run the image of each STAGE (all without any) on the small jobs of its folder fixture/.

    They run under the whole sandbox, good jobs and bad ones, and what comes of them has to be as
    expect.yaml says: docs/fixtures.md. The stage's own tests in tests/ run inside its image, too.
    """
    from runner.fixture.junit import write_junit
    from runner.fixture.stage_test import Manner

    chosen = _chosen(context, stages, base)
    if build:
        with context.observing() as emit:
            build_images(context, chosen_images(context.project, chosen), emit)
    options = RunOptions(wait_seconds=FOREVER, dev=dev, retry=False)
    manner = Manner(folder=context.project.root / FOLDER, options=options, twice=twice)
    results = _tested(context, chosen, manner, at_once)
    if junit is not None:
        write_junit(junit, results)
    answer(context, _document(results), lambda: _summary(context, chosen, results))
    if (number := context.host.cancellation.signal) is not None:
        return SIGNAL_EXIT_CODES[number]
    return int(not all(result.passed for result in results))


def _chosen(context: Context, names: Sequence[str], base: str | None) -> list[StageSpec]:
    project = context.project
    chosen = [project.stage(name) for name in names] or list(project.stages.values())
    if base is None:
        return chosen
    from runner.fixture.changed import changed_stages

    changed = {stage.id for stage in changed_stages(project, base)}
    return [stage for stage in chosen if stage.id in changed]


def _tested(
    context: Context, chosen: Sequence[StageSpec], manner: "Manner", at_once: int | None
) -> list["CaseResult"]:
    """Test the stages side by side; a line tells of each case as soon as it has ended."""
    from runner.fixture.stage_test import test_stage

    project, host = context.project, context.host
    running, telling = Running(), threading.Lock()
    shorten = shortened_from(str(context.folder))

    def test(stage: StageSpec) -> list["CaseResult"]:
        found = []
        for result in test_stage(stage, manner, project, host, together(running, tell_notices)):
            found.append(result)
            if not (context.json or context.quiet):
                with telling:
                    say(shorten("\n".join(_lines(context, result))))
        return found

    limits = project.settings.limits
    with (
        stopping(host.cancellation, running, tell_notices, grace_seconds=limits.stop_grace),
        ThreadPoolExecutor(max_workers=at_once or limits.stages_at_once) as pool,
    ):
        return [result for found in pool.map(test, chosen) for result in found]


def _lines(context: Context, result: "CaseResult") -> Iterator[str]:
    role = "good" if result.passed else "bad"
    mark = paint(UNICODE.success if result.passed else UNICODE.failure, role, on=context.colour)
    facts = "".join(f"{text:>9}" for text in _measured(result))
    yield f" {mark} {result.stage:22} {plain(result.case):{NAME_COLUMNS}}{facts}".rstrip()
    for problem in result.problems:
        yield from indented(problem, "   ")
    if result.problems and result.job is not None:
        yield f"   job: {result.job}"


def _measured(result: "CaseResult") -> Iterator[str]:
    if result.duration_seconds is not None:
        yield duration_text(result.duration_seconds)
    if result.memory_peak_bytes is not None:
        yield size_text(result.memory_peak_bytes)


def _document(results: Sequence["CaseResult"]) -> dict[str, object]:
    return {
        "schema_version": 1,
        "passed": sum(result.passed for result in results),
        "failed": sum(not result.passed for result in results),
        "results": results,
    }


def _summary(
    context: Context, chosen: Sequence[StageSpec], results: Sequence["CaseResult"]
) -> list[str]:
    if not chosen:
        has_stages = bool(context.project.stages)
        why = "no stage has changed" if has_stages else "the project has no stages"
        return [f"nothing to test: {why}"]
    rows = []
    for stage in chosen:
        mine = [result for result in results if result.stage == stage.id]
        failed = sum(not result.passed for result in mine)
        took = sum(result.duration_seconds or 0 for result in mine)
        peak = max((result.memory_peak_bytes or 0 for result in mine), default=0)
        state = Cell(f"{failed} failed", "bad") if failed else Cell("passed", "good")
        count = f"{len(mine)} case{'' if len(mine) == 1 else 's'}"
        rows.append((f" {stage.id}", state, count, duration_text(took), size_text(peak)))
    return ["", *table(rows, colour=context.colour)]
