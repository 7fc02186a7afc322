"""Making a job directory: whole or not at all."""

import errno
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from runner.errors import DiskFullError, JobAccessError, JobFolderError, UsageError
from runner.events import Observer
from runner.job.folder import Job, find_job
from runner.job.input_files import Way, bring, name_inside, real_file, same_content


@dataclass(frozen=True, kw_only=True)
class Results:
    """Results that the job has from its start.

    ``fill`` puts them into a job in the making, called with it and its name; ``difference`` says in
    words how those of a job that is there differ.
    """

    fill: Callable[[Job, str], None] = lambda _, __: None
    difference: Callable[[Job], str | None] = lambda _: None


@dataclass(frozen=True, kw_only=True)
class JobRequest:
    """The job that is wanted: its place, its files by input name, its settings and results.

    ``check`` is called when its files have been brought; where it raises, there is no job.
    """

    place: Path
    inputs: Mapping[str, Path]
    by_reference: bool = False
    workflow: str | None = None
    config: Mapping[str, str] = field(default_factory=dict)
    results: Results = field(default_factory=Results)
    check: Callable[[], None] = lambda: None


@dataclass(frozen=True, kw_only=True)
class Creation:
    """The job, and how its files came into it; ``made`` is False if it was there already."""

    job: Job
    made: bool
    ways: Mapping[str, Way] = field(default_factory=dict)


def make_job(
    request: JobRequest, emit: Observer, *, elsewhere: str, only_inputs: bool = False
) -> Creation:
    """Make the job, or find that it is there already and the same.

    ``elsewhere`` is the command that would make it in another place; with ``only_inputs`` a job
    with other settings counts as the same. Raises UsageError for its files, JobFolderError for
    its place, DiskFullError.
    """
    files = {name: real_file(path) for name, path in request.inputs.items()}
    if _is_taken(request.place):
        return _existing(request, files, elsewhere, only_inputs=only_inputs)
    names = _names(request.inputs)
    try:
        return _make(request, files, names, emit)
    except OSError as problem:
        if problem.errno in (errno.ENOTEMPTY, errno.EEXIST):  # somebody else was quicker
            return _existing(request, files, elsewhere, only_inputs=only_inputs)
        msg = (
            f"the job directory {request.place} cannot be made: {problem.strerror} "
            f"({problem.filename or request.place})."
        )
        is_full = problem.errno in (errno.ENOSPC, errno.EDQUOT)
        raise (DiskFullError if is_full else JobAccessError)(msg) from None


def _is_taken(place: Path) -> bool:
    try:
        return place.is_symlink() or (place.exists() and not _is_empty_folder(place))
    except OSError as problem:
        msg = f"the job directory {place} cannot be made: {problem.strerror}."
        raise JobAccessError(msg) from None


def _is_empty_folder(place: Path) -> bool:
    return place.is_dir() and not any(place.iterdir())


def _names(inputs: Mapping[str, Path]) -> dict[str, str]:
    """The names under ``input/``: those of the files, and where two agree the input's before it."""
    names: dict[str, str] = {}
    for name, path in inputs.items():
        plain = name_inside(path)
        names[name] = f"{name}-{plain}" if plain in names.values() else plain
    return names


def _make(
    request: JobRequest, files: Mapping[str, Path], names: Mapping[str, str], emit: Observer
) -> Creation:
    parent = request.place.absolute().parent
    parent.mkdir(parents=True, exist_ok=True)
    unfinished = Job(parent / f".stagerun-{os.urandom(4).hex()}")
    unfinished.root.mkdir()
    try:
        unfinished.make_folder(unfinished.input)
        ways = {}
        for name, source in files.items():
            target = unfinished.input / names[name]
            if request.by_reference:
                target.touch()
                ways[name] = Way.REFERENCE
            else:
                ways[name] = _bring(source, target, unfinished, emit)
        request.check()
        unfinished.write(unfinished.file, job_text(request, files, names))
        request.results.fill(unfinished, request.place.absolute().name)
        unfinished.root.rename(request.place)
    except BaseException:
        shutil.rmtree(unfinished.root, ignore_errors=True)
        raise
    return Creation(job=find_job(request.place), made=True, ways=ways)


def _bring(source: Path, target: Path, job: Job, emit: Observer) -> Way:
    try:
        return bring(source, target, job.owner, emit)
    except DiskFullError as problem:
        msg = f"{problem} Or leave the file where it is: stagerun init --by-reference"
        raise DiskFullError(msg) from None


def job_text(request: JobRequest, files: Mapping[str, Path], names: Mapping[str, str]) -> str:
    """The text of job.yaml. Raises UsageError for a path that no text can hold."""
    parts: dict[str, Mapping[str, str]] = {"input": names} if names else {}
    if request.by_reference and files:
        parts["references"] = {name: str(path) for name, path in files.items()}
    lines = []
    for title, pairs in parts.items():
        lines += [f"{title}:", *(f"  {name}: {quoted(text)}" for name, text in pairs.items())]
    if request.workflow:
        lines.append(f"workflow: {quoted(request.workflow)}")
    if request.config:
        lines.append("config:")
        lines += [f"  {quoted(key)}: {quoted(text)}" for key, text in request.config.items()]
    return "\n".join(lines or ["{}"]) + "\n"


def quoted(text: str) -> str:
    """A YAML scalar in double quotes, on one line. Raises UsageError for bytes that are no text."""
    if any("\ud800" <= sign <= "\udfff" for sign in text):
        msg = f"{os.fsencode(text)!r} is not UTF-8, so job.yaml cannot hold it. Rename the file."
        raise UsageError(msg)
    return '"' + "".join(_quoted_sign(sign) for sign in text) + '"'


def _quoted_sign(sign: str) -> str:
    if sign in '"\\':
        return "\\" + sign
    return sign if sign.isprintable() else f"\\U{ord(sign):08x}"


def _existing(
    request: JobRequest, files: Mapping[str, Path], elsewhere: str, *, only_inputs: bool
) -> Creation:
    place = request.place
    if not (place / "job.yaml").is_file():
        msg = f"{place} is there already and is no job. Make the job elsewhere: {elsewhere}"
        raise JobFolderError(msg)
    job = find_job(place)
    difference = _other_file(job, files) or (None if only_inputs else _other_setting(job, request))
    if difference:
        msg = f"the job {place} is there already, with {difference}. Make another one: {elsewhere}"
        raise JobFolderError(msg)
    return Creation(job=job, made=False)


def _other_file(job: Job, files: Mapping[str, Path]) -> str | None:
    """Which input is not the file that was asked for, in words."""
    if set(files) != set(job.inputs):
        return f"other input files ({', '.join(job.inputs) or 'none'})"
    for name, file in files.items():
        there = job.references.get(name, job.input / job.inputs[name])
        try:
            if same_content(there, file):
                continue
        except OSError:
            pass
        return f"another file as its {name} ({there})"
    return None


def _other_setting(job: Job, request: JobRequest) -> str | None:
    if job.workflow != request.workflow:
        return f"the workflow {job.workflow or 'of the project'}"
    if dict(job.document.data["config"]) != dict(request.config):
        return "other settings"
    if bool(job.references) != (request.by_reference and bool(request.inputs)):
        return "its files by reference" if job.references else "its files inside"
    return request.results.difference(job)
