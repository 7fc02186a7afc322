"""Hold what a stage left against its contract: the manifest, the declared outputs, the folder.

The folder is untrusted: nothing in it is followed, executed or read without a size limit.
"""

import os
import stat
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Final

from runner.job.fingerprint import Entry, walk
from runner.job.folder import CACHE
from runner.project.quantity import size_text
from runner.project.stage import StageSpec

if TYPE_CHECKING:
    from pydantic import ValidationError

    from runner.manifest import StageManifest

MANIFEST_LIMIT: Final = 32 << 20
REPORTED: Final = 100
OWN_FILES: Final = frozenset({"manifest.json", "stage.log"})


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One departure from the contract; a warning does not fail the run."""

    path: str
    text: str
    is_warning: bool = False


@dataclass(frozen=True, kw_only=True)
class Found:
    """What the check found: the manifest if it is one, the outputs by name, the problems."""

    manifest: "StageManifest | None"
    manifest_problem: str | None
    outputs: tuple[tuple[str, Entry], ...]
    problems: tuple[Problem, ...]

    @property
    def errors(self) -> tuple[Problem, ...]:
        """Problems that fail a run that says success."""
        return tuple(problem for problem in self.problems if not problem.is_warning)


def check_contract(stage: StageSpec, folder: Path, run_id: str) -> Found:
    """Read the manifest and compare it with the spec and the folder. Raises nothing."""
    manifest, problem = read_manifest(folder / "manifest.json")
    if manifest is None:
        return Found(manifest=None, manifest_problem=problem, outputs=(), problems=())
    problems = list(_identity_problems(stage, manifest, run_id))
    if manifest.status != "success":
        return Found(manifest=manifest, manifest_problem=None, outputs=(), problems=tuple(problems))
    try:
        entries = walk(folder)
    except OSError as unreadable:
        problems.append(_error(".", f"a folder in it cannot be read: {unreadable.strerror}"))
        return Found(manifest=manifest, manifest_problem=None, outputs=(), problems=tuple(problems))
    files = {entry.path: entry for entry in entries if entry.is_file and _is_text(entry.path)}
    problems += _kind_problems(entries)
    tracked, tracking_problems = _tracked_outputs(stage, manifest, files)
    problems += tracking_problems
    outputs, declaration_problems = _declared_outputs(stage, files, tracked)
    problems += declaration_problems
    problems += _undeclared(stage, manifest, files, outputs)
    # Errors first: only so many are reported.
    problems.sort(key=lambda problem: problem.is_warning)
    return Found(
        manifest=manifest, manifest_problem=None, outputs=tuple(outputs), problems=tuple(problems)
    )


def read_manifest(path: Path) -> "tuple[StageManifest | None, str | None]":
    """The manifest, or why there is none: absent, a link, too large, no JSON, not the schema."""
    from pydantic import ValidationError

    from runner.manifest import StageManifest

    data, problem = _read_untrusted(path)
    if data is None:
        return None, problem
    try:
        return StageManifest.model_validate_json(data), None
    except ValidationError as invalid:
        return None, _schema_problem(invalid)


def _read_untrusted(path: Path) -> tuple[bytes | None, str | None]:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        return None, "there is no manifest.json"
    except OSError as problem:
        kind = "is a symbolic link" if path.is_symlink() else f"cannot be read: {problem.strerror}"
        return None, f"manifest.json {kind}"
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        os.close(descriptor)
        return None, "manifest.json is not a regular file"
    with os.fdopen(descriptor, "rb") as file:
        if status.st_size > MANIFEST_LIMIT:
            size, limit = size_text(status.st_size), size_text(MANIFEST_LIMIT)
            return None, f"manifest.json is {size} large; at most {limit} are read"
        return file.read(MANIFEST_LIMIT), None


def _schema_problem(problem: "ValidationError") -> str:
    details = problem.errors(include_input=False, include_url=False)
    if details[0]["type"] == "json_invalid":
        return f"manifest.json is not whole JSON ({details[0]['msg']})"
    first = ".".join(map(str, details[0]["loc"]))
    more = f", and {len(details) - 1} more" if len(details) > 1 else ""
    return f"manifest.json does not fit the schema: {first}: {details[0]['msg']}{more}"


def _identity_problems(stage: StageSpec, manifest: "StageManifest", run_id: str) -> list[Problem]:
    problems = []
    if (manifest.stage, manifest.stage_number) != (stage.name, stage.number):
        problems.append(
            _error(
                "manifest.json",
                f"it speaks of stage {manifest.stage!r}, number {manifest.stage_number}",
            )
        )
    if manifest.stage_id is not None and manifest.stage_id != stage.id:
        problems.append(
            _error("manifest.json", f"its stage_id is {manifest.stage_id!r}, not {stage.id!r}")
        )
    if manifest.run_id is not None and manifest.run_id != run_id:
        problems.append(
            _error("manifest.json", f"it was written in the run {manifest.run_id}, not in {run_id}")
        )
    return problems


def _kind_problems(entries: list[Entry]) -> list[Problem]:
    problems = []
    for entry in entries:
        if not entry.is_file:
            text = f"is {entry.kind}; only regular files may stay in a stage's folder"
        elif entry.path == CACHE:
            text = "is a file, where only a folder may be"
        elif not entry.mode & stat.S_IRUSR:
            text = "may not be read by its owner"
        elif not _is_text(entry.path):
            text = "has a name that is not UTF-8 text"
        else:
            continue
        problems.append(_error(entry.path, text))
    return problems


def _tracked_outputs(
    stage: StageSpec, manifest: "StageManifest", files: dict[str, Entry]
) -> tuple[set[str], list[Problem]]:
    tracked: set[str] = set()
    folders = {parent for path in files for parent in _parents(path)}
    tracked_folders = set()
    problems = []
    for output in manifest.outputs:
        inside = _inside(stage.id, output.path)
        if inside is None:
            problems.append(
                _error(output.path, "tracked as an output, but lies outside the stage's folder")
            )
        elif (inside or ".") in folders:
            tracked_folders.add(inside or ".")
        elif inside not in files:
            problems.append(_error(inside, "tracked as an output, not there"))
        else:
            tracked.add(inside)
            size = files[inside].size
            if output.size_bytes is not None and output.size_bytes != size:
                problems.append(
                    _error(inside, f"tracked with {output.size_bytes} bytes, has {size}")
                )
    tracked |= {path for path in files if _parents(path) & tracked_folders}
    return tracked, problems


def _parents(path: str) -> set[str]:
    """The folders that a file lies in, relative to the stage's, which is ``.``."""
    return {str(parent) for parent in PurePosixPath(path).parents}


