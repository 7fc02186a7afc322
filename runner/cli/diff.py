"""``stagerun diff RUN_A RUN_B``: what two runs had otherwise."""

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from runner.cli.context import Context
from runner.cli.options import common_options
from runner.cli.reporting import answer, is_job
from runner.cli.tables import one_line, table
from runner.errors import UnknownStageError, UsageError
from runner.job.folder import Job, find_job
from runner.project.quantity import duration_text

if TYPE_CHECKING:
    from runner.manifest import RunRecord
    from runner.run.comparison import Comparison, Fact

RECORD: Final = "record.json"
ABSENT: Final = "not there"
HOW: Final = (
    "Name a run by its folder (JOB/.stagerun/runs/RUN), as JOB/STAGE for a stage's last run, or by "
    "its id with --job JOB"
)
COUNTED: Final = frozenset({"setting", "limit", "used", "input", "output", "model"})
"""Kinds of which only the number is told where they are equal."""


@click.command("diff", short_help="Compare two runs.")
@click.argument("words", nargs=2, metavar="RUN_A RUN_B")
@click.option(
    "--job", "place", type=click.Path(path_type=Path), metavar="JOB", help="Where run ids belong."
)
@common_options
@click.pass_obj
def command(context: Context, /, words: tuple[str, str], place: Path | None) -> None:
    """Show what RUN_A and RUN_B had otherwise: what they were given, used, and came to.

    A run is named by its folder, as JOB/STAGE (the stage's last run), or with --job by its id.
    """
    from runner.run.comparison import compare_runs

    job = find_job(place) if place is not None else None
    a, b = (_record(context, word, job) for word in words)
    found = compare_runs(a, b)
    document = {
        "schema_version": 1,
        "a": _head_document(a),
        "b": _head_document(b),
        "differences": [
            {"kind": it.kind, "name": it.name, "a": _value(it.a), "b": _value(it.b)}
            for it in found.differences
        ],
        "equal": [{"kind": it.kind, "name": it.name, "value": it.value} for it in found.equal],
    }
    answer(context, document, lambda: _lines(a, b, found))


def _record(context: Context, word: str, job: Job | None) -> "RunRecord":
    """The record of the run that a word names. Raises UsageError and what opening a job raises."""
    path = _path(context, word, job)
    from pydantic import ValidationError

    from runner.manifest import RunRecord

    try:
        return RunRecord.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        msg = f"{word}: there is no record {path}; the run was refused or is not over. {HOW}."
    except (OSError, ValidationError) as problem:
        msg = f"{word}: the record {path} cannot be read: {one_line(str(problem))}"
    raise UsageError(msg)


def _path(context: Context, word: str, job: Job | None) -> Path:
    path = Path(word)
    if path.name == RECORD or (path / RECORD).is_file():
        return path if path.name == RECORD else path / RECORD
    if job is not None and "/" not in word and job.run_folder(word).is_dir():
        return job.run_folder(word) / RECORD
    if is_job(str(path.parent)) and len(path.parts) > 1:
        return _last(context, find_job(path.parent), path.name)
    if job is not None and "/" not in word:
        return _last(context, job, word)
    msg = f"{word} is no run. {HOW}."
    raise UsageError(msg)


def _last(context: Context, job: Job, word: str) -> Path:
    from runner.run.ending import newest_run

    project = context.nearby_project()
    try:
        stage_id = project.stage(word).id if project is not None else word
    except UnknownStageError:
        stage_id = word
    newest = newest_run(job, stage_id)
    if newest is None:
        msg = f"{stage_id} is no run of {job.root}, and no stage that has run there. {HOW}."
        raise UsageError(msg)
    return job.run_folder(newest[0]) / RECORD


def _head_document(record: "RunRecord") -> dict[str, Any]:
    return {
        "run_id": record.run_id,
        "stage": record.stage_id,
        "job": record.job,
        "started_at": record.started_at.isoformat(),
        "duration_seconds": record.duration_seconds,
    }


def _value(fact: "Fact | None") -> Any:
    return None if fact is None else fact.value


def _lines(a: "RunRecord", b: "RunRecord", found: "Comparison") -> list[str]:
    heads = [
        (name, it.run_id, it.stage_id, it.job, it.verdict, duration_text(it.duration_seconds))
        for name, it in (("A", a), ("B", b))
    ]
    rows = [
        (f"{it.kind} {it.name}", it.a.text if it.a else ABSENT, it.b.text if it.b else ABSENT)
        for it in found.differences
    ]
    lines = [*table(heads), "", *(table(rows, ("", "A", "B")) if rows else ["nothing differs"])]
    return [*lines, f"equal: {', '.join(_equal(found)) or 'nothing'}"]


def _equal(found: "Comparison") -> list[str]:
    numbers = Counter(fact.kind for fact in found.equal)
    texts = {"used": "measured values (within 10 %)"}
    counted = [
        f"{number} {texts.get(kind, kind + ('s' if number > 1 else ''))}"
        for kind, number in numbers.items()
        if kind in COUNTED
    ]
    return [*(kind for kind in numbers if kind not in COUNTED), *counted]
