"""Results that the user gave in the place of a stage's: whether they are there and unchanged."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from runner.job.fingerprint import DigestStore
from runner.job.folder import Job
from runner.job.job_manifest import read_entries
from runner.project.pipeline import Project, Stock
from runner.project.stage import StageSpec
from runner.run.inputs import check_unchanged, is_enabled
from runner.run.switched_off import switch_on


def is_given(entry: Mapping[str, Any] | None) -> bool:
    """Whether the result in force of a stage is one that the user gave."""
    return entry is not None and bool(entry.get("given")) and entry["good_is"] == "in place"


def stock_of(project: Project, job: Job) -> Stock:
    """What a job has before anything runs; results of stages that are switched off do not count."""
    results = frozenset(
        f"{stage_id}/{output['name']}"
        for stage_id, entry in read_entries(job).items()
        if is_given(entry) and is_enabled(stage_id, project, job)
        for output in entry["outputs"]
    )
    return Stock(inputs=frozenset(job.inputs), results=results)


def given_result(job: Job, stage: StageSpec) -> dict[str, Any] | None:
    """The entry of a stage whose result the user gave; None for any other stage.

    Raises InputMissingError when the files are no longer those that were given.
    """
    entry = read_entries(job).get(stage.id)
    if entry is None or not is_given(entry):
        return None
    digests = DigestStore(job)
    check_unchanged(job, stage.id, entry, entry["outputs"], digests)
    digests.save()
    return entry


def kept_given(job: Job, stage: StageSpec) -> dict[str, Any] | None:
    """The same, put in force again if the stage was switched off meanwhile.

    To be called under the stage's lock.
    """
    entry = given_result(job, stage)
    return read_entries(job)[stage.id] if entry and switch_on(job, stage.id, entry) else None


def as_given(stage: StageSpec, names: Iterable[str]) -> StageSpec:
    """The stage as it has to be when the user gave these of its outputs: it owes no other one."""
    known = frozenset(names)
    outputs = (
        replace(output, optional=output.optional or output.name not in known)
        for output in stage.outputs
    )
    return replace(stage, outputs=tuple(outputs))
