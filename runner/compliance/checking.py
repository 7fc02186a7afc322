"""The check: every rule on every file, less what the author has seen and wants."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from runner.compliance.code import Code, UnreadableCodeError, read_code
from runner.compliance.dockerfile import RULES as DOCKERFILE_RULES
from runner.compliance.dockerfile import read_dockerfile
from runner.compliance.finding import Finding, Rule, Severity, Spot, Subject
from runner.compliance.ignoring import Ignore, find_bad_ignores, ignores_of
from runner.compliance.installed import installed_names, known_names
from runner.compliance.rules.table import RULES
from runner.compliance.subject import StageFile
from runner.compliance.targets import DOCKERFILE, SPEC, Target, modules_of
from runner.errors import SpecError

UNREADABLE: Final = ("ST001", "unreadable", Severity.ERROR)
BAD_SPEC: Final = ("ST002", "bad-spec", Severity.ERROR)
BAD_IGNORE: Final = ("ST003", "bad-ignore", Severity.WARNING)
OWN_RULES: Final = (UNREADABLE, BAD_SPEC, BAD_IGNORE)
KNOWN: Final = frozenset(
    [rule[0] for rule in OWN_RULES]
    + [rule.id for rule in RULES]
    + [rule.id for rule in DOCKERFILE_RULES]
)


@dataclass(frozen=True, kw_only=True)
class Checked:
    """What came of a check: how many files there were, and what was found, by place.

    ``other_languages`` are the folders of stages without any Python, of which the spec was checked.
    """

    files: int
    findings: tuple[Finding, ...]
    other_languages: tuple[Path, ...] = ()

    @property
    def errors(self) -> int:
        """How many of the findings are errors."""
        return sum(finding.is_error for finding in self.findings)

    @property
    def warnings(self) -> int:
        """How many of the findings are warnings."""
        return len(self.findings) - self.errors


def check(targets: Iterable[Target]) -> Checked:
    """Hold files against all rules."""
    found: list[Finding] = []
    others: list[Path] = []
    count = 0
    for target in targets:
        count += len(target.files)
        found += _check_target(target)
        if target.folder is not None and target.stage is not None and not target.files:
            others.append(target.folder)
    found.sort(key=lambda finding: (str(finding.path), finding.line, finding.rule))
    return Checked(files=count, findings=tuple(found), other_languages=tuple(others))


def stage_files(target: Target) -> Iterator[StageFile]:
    """The files of a target as the rules see them. Raises UnreadableCodeError and SpecError."""
    codes = {path.name: read_code(path) for path in target.files if path.name != DOCKERFILE}
    return _with_neighbours(target, codes)


def _check_target(target: Target) -> Iterator[Finding]:
    folder, problem, codes = target.folder, target.problem, dict[str, Code]()
    for path in target.files:
        if path.name == DOCKERFILE:
            yield from _check_dockerfile(path)
            continue
        try:
            codes[path.name] = read_code(path)
        except UnreadableCodeError as unreadable:
            spot = Spot(line=unreadable.line, column=unreadable.column, message=str(unreadable))
            yield _finding(UNREADABLE, path, spot, "")
    try:
        files = list(_with_neighbours(target, codes))
    except SpecError as missing:
        files, problem = [StageFile(code=code) for code in codes.values()], str(missing)
    if folder is not None and problem is not None:
        yield _finding(BAD_SPEC, folder / SPEC, Spot(message=problem), "")
    for file in files:
        yield from _check_file(RULES, file, file.code.path, file.code.text)


def _with_neighbours(target: Target, codes: dict[str, Code]) -> Iterator[StageFile]:
    """Raises SpecError when the stage's parent image is not there."""
    modules, installed = dict(codes), None
    if target.folder is not None:
        for path in modules_of(target.folder):
            if path.name not in modules:
                try:
                    modules[path.name] = read_code(path)
                except UnreadableCodeError:
                    continue
    if target.project is not None and target.stage is not None:
        installed = installed_names(target.project, target.stage)
    elif target.stage is not None and target.problem is None:
        installed = known_names(target.stage)
    for name, code in codes.items():
        others = {key: value for key, value in modules.items() if key != name}
        yield StageFile(code=code, stage=target.stage, modules=others, installed=installed)


def _check_dockerfile(path: Path) -> Iterator[Finding]:
    try:
        file = read_dockerfile(path)
    except (OSError, UnicodeDecodeError) as problem:
        yield _finding(UNREADABLE, path, Spot(message=f"cannot be read: {problem}"), "")
        return
    yield from _check_file(DOCKERFILE_RULES, file, path, file.text)


def _check_file(
    rules: tuple[Rule[Subject], ...], subject: Subject, path: Path, text: str
) -> Iterator[Finding]:
    code = getattr(subject, "code", None)
    ignores = ignores_of(text, code.spans if isinstance(code, Code) else None)
    ignored = set(_ignored(path, ignores))
    too_deep = []
    for rule in rules:
        try:
            spots = list(rule.find(subject))
        except RecursionError:
            too_deep.append(rule.id)
            continue
        for spot in spots:
            place, there = spot.path or path, text
            if spot.path is not None:
                there = spot.path.read_text(encoding="utf-8", errors="replace")
                ignored.update(_ignored(place, ignores_of(there, None)))
            if (place, spot.line, rule.id) not in ignored:
                yield _finding((rule.id, rule.name, rule.severity), place, spot, there)
    if too_deep:
        message = f"is nested too deep to be checked for {', '.join(too_deep)}"
        yield _finding(UNREADABLE, path, Spot(message=message), "")
    for spot in find_bad_ignores(ignores, KNOWN):
        yield _finding(BAD_IGNORE, path, spot, text)


def _ignored(path: Path, ignores: Iterable[Ignore]) -> Iterator[tuple[Path, int, str]]:
    for item in ignores:
        if item.reason:
            yield from ((path, line, rule) for rule in item.rules for line in item.covers)


def _finding(rule: tuple[str, str, Severity], path: Path, spot: Spot, text: str) -> Finding:
    lines = text.split("\n")
    line = lines[spot.line - 1] if spot.line <= len(lines) else ""
    return Finding(
        rule=rule[0],
        name=rule[1],
        severity=rule[2],
        path=path,
        line=spot.line,
        column=_column(line, spot.column),
        end_column=_column(line, spot.end_column),
        message=spot.message,
        text=line,
    )


def _column(line: str, column: int) -> int:
    """A column that Python's parser counted in bytes, in characters."""
    if line.isascii():
        return column
    return len(line.encode()[: column - 1].decode(errors="ignore")) + 1
