"""Hold what a stage left against its contract: the manifest, the declared outputs, the folder.

The folder is untrusted: nothing in it is followed, executed or read without a size limit, and what
is kept of it in memory has one, too.
"""

import stat
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Final

from runner.job.fingerprint import CrowdedFolderError, Entry, file_digest, walk
from runner.job.folder import CACHE
from runner.project.quantity import size_text
from runner.project.stage import StageSpec
from runner.run.findings import Findings, Problem, is_text, shown
from runner.run.stage_manifest import read_manifest

if TYPE_CHECKING:
    from runner.stage_document import StageManifest, TrackedFile

FILES_LIMIT: Final = 25_000
PRIVILEGES: Final = stat.S_ISUID | stat.S_ISGID
OWN_FILES: Final = frozenset({"manifest.json", "stage.log"})


@dataclass(frozen=True, kw_only=True)
class Found:
    """What the check found: the manifest if it is one, the outputs by name, the problems.

    Of the problems the first ones are kept; ``left_out`` says how many more there are.
    """

    manifest: "StageManifest | None"
    manifest_problem: str | None
    outputs: tuple[tuple[str, Entry], ...]
    problems: tuple[Problem, ...]
    left_out: int = 0

    @property
    def errors(self) -> tuple[Problem, ...]:
        """Problems that fail a run that says success."""
        return tuple(problem for problem in self.problems if not problem.is_warning)


def check_contract(stage: StageSpec, folder: Path, run_id: str) -> Found:
    """Read the manifest and compare it with the spec and the folder. Raises nothing."""
    manifest, problem = read_manifest(folder / "manifest.json")
    if manifest is None:
        return Found(manifest=None, manifest_problem=problem, outputs=(), problems=())
    findings, outputs = Findings(), list[tuple[str, Entry]]()
    _check_identity(stage, manifest, run_id, findings)
    if manifest.status == "success":
        try:
            outputs = _check_files(stage, manifest, folder, findings)
        except CrowdedFolderError:
            text = (
                f"more than {FILES_LIMIT} files and folders lie in it, or their names are too long"
            )
            findings.add(".", text)
        except OSError as unreadable:
            findings.add(".", f"a folder in it cannot be read: {unreadable.strerror}")
    return Found(
        manifest=manifest,
        manifest_problem=None,
        outputs=tuple(outputs),
        problems=findings.problems,
        left_out=findings.left_out,
    )


def _check_identity(
    stage: StageSpec, manifest: "StageManifest", run_id: str, findings: Findings
) -> None:
    if (manifest.stage, manifest.stage_number) != (stage.name, stage.number):
        text = f"it speaks of stage {shown(manifest.stage)!r}, number {manifest.stage_number}"
        findings.add("manifest.json", text)
    if manifest.stage_id is not None and manifest.stage_id != stage.id:
        text = f"its stage_id is {shown(manifest.stage_id)!r}, not {stage.id!r}"
        findings.add("manifest.json", text)
    if manifest.run_id is not None and manifest.run_id != run_id:
        text = f"it was written in the run {shown(manifest.run_id)}, not in {run_id}"
        findings.add("manifest.json", text)


def _check_files(
    stage: StageSpec, manifest: "StageManifest", folder: Path, findings: Findings
) -> list[tuple[str, Entry]]:
    """The declared outputs that are there. Raises OSError or CrowdedFolderError."""
    entries = walk(folder, FILES_LIMIT)
    files = {entry.path: entry for entry in entries if entry.is_file and is_text(entry.path)}
    _check_kinds(entries, findings)
    tracked = _check_tracked(stage, manifest, folder, files, findings)
    outputs = _check_declared(stage, files, tracked, findings)
    _check_undeclared(stage, manifest, files, outputs, findings)
    return outputs


def _check_kinds(entries: list[Entry], findings: Findings) -> None:
    for entry in entries:
        if not entry.is_file:
            text = f"is {entry.kind}; only regular files may stay in a stage's folder"
        elif entry.path == CACHE:
            text = "is a file, where only a folder may be"
        elif not entry.mode & stat.S_IRUSR:
            text = "may not be read by its owner"
        elif entry.mode & PRIVILEGES:
            text = "lends its owner's rights to whoever starts it (setuid or setgid)"
        elif entry.is_hollow:
            text = f"claims {size_text(entry.size)}, of which next to nothing is there: all holes"
        elif not is_text(entry.path):
            text = "has a name that is not UTF-8 text"
        else:
            continue
        findings.add(entry.path, text)


