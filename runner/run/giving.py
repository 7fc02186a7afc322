"""A user's own files in the place of a stage's outputs, as ``stagerun init --have`` takes them.

They are put down as a run of the stage would have left them, with a manifest, a record and an entry
in the job manifest, so that what follows runs from there. The record says where they came from.
"""

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Final

from runner.errors import UsageError
from runner.events import Observer
from runner.host.machine import ProcessIdentity
from runner.job.creation import Results
from runner.job.fingerprint import file_digest, fingerprint
from runner.job.folder import Job
from runner.job.input_files import Way, bring, name_inside, real_file
from runner.job.job_manifest import read_entries, write_record
from runner.job.journal import CLOSED, INTENT, journal_of
from runner.project.pipeline import Project
from runner.project.stage import Output, StageSpec
from runner.run.content import misfit
from runner.run.contract import OWN_FILES
from runner.run.request import DECLARED_OUTPUTS, declared_outputs

if TYPE_CHECKING:
    from runner.manifest import OutputFile, RunRecord

PATTERN_SIGNS: Final = frozenset("*?[")
SCHEMAS: Final = "schemas"
"""The project's folder with the schemas that outputs name."""

Have = Mapping[str, tuple[Path, ...]]
"""The files given for each ``stage/output``."""


@dataclass(frozen=True, kw_only=True)
class Gift:
    """One file for one output; ``inside`` is its path relative to the stage's folder."""

    stage: StageSpec
    output: Output
    source: Path
    inside: str

    @property
    def path(self) -> str:
        """Its path relative to the job."""
        return f"{self.stage.id}/{self.inside}"


def gifts(project: Project, have: Have) -> list[Gift]:
    """The files with their places, each held against what its output has to be.

    Raises UsageError, UnknownStageError, and SpecError for a schema that cannot be used.
    """
    found: dict[str, Gift] = {}
    for reference, files in have.items():
        stage, output = _output(project, reference)
        for file in files:
            gift = _gift(stage, output, file, reference)
            if problem := _misfit(project, gift):
                msg = f"--have {reference}={file}: {problem}."
                raise UsageError(msg)
            if other := found.get(gift.path):
                msg = (
                    f"--have {reference}: {other.source} and {file} have the same place; keep one."
                )
                raise UsageError(msg)
            found[gift.path] = gift
    return list(found.values())


def _output(project: Project, reference: str) -> tuple[StageSpec, Output]:
    stage_text, _, name = reference.partition("/")
    stage = project.stage(stage_text)
    output = next((item for item in stage.outputs if item.name == name), None)
    if output is None:
        names = ", ".join(item.name for item in stage.outputs) or "none"
        msg = f"--have {reference}: {stage.id} declares no output {name!r}; it has: {names}."
        raise UsageError(msg)
    return stage, output


def _gift(stage: StageSpec, output: Output, file: Path, reference: str) -> Gift:
    source, inside = real_file(file), output.file
    if PATTERN_SIGNS & set(output.file):
        inside = str(PurePosixPath(output.file).parent / name_inside(file))
        if not output.matches(inside) or inside in OWN_FILES:
            msg = (
                f"--have {reference}={file}: files of this output are named {output.file}, and "
                f"{inside} is not. Give the file such a name."
            )
            raise UsageError(msg)
    return Gift(stage=stage, output=output, source=source, inside=inside)


def _misfit(project: Project, gift: Gift) -> str | None:
    """Why a file cannot be the output that it is given for."""
    if gift.source.stat().st_size == 0:
        return "the file is empty"
    schema = gift.output.schema
    path = project.root / SCHEMAS / f"{schema}.json" if schema else None
    return misfit(gift.source, gift.inside, path)


def results(found: list[Gift], workflow: str | None, emit: Observer) -> Results:
    """What the making of a job needs of these files; without any a job is as it always was."""

    def fill(job: Job, name: str) -> None:
        from runner.manifest import JobManifest
        from runner.run.closing import entry_for

        groups: dict[str, list[Gift]] = {}
        for gift in found:
            groups.setdefault(gift.stage.id, []).append(gift)
        if not groups:
            return
        entries = {}
        for stage_id, group in sorted(groups.items()):
            record = _put_down(job, name, group, emit)
            entry = entry_for(job, record, None)
            entries[stage_id] = entry.model_copy(update={"duration_seconds": None})
        now = datetime.now(UTC)
        manifest = JobManifest(
            job=name, workflow=workflow, created_at=now, updated_at=now, stages=entries
        )
        job.write(job.manifest_file, manifest.model_dump_json(indent=2) + "\n")

    return Results(fill=fill, difference=lambda job: different_gift(job, found))


