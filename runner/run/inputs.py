"""Which files a stage gets: the first source of each input that the job has, and is good."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from runner.errors import InputMissingError, Verdict
from runner.job.fingerprint import DigestStore
from runner.job.folder import Job
from runner.job.job_manifest import read_entries
from runner.project.pipeline import JOB_INPUT, Project
from runner.project.stage import Input, Source, StageSpec


@dataclass(frozen=True, kw_only=True)
class InputFile:
    """One file of an input: path relative to the job, size in bytes, digest."""

    name: str
    path: str
    size_bytes: int
    checksum: str


def is_enabled(stage_id: str, project: Project, job: Job) -> bool:
    """Whether neither the job nor the site has switched the stage off; the job's word counts."""
    layers = (job.switches, project.settings.stages)
    said = (layer[stage_id].enabled for layer in layers if stage_id in layer)
    return next((word for word in said if word is not None), True)


def resolve_inputs(
    stage: StageSpec, project: Project, job: Job, digests: DigestStore
) -> tuple[tuple[InputFile, ...], tuple[str, ...]]:
    """The files of every input, and the stages that were skipped or are not in the job.

    Raises InputMissingError.
    """
    entries = read_entries(job)
    files = [
        file
        for item in stage.inputs
        for file in _first_source(stage, item, project, job, entries, digests)
    ]
    absent = tuple(
        other
        for other in project.stage_ids
        if other not in entries
        or entries[other]["verdict"] == Verdict.SKIPPED
        or not is_enabled(other, project, job)
    )
    return tuple(files), absent


def _first_source(
    stage: StageSpec,
    item: Input,
    project: Project,
    job: Job,
    entries: Mapping[str, Mapping[str, Any]],
    digests: DigestStore,
) -> list[InputFile]:
    for source in item.sources:
        if source.stage == JOB_INPUT:
            files = _job_file(item, source, job, digests)
        elif source.stage in project.stages and is_enabled(source.stage, project, job):
            files = _stage_files(item, source, stage, job, entries, digests)
        else:
            files = []
        if files:
            return files
    if item.optional:
        return []
    raise InputMissingError(_nothing_there(stage, item, project, job, entries))


def _nothing_there(
    stage: StageSpec,
    item: Input,
    project: Project,
    job: Job,
    entries: Mapping[str, Mapping[str, Any]],
) -> str:
    wanted = " or ".join(str(source) for source in item.sources)
    if all(source.stage == JOB_INPUT for source in item.sources):
        name = item.sources[0].output
        return (
            f"{stage.id} reads the job's {wanted}, but {job.file} names no such file. Put it into "
            f"{job.input} and write it into job.yaml (input: {{{name}: FILE}})."
        )
    first = next(
        (source.stage for source in item.sources if source.stage in project.stages), "upstream"
    )
    if entries.get(first, {}).get("given"):
        return (
            f"{stage.id} reads {wanted}, and the result of {first} was given without it. Give it, "
            f"too, to a new job (stagerun init JOB --have {item.sources[0]}=FILE), or let the "
            f"stage itself do its work: stagerun {first} {job.root}"
        )
    return (
        f"{stage.id} reads {wanted}, and none of it is there yet. Run it first: "
        f"stagerun {first} {job.root}, or everything: stagerun run {job.root}"
    )


def _job_file(item: Input, source: Source, job: Job, digests: DigestStore) -> list[InputFile]:
    name = job.inputs.get(source.output)
    if name is None:
        return []
    inside = job.input / name
    real = job.references.get(source.output, inside)
    for path in (inside, real):
        if not path.is_file():
            lack = (
                "is a symbolic link that leads to no file" if path.is_symlink() else "is not there"
            )
            msg = (
                f"{job.file} names {name!r} as the job's {source.output}, but {path} {lack}. "
                "Put the file there, or correct job.yaml."
            )
            raise InputMissingError(msg)
    if inside.resolve() != inside:
        msg = (
            f"{inside} is reached over a symbolic link, which leads nowhere inside a container. "
            "Make it a hard link or a copy, or start the job with --by-reference."
        )
        raise InputMissingError(msg)
    return [
        InputFile(
            name=item.name,
            path=f"input/{name}",
            size_bytes=real.stat().st_size,
            checksum=digests.digest(real),
        )
    ]