def _check_tracked(
    stage: StageSpec,
    manifest: "StageManifest",
    folder: Path,
    files: dict[str, Entry],
    findings: Findings,
) -> set[str]:
    """The files that the stage tracked, by themselves or with a folder that they lie in."""
    claims = dict[str, "list[TrackedFile]"]()
    folders = {parent for path in files for parent in _parents(path)}
    tracked_folders = set()
    for output in manifest.outputs:
        inside = _inside(stage.id, output.path)
        if inside is None:
            text = "tracked as an output, but lies outside the stage's folder"
            findings.add(output.path, text)
        elif (inside or ".") in folders:
            tracked_folders.add(inside or ".")
        elif inside in files:
            claims.setdefault(inside, []).append(output)
        else:
            findings.add(inside, "tracked as an output, not there")
    for path, made in claims.items():
        _check_claims(folder / path, files[path], made, findings)
    return {*claims, *(path for path in files if _parents(path) & tracked_folders)}


def _check_claims(
    file: Path, entry: Entry, claims: "list[TrackedFile]", findings: Findings
) -> None:
    """Hold what the manifest says of a file against the file, which is read once at most."""
    digest = None
    for claim in claims:
        if claim.size_bytes not in {None, entry.size}:
            text = f"tracked with {claim.size_bytes} bytes, has {entry.size}"
            findings.add(entry.path, text)
        elif claim.checksum is not None and not entry.is_hollow:
            # A stage of ours leaves digests to the runner.
            digest = digest or _digest(file)
            if claim.checksum != digest:
                text = f"tracked with the checksum {claim.checksum}, has another"
                findings.add(entry.path, text)


def _digest(file: Path) -> str:
    try:
        return file_digest(file)
    except OSError:
        return "none: it cannot be read"


def _parents(path: str) -> frozenset[str]:
    """The folders that a file lies in, relative to the stage's, which is ``.``."""
    return _chain(path.rpartition("/")[0])


@lru_cache(maxsize=256)
def _chain(folder: str) -> frozenset[str]:
    return frozenset((".", folder or ".", *map(str, PurePosixPath(folder).parents)))


def _inside(stage_id: str, path: str) -> str | None:
    """The path relative to the stage's folder; None when it lies elsewhere."""
    pure = PurePosixPath(path)
    if pure.is_relative_to("/job"):
        pure = pure.relative_to("/job")
    if ".." in pure.parts or pure.is_absolute() or pure.parts[:1] != (stage_id,):
        return None
    return "/".join(pure.parts[1:])


def _check_declared(
    stage: StageSpec, files: dict[str, Entry], tracked: set[str], findings: Findings
) -> list[tuple[str, Entry]]:
    outputs: list[tuple[str, Entry]] = []
    for output in stage.outputs:
        matching = [
            entry for path, entry in files.items() if output.matches(path) and path not in OWN_FILES
        ]
        outputs += [(output.name, entry) for entry in matching]
        if not matching and not output.optional:
            findings.add(output.file, f"declared as {output.name!r}, not there")
        for entry in matching:
            if entry.path not in tracked:
                text = "there and declared, but the stage did not track it"
                findings.add(entry.path, text, is_warning=True)
    return outputs


def _check_undeclared(
    stage: StageSpec,
    manifest: "StageManifest",
    files: dict[str, Entry],
    outputs: list[tuple[str, Entry]],
    findings: Findings,
) -> None:
    declared = {entry.path for _, entry in outputs}
    scratch = {_inside(stage.id, item.path) for item in manifest.intermediate_files}
    advice = f"add it to outputs in stages/{stage.id}/stage.yaml or write it under {CACHE}/"
    for path, entry in files.items():
        known = path in declared or path in OWN_FILES or path == CACHE
        if not known and path not in scratch and not _parents(path) & scratch:
            text = f"there ({size_text(entry.size)}), declared nowhere: {advice}"
            findings.add(path, text)
