"""``stagerun models``: what lies in the model store, what is needed of it, and adding to it."""

from pathlib import Path
from typing import Final

import click

from runner.cli.completing import complete_models
from runner.cli.context import Context
from runner.cli.options import common_options
from runner.cli.reporting import answer
from runner.cli.tables import Cell, one_line, table
from runner.errors import ModelMissingError, UsageError
from runner.job.folder import find_job
from runner.project.models import listed, model_name, store_of
from runner.project.quantity import size_text
from runner.run.models import Lacks, ModelState, Verification, lacks, model_states, verify

HEADERS: Final = ("model", "needed by", "state", "size")
USAGE: Final = "stagerun models [JOB], stagerun models add NAME PATH, stagerun models verify [NAME]"
ADD_WORDS: Final = 3
VERIFY_WORDS: Final = (1, 2)


@click.command("models", short_help="Show, add or verify the models that stages need.")
@click.argument(
    "words",
    nargs=-1,
    metavar="[JOB] | add NAME PATH | verify [NAME]",
    shell_complete=complete_models,
)
@common_options
@click.pass_obj
def command(context: Context, /, words: tuple[str, ...]) -> int:
    """Show the models that the stages of JOB need (or of the project's settings).

    \b
    add NAME PATH    brings a folder, or a file, into the store and records its digests
    verify [NAME]    hashes what is on record and compares it

    The exit code is 5 when something that is needed is missing, or not what was added.
    """
    if words[:1] == ("add",) and len(words) == ADD_WORDS:
        return _add(context, words[1], Path(words[2]))
    if words[:1] == ("verify",) and len(words) in VERIFY_WORDS:
        return _verify(context, *words[1:])
    if len(words) > 1 or words[:1] in (("add",), ("verify",)):
        msg = f"there is: {USAGE}"
        raise UsageError(msg)
    return _list(context, *words)


def _list(context: Context, job: str | None = None) -> int:
    opened = find_job(Path(job)) if job is not None else None
    states = model_states(context.project, opened)
    code = ModelMissingError.exit_code if any(state.problem for state in states) else 0
    document = {
        "schema_version": 1,
        "store": context.project.settings.models,
        "job": opened.root if opened else None,
        "models": states,
        "exit_code": code,
    }
    answer(context, document, lambda: _lines(context, states))
    return code


def _lines(context: Context, states: list[ModelState]) -> list[str]:
    if not states:
        return ["no models: none is needed, and none is on record"]
    lines = table([_row(state) for state in states], HEADERS, colour=context.colour)
    lines += [one_line(state.problem) for state in states if state.problem]
    for state in states:
        lines += _incomplete(state.name, {} if state.problem else state.lacks)
    return lines


def _incomplete(name: str, lacks: Lacks) -> list[str]:
    return [
        one_line(f"{name} is incomplete: {stage} also needs {listed(files)}")
        for stage, files in lacks.items()
    ]


def _row(state: ModelState) -> list[str | Cell]:
    if state.problem and not state.size_bytes:
        said = Cell("missing", "bad")
    elif state.lacks:
        said = Cell("incomplete", "bad" if state.problem else "warn")
    elif state.problem:
        said = Cell("not as needed", "bad")
    else:
        said = Cell("complete" if state.recorded else "complete, not on record", "good")
    size = size_text(state.size_bytes) if state.size_bytes else ""
    return [Cell(state.name, "strong"), ", ".join(state.stages) or "nothing", said, size]


def _add(context: Context, name: str, source: Path) -> int:
    from runner.job.model_adding import add_model

    store = store_of(context.project.settings)
    with context.observing() as emit:
        record = add_model(store, model_name(name), source, emit)
    folder = store / name
    lacking = lacks(context.project, store, name)
    document = {
        "schema_version": 1,
        "name": name,
        "folder": folder,
        "files": record,
        "lacks": lacking,
    }
    total = size_text(sum(file.size_bytes for file in record.values()))
    said = f"{len(record)} file{'s' if len(record) > 1 else ''}, {total}, digests recorded"
    answer(context, document, lambda: [f"{folder}: {said}", *_incomplete(name, lacking)])
    return 0


def _verify(context: Context, name: str | None = None) -> int:
    store = store_of(context.project.settings)
    found = verify(context.project, store, model_name(name) if name is not None else None)
    code = ModelMissingError.exit_code if any(item.problems for item in found) else 0
    document = {"schema_version": 1, "store": store, "models": found, "exit_code": code}
    answer(context, document, lambda: _verified(found))
    return code


def _verified(found: list[Verification]) -> list[str]:
    if not found:
        return ["no model is on record"]
    lines = []
    for item in found:
        count = f"{item.files} file{'s' if item.files > 1 else ''}"
        said = "not as it was added" if item.problems else f"{count} as added"
        lines.append(f"{item.name}: {said}")
        lines += [f"   {file}  {problem}".rstrip() for file, problem in item.problems]
        lines += _incomplete(item.name, item.lacks)
    return lines