def _stage_files(
    item: Input,
    source: Source,
    stage: StageSpec,
    job: Job,
    entries: Mapping[str, Mapping[str, Any]],
    digests: DigestStore,
) -> list[InputFile]:
    entry = entries.get(source.stage)
    if entry is None or entry["verdict"] == Verdict.SKIPPED:
        return []
    if entry["good_is"] != "in place":
        raise InputMissingError(_blocked(stage, item, source, job, entry))
    wanted = [output for output in entry["outputs"] if output["name"] == source.output]
    if wanted:
        check_unchanged(job, source.stage, entry, wanted, digests)
    return [
        InputFile(
            name=item.name,
            path=output["path"],
            size_bytes=output["size_bytes"],
            checksum=output["checksum"],
        )
        for output in wanted
    ]


def _blocked(
    stage: StageSpec, item: Input, source: Source, job: Job, entry: Mapping[str, Any]
) -> str:
    what = f"the last run of {source.stage} ended {str(entry['verdict']).replace('_', ' ')}"
    text = f"{stage.id} reads {source}, but {what}. See: stagerun why {source.stage} {job.root}."
    if entry["good_is"] == "previous":
        text += f" The result before it is kept: stagerun restore {source.stage} {job.root}"
    if item.optional or len(item.sources) > 1:
        text += f" To go on without it, switch it off: {switch(source.stage)} in {job.file}."
    return text


def switch(stage_id: str) -> str:
    """What switches a stage off in job.yaml."""
    return f"stages: {{{stage_id}: {{enabled: false}}}}"


def check_unchanged(
    job: Job,
    stage_id: str,
    entry: Mapping[str, Any],
    outputs: list[dict[str, Any]],
    digests: DigestStore,
    *,
    folder: Path | None = None,
) -> None:
    """Refuse results that are not those of the run on record; ``folder`` is where they lie.

    Raises InputMissingError.
    """
    again = _again(job, stage_id, entry)
    place = folder or job.stage_folder(stage_id)
    if _written_outside(place, entry, digests):
        msg = f"the result in {place} was written outside the runner, so nobody checked it. {again}"
        raise InputMissingError(msg)
    for output in outputs:
        path = place / PurePosixPath(output["path"]).relative_to(stage_id)
        try:
            same = digests.digest(path) == output["checksum"]
        except OSError:
            msg = f"{path} is gone. {again}"
            raise InputMissingError(msg) from None
        if not same:
            since = "it was given" if entry.get("given") else "the run that wrote it"
            msg = f"{path} was changed after {since}. {again}"
            raise InputMissingError(msg)


def changed_inputs(job: Job, inputs: Iterable[InputFile]) -> Iterator[str]:
    """The paths of inputs that are no longer what a run was given."""
    digests = DigestStore(job)
    referred = {f"input/{job.inputs.get(name)}": real for name, real in job.references.items()}
    for file in inputs:
        path = referred.get(file.path, job.root / file.path)
        try:
            same = digests.digest(path) == file.checksum
        except OSError:
            same = False
        if not same:
            yield file.path


def _again(job: Job, stage_id: str, entry: Mapping[str, Any]) -> str:
    """What to do about a result that is not the one on record."""
    if not entry.get("given"):
        return f"Run {stage_id} again: stagerun {stage_id} {job.root}"
    return (
        f"Make another job with the file as it is now (stagerun init JOB --have …), or let the "
        f"stage itself do its work: stagerun {stage_id} {job.root}"
    )


def _written_outside(folder: Path, entry: Mapping[str, Any], digests: DigestStore) -> bool:
    """Whether the manifest in a stage's folder is not the one that the runner checked."""
    try:
        found = digests.digest(folder / "manifest.json")
    except OSError:
        return True
    return found != str(entry["manifest_checksum"])