def _inside(stage_id: str, path: str) -> str | None:
    """The path relative to the stage's folder; None when it lies elsewhere."""
    pure = PurePosixPath(path)
    if pure.is_relative_to("/job"):
        pure = pure.relative_to("/job")
    if ".." in pure.parts or pure.is_absolute() or pure.parts[:1] != (stage_id,):
        return None
    return "/".join(pure.parts[1:])


def _declared_outputs(
    stage: StageSpec, files: dict[str, Entry], tracked: set[str]
) -> tuple[list[tuple[str, Entry]], list[Problem]]:
    outputs: list[tuple[str, Entry]] = []
    problems = []
    for output in stage.outputs:
        matching = [
            entry for path, entry in files.items() if output.matches(path) and path not in OWN_FILES
        ]
        outputs += [(output.name, entry) for entry in matching]
        if not matching and not output.optional:
            problems.append(_error(output.file, f"declared as {output.name!r}, not there"))
        problems += [
            Problem(
                path=entry.path,
                text="there and declared, but the stage did not track it",
                is_warning=True,
            )
            for entry in matching
            if entry.path not in tracked
        ]
    return outputs, problems


def _undeclared(
    stage: StageSpec,
    manifest: "StageManifest",
    files: dict[str, Entry],
    outputs: list[tuple[str, Entry]],
) -> list[Problem]:
    declared = {entry.path for _, entry in outputs}
    scratch = {_inside(stage.id, item.path) for item in manifest.intermediate_files}
    advice = f"add it to outputs in stages/{stage.id}/stage.yaml or write it under {CACHE}/"
    return [
        _error(path, f"there ({size_text(entry.size)}), declared nowhere: {advice}")
        for path, entry in files.items()
        if path not in declared
        and path not in OWN_FILES
        and path != CACHE
        and not _covered(path, scratch)
    ]


def _covered(path: str, scratch: set[str | None]) -> bool:
    return path in scratch or bool(_parents(path) & scratch)


def _is_text(name: str) -> bool:
    # Bytes that are no UTF-8 come from the file system as lone surrogates.
    return not any("\udc80" <= character <= "\udcff" for character in name)


def _error(path: str, text: str) -> Problem:
    return Problem(path=os.fsencode(path).decode("utf-8", "backslashreplace"), text=text)