def _put_down(job: Job, name: str, group: list[Gift], emit: Observer) -> "RunRecord":
    """One stage's folder, run and record."""
    stage, now = group[0].stage, datetime.now(UTC)
    run_id = f"{now:%Y%m%d-%H%M}-{os.urandom(2).hex()}"
    job.make_folder(job.stage_folder(stage.id))
    outputs = [_bring(job, gift, emit) for gift in group]
    text = json.dumps(_manifest(stage, run_id, outputs, now), indent=2)
    job.write(job.stage_folder(stage.id) / "manifest.json", text)
    job.make_folder(job.run_folder(run_id))
    journal, identity = journal_of(job, run_id), ProcessIdentity.current()
    os.close(job.make_file(journal.path))
    record = _record(name, run_id, group, outputs, identity)
    owner = asdict(identity)
    journal.write(INTENT, stage_id=stage.id, run_id=run_id, image=None, owner=owner)
    write_record(job, record)
    journal.write(CLOSED, verdict=record.verdict)
    return record


def _bring(job: Job, gift: Gift, emit: Observer) -> "OutputFile":
    from runner.manifest import OutputFile

    target = job.stage_folder(gift.stage.id) / gift.inside
    job.make_folder(target.parent)
    if bring(gift.source, target, job.owner, emit) is not Way.LINK:
        job.give(target)
    return OutputFile(
        name=gift.output.name,
        path=gift.path,
        type=gift.output.type,
        size_bytes=target.stat().st_size,
        checksum=file_digest(target),
    )


def _manifest(
    stage: StageSpec, run_id: str, outputs: list["OutputFile"], now: datetime
) -> dict[str, Any]:
    """What the stage would have written of itself."""
    return {
        "schema_version": 1,
        "stage": stage.name,
        "stage_number": stage.number,
        "stage_id": stage.id,
        "run_id": run_id,
        "status": "success",
        "timestamp": now.isoformat(),
        "completed_at": now.isoformat(),
        "inputs": [],
        "outputs": [item.model_dump() for item in outputs],
        "summary": "given by the user",
    }


def _record(
    job_name: str,
    run_id: str,
    group: list[Gift],
    outputs: list["OutputFile"],
    identity: ProcessIdentity,
) -> "RunRecord":
    from runner.errors import Verdict
    from runner.manifest import GivenFile, RunRecord
    from runner.run.record import runner_identity

    stage, now = group[0].stage, datetime.now(UTC)
    components = {f"given {item.path}": item.checksum for item in outputs}
    components[DECLARED_OUTPUTS] = declared_outputs(stage)
    names = ", ".join(gift.source.name for gift in group)
    return RunRecord(
        run_id=run_id,
        stage_id=stage.id,
        job=job_name,
        variant=None,
        verdict=Verdict.SUCCESS,
        reason="The user gave this result: " + ", ".join(str(gift.source) for gift in group),
        summary=f"given: {names}",
        started_at=now,
        ended_at=now,
        duration_seconds=0,
        fingerprint=fingerprint(components),
        components=components,
        outputs=outputs,
        given=[
            GivenFile(name=gift.output.name, path=gift.path, source=str(gift.source))
            for gift in group
        ],
        runner=runner_identity(identity),
    )


def different_gift(job: Job, found: Iterable[Gift]) -> str | None:
    """How the results that a job was given differ from these, in words; None when they do not."""
    there = {
        item["path"]: item["checksum"]
        for entry in read_entries(job).values()
        if entry.get("given")
        for item in entry["outputs"]
    }
    wanted = {gift.path: gift for gift in found}
    if there.keys() != wanted.keys():
        return f"other results of the user's own ({', '.join(sorted(there)) or 'none'})"
    for path, gift in wanted.items():
        if file_digest(gift.source) != there[path]:
            return f"another file as {path}"
    return None
