"""``stagerun check [PATH…]``: hold stage code, specs and Dockerfiles against the rules."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from runner.cli.context import Context
from runner.cli.options import common_options
from runner.cli.reporting import answer
from runner.cli.tables import one_line
from runner.errors import UsageError
from runner.host.git import git_words
from runner.observers.plain import plain
from runner.observers.style import UNICODE
from runner.run.findings import shown

if TYPE_CHECKING:
    from runner.compliance.checking import Checked
    from runner.compliance.checklist import Item
    from runner.compliance.finding import Finding


@click.command("check", short_help="Hold stage code and Dockerfiles against the rules.")
@click.argument("paths", nargs=-1, metavar="[PATH]...", type=click.Path(path_type=Path))
@click.option("--strict", is_flag=True, help="Let warnings fail, too.")
@click.option("--staged", is_flag=True, help="Check what git has staged for the next commit.")
@click.option("--checklist", is_flag=True, help="Show what of a stage's conversion is done.")
@common_options
@click.pass_obj
def command(
    context: Context, /, paths: tuple[Path, ...], *, strict: bool, staged: bool, checklist: bool
) -> int:
    """Check stages, single files and Dockerfiles without running anything.

    Without a PATH all of the project is checked. The exit code is 1 when there are errors, with
    --strict also for warnings. docs/rules.md explains each rule.
    """
    from runner.compliance.checking import check
    from runner.compliance.targets import gather

    wanted = _staged_files(context.folder) if staged else list(paths) or _all_of(context)
    if checklist:
        return _show_checklists(context, wanted)
    targets = gather(wanted)
    if paths and not targets:
        msg = f"there is nothing to check in {', '.join(map(str, paths))}."
        raise UsageError(msg)
    checked = check(targets)

    def lines() -> list[str]:
        found = (line for item in checked.findings for line in _told(item))
        others = (
            plain(f" {UNICODE.skipped} {folder}: no Python; of its files stage.yaml was checked")
            for folder in checked.other_languages
        )
        return [*found, *others, _summary(checked)]

    document = {
        "schema_version": 1,
        "files": checked.files,
        "errors": checked.errors,
        "warnings": checked.warnings,
        "findings": checked.findings,
        "other_languages": checked.other_languages,
    }
    answer(context, document, lines)
    return int(checked.errors > 0 or (strict and checked.warnings > 0))


def _all_of(context: Context) -> list[Path]:
    root = context.project.root
    folders = [folder for name in ("stages", "images") if (folder := root / name).is_dir()]
    return [_short(context, folder) for folder in folders]


def _short(context: Context, path: Path) -> Path:
    here = context.folder
    return path.relative_to(here) if path.is_relative_to(here) else path


def _staged_files(folder: Path) -> list[Path]:
    diff = ("diff", "--name-only", "--relative", "-z")
    git = partial(git_words, folder, *diff, asked_by="--staged")
    paths = [Path(name) for name in git("--cached", "--diff-filter=ACMR")]
    wanted = [path for path in paths if _is_checked(path)]
    edited = set(git())
    if others := [path for path in wanted if str(path) in edited]:
        msg = (
            f"{others[0]} is not as it was staged, and the files on disk are what is checked. "
            "Stage it again, or take the change back."
        )
        raise UsageError(msg)
    return wanted


def _is_checked(path: Path) -> bool:
    from runner.compliance.targets import NO_CODE

    is_code = path.suffix == ".py" and not NO_CODE & set(path.parts)
    return is_code or path.name in FILES


FILES = frozenset({"stage.yaml", "Dockerfile"})


def _told(finding: "Finding") -> list[str]:
    place = f"{finding.path}:{finding.line}:{finding.column}"
    head = f"{place}: {finding.severity}: {finding.message} [{finding.rule} {finding.name}]"
    if not finding.text.strip():
        return [one_line(head)]
    text = shown(finding.text.replace("\t", " "))
    width = max(1, min(finding.end_column, len(text) + 1) - finding.column)
    return [one_line(head), f"    {text}", f"    {' ' * (finding.column - 1)}{'^' * width}"]


def _summary(checked: "Checked") -> str:
    files = "1 file" if checked.files == 1 else f"{checked.files} files"
    if not checked.findings:
        return f" {UNICODE.success} {files}, nothing found"
    kinds = ((checked.errors, "error"), (checked.warnings, "warning"))
    found = (f"{count} {word}{'' if count == 1 else 's'}" for count, word in kinds if count)
    mark = UNICODE.failure if checked.errors else UNICODE.warning
    return f" {mark} {files}, {' and '.join(found)}"


def _show_checklists(context: Context, paths: list[Path]) -> int:
    from runner.compliance.checklist import State, checklist
    from runner.compliance.code import UnreadableCodeError
    from runner.compliance.targets import DOCKERFILE, gather

    targets = [item for item in gather(paths) if item.files and item.files[0].name != DOCKERFILE]
    if not targets:
        msg = f"{', '.join(map(str, paths))}: no Python is there, for which the list is made."
        raise UsageError(msg)
    try:
        lists = [checklist(target) for target in targets]
    except UnreadableCodeError as problem:
        msg = f"{problem}: see stagerun check."
        raise UsageError(msg) from None
    items = [item for one in lists for item in one]

    def lines() -> list[str]:
        return [_item_line(item) for item in items]

    answer(context, {"schema_version": 1, "items": items}, lines)
    return int(any(item.state is State.MISSING for item in items))


def _item_line(item: "Item") -> str:
    from runner.compliance.checklist import State

    marks = {State.DONE: UNICODE.success, State.MISSING: UNICODE.failure}
    place = str(item.path) if item.line is None else f"{item.path}:{item.line}"
    note = f"  {item.note}" if item.note else ""
    return plain(f" {marks.get(item.state, '-')} {item.text:46} {item.state:10} {place}{note}")
