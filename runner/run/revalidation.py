"""Everything on disk against the records: manifests, digests, inputs. No engine is asked.

Files are hashed from their bytes; digests that were remembered earlier are not trusted here.
"""

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Final, TypeVar

from pydantic import BaseModel, ValidationError

from runner.errors import Verdict
from runner.job.fingerprint import file_digest
from runner.job.folder import Job
from runner.job.lock import is_locked
from runner.manifest import Finding, JobManifest, RunRecord, StageEntry
from runner.project.pipeline import JOB_INPUT, Project
from runner.project.quantity import size_text
from runner.project.stage import StageSpec
from runner.run.contract import check_contract
from runner.run.findings import REPORTED
from runner.run.given import as_given

JOB_ITSELF: Final = "job"
Model = TypeVar("Model", bound=BaseModel)


@dataclass
class Check:
    """What was found about one stage, or (``JOB_ITSELF``) about the job's own records."""

    stage: str
    outcome: str = ""
    files: int = 0
    size_bytes: int = 0
    errors: list[Finding] = field(default_factory=list)
    warnings: list[Finding] = field(default_factory=list)
    further: int = 0

    @property
    def holds(self) -> bool:
        """Whether nothing worse than a warning was found."""
        return not self.errors

    @property
    def findings(self) -> list[Finding]:
        """What is listed of them, errors first; ``total`` is how many there are."""
        return [*self.errors, *self.warnings][:REPORTED]

    @property
    def total(self) -> int:
        """How many findings there are."""
        return len(self.errors) + len(self.warnings) + self.further

    def add(self, path: str, problem: str) -> None:
        """Note something that contradicts the records."""
        self.errors.append(Finding(path=path, problem=problem))

    def warn(self, path: str, problem: str) -> None:
        """Note something that contradicts nothing."""
        self.warnings.append(Finding(path=path, problem=problem, severity="warning"))


@dataclass(frozen=True, kw_only=True)
class Records:
    """The job's own documents, as far as they hold what a runner writes."""

    entries: Mapping[str, StageEntry]
    runs: Mapping[str, RunRecord]

    def stale_by(self, path: str) -> list[str]:
        """The stages whose results in force were made of a file, directly or by way of others."""
        reads = {
            stage: {item.path for item in record.inputs}
            for stage, entry in self.entries.items()
            if (record := self.runs.get(entry.good_run_id or ""))
        }
        stale: list[str] = []
        touched = {path}
        while found := [s for s in reads if s not in stale and reads[s] & touched]:
            stale += found
            touched |= {item.path for stage in found for item in self.entries[stage].outputs}
        return sorted(stale)


def revalidate(project: Project, job: Job, stages: Collection[str] = ()) -> Iterator[Check]:
    """Check the job's records, then each stage (those named, or all that left something)."""
    check, records = _check_records(job)
    yield check
    for stage in project.stages.values():
        there = stage.id in records.entries or job.stage_folder(stage.id).is_dir()
        if stage.id in stages or (there and not stages):
            yield _check_stage(stage, job, records)


def _check_records(job: Job) -> tuple[Check, Records]:
    check = Check(stage=JOB_ITSELF)
    manifest = _document(job, job.manifest_file, JobManifest, check)
    runs = {}
    for folder in job.runs():
        record = _document(job, folder / "record.json", RunRecord, check)
        if record is not None:
            runs[folder.name] = record
        if record is not None and record.run_id != folder.name:
            check.add(_name(job, folder / "record.json"), f"speaks of run {record.run_id}")
    check.files = len(runs) + (manifest is not None)
    check.outcome = f"{check.files} records"
    return check, Records(entries=manifest.stages if manifest else {}, runs=runs)


def _document(job: Job, path: Path, model: type[Model], check: Check) -> Model | None:
    try:
        return model.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except OSError as problem:
        check.add(_name(job, path), f"cannot be read: {problem.strerror}")
    except ValidationError as problem:
        first = problem.errors(include_input=False, include_url=False)[0]
        place = ".".join(map(str, first["loc"])) or "the file"
        check.add(_name(job, path), f"does not hold what a runner writes: {place}: {first['msg']}")
    return None


def _name(job: Job, path: Path) -> str:
    return str(path.relative_to(job.root))


def _check_stage(stage: StageSpec, job: Job, records: Records) -> Check:
    check, entry = Check(stage=stage.id), records.entries.get(stage.id)
    folder = job.stage_folder(stage.id)
    if is_locked(job, stage.id):
        check.outcome = "is being run, not looked at"
    elif entry is None or (entry.good_is is None and not entry.verdict.good):
        check.outcome = "no result in force" if entry else "not run"
        if entry is None and (folder / "manifest.json").exists():
            check.warn(stage.id, "a result lies there that no runner has checked")
    elif entry.verdict is Verdict.SKIPPED and entry.good_is is None:
        check.outcome = "skipped"
    elif entry.good_is == "previous":
        check.outcome = "previous result, kept"
        _check_files(stage, job, entry, records, job.previous_folder(stage.id), check)
        _check_log(
            job.previous_folder(stage.id), job, records.runs.get(entry.good_run_id or ""), check
        )
        _check_log(folder, job, records.runs.get(entry.run_id or ""), check)
    else:
        check.outcome = "given result" if entry.given else "result in force"
        _check_contract(stage, folder, entry, check)
        _check_files(stage, job, entry, records, folder, check)
        _check_record(stage, entry, records, check)
        _check_log(folder, job, records.runs.get(entry.good_run_id or ""), check)
        _check_inputs(stage, job, entry, records, check)
    return check


def _check_contract(stage: StageSpec, folder: Path, entry: StageEntry, check: Check) -> None:
    if not folder.is_dir():
        check.add(stage.id, "the stage's folder is gone")
        return
    if entry.given:
        stage = as_given(stage, (item.name for item in entry.given))
    found = check_contract(stage, folder, entry.good_run_id or "")
    if found.manifest_problem is not None:
        check.add(f"{stage.id}/manifest.json", found.manifest_problem)
    for problem in found.problems:
        note = check.warn if problem.is_warning else check.add
        note(f"{stage.id}/{problem.path}", problem.text)
    check.further += found.left_out
    recorded = {output.path for output in entry.outputs}
    for name, item in found.outputs:
        if f"{stage.id}/{item.path}" not in recorded:
            check.add(f"{stage.id}/{item.path}", f"fits the output {name!r} and is on no record")


def _check_files(
    stage: StageSpec, job: Job, entry: StageEntry, records: Records, folder: Path, check: Check
) -> None:
    expected = [(output.path, output.checksum) for output in entry.outputs]
    if entry.manifest_checksum is not None:
        expected.append((f"{stage.id}/manifest.json", entry.manifest_checksum))
    for path, checksum in expected:
        parts = PurePosixPath(path).parts
        if parts[:1] != (stage.id,) or ".." in parts:
            check.add(path, "on record for this stage, but lies outside its folder")
            continue
        file = folder.joinpath(*parts[1:])
        problem = _departure(file, checksum)
        if problem:
            check.add(_name(job, file), problem + _stale(path, records))
        else:
            check.files += 1
            check.size_bytes += file.stat().st_size


def _check_log(folder: Path, job: Job, record: RunRecord | None, check: Check) -> None:
    if record is None or record.stage_log is None:
        return
    file = folder / "stage.log"
    if problem := _departure(file, record.stage_log.checksum):
        check.add(_name(job, file), problem)


def _stale(path: str, records: Records) -> str:
    """The results that a change of a file makes stale, as the end of a sentence."""
    stale = records.stale_by(path)
    return f"; stale by it: {', '.join(stale)}" if stale else ""


def _departure(file: Path, checksum: str) -> str | None:
    """How a file departs from its digest on record; None when it does not."""
    if file.is_symlink() or (file.exists() and not file.is_file()):
        return "is no regular file any more"
    try:
        found = file_digest(file)
    except FileNotFoundError:
        return "is gone"
    except OSError as problem:
        return f"cannot be read: {problem.strerror}"
    return None if found == checksum else "was changed after the run that wrote it"


def _check_record(stage: StageSpec, entry: StageEntry, records: Records, check: Check) -> None:
    run_id = entry.good_run_id or ""
    record = records.runs.get(run_id)
    if record is None:
        check.warn(f".stagerun/runs/{run_id}/record.json", "the record of the result is not there")
        return
    if record.stage_id != stage.id or record.fingerprint != entry.fingerprint:
        check.add("manifest.json", f"says otherwise of {stage.id} than the record of run {run_id}")
    if [item.model_dump() for item in record.outputs] != [
        item.model_dump() for item in entry.outputs
    ]:
        check.add("manifest.json", f"lists other outputs of {stage.id} than run {run_id} wrote")


def _check_inputs(
    stage: StageSpec, job: Job, entry: StageEntry, records: Records, check: Check
) -> None:
    record = records.runs.get(entry.good_run_id or "")
    for item in record.inputs if record else ():
        owner = item.path.split("/", 1)[0]
        if owner == JOB_INPUT:
            names = {f"{JOB_INPUT}/{name}": key for key, name in job.inputs.items()}
            file = job.references.get(names.get(item.path, ""), job.root / item.path)
            problem = _departure(file, item.checksum)
            if problem:
                stale = _stale(item.path, records)
                check.add(item.path, f"which {stage.id} read, {problem}{stale}")
            continue
        upstream = records.entries.get(owner)
        outputs = {output.path: output.checksum for output in upstream.outputs} if upstream else {}
        if outputs.get(item.path) != item.checksum:
            now = f"run {upstream.good_run_id}" if upstream else "no run"
            check.add(item.path, f"{stage.id} read an earlier version; {now} is on record now")


def summary(check: Check) -> str:
    """One check in a few words."""
    if errors := len(check.errors):
        return f"{errors} finding{'s' if errors > 1 else ''}"
    if check.stage == JOB_ITSELF or not check.files:
        return check.outcome
    return f"{check.outcome}: {check.files} files, {size_text(check.size_bytes)}"


def as_document(check: Check) -> dict[str, object]:
    """One check as plain JSON data."""
    findings = [json.loads(item.model_dump_json()) for item in check.findings]
    names = ("stage", "outcome", "files", "size_bytes", "holds", "total")
    return {**{name: getattr(check, name) for name in names}, "findings": findings}
