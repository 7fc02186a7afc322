"""What a job holds that nothing depends on any more, and removing it.

Results in force, their records and everything of a stage that is being run stay.
"""

import contextlib
import os
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Final

from runner.errors import StageBusyError, UsageError
from runner.job.folder import Job
from runner.job.job_manifest import read_entries, update_entry
from runner.job.journal import CLOSED, Journal, open_runs
from runner.job.lock import is_locked, stage_lock
from runner.job.removal import remove_folder

if TYPE_CHECKING:
    from runner.manifest import StageEntry

KEPT_RUNS: Final = 3
KEPT_LOGS: Final = 10
TEMPORARY: Final = re.compile(r"\.(manifest|digests|record|request|watch)\.json\.[a-z0-9_]{8}")


@dataclass(frozen=True, kw_only=True)
class Leftover:
    """Something that can go: its size in bytes, and why it can."""

    path: Path
    size_bytes: int
    why: str
    stage: str | None = None


@dataclass(frozen=True, kw_only=True)
class Cleaning:
    """What can go or went, and the stages that were left alone."""

    leftovers: tuple[Leftover, ...]
    busy: tuple[str, ...]

    @property
    def size_bytes(self) -> int:
        """All of it together."""
        return sum(item.size_bytes for item in self.leftovers)


def find_leftovers(job: Job, *, previous: bool = False) -> Cleaning:
    """What can go; ``previous`` counts kept previous results too.

    Raises JobFolderError when the job manifest is damaged.
    """
    found: list[Leftover] = []
    busy = []
    for stage_id in _stages(job):
        if is_locked(job, stage_id) or open_runs(job, stage_id):
            busy.append(stage_id)
        else:
            found += _of_stage(job, stage_id, previous=previous)
    return Cleaning(leftovers=(*found, *_half_written(job), *_logs(job)), busy=tuple(busy))


def remove_leftovers(job: Job, *, previous: bool = False) -> Cleaning:
    """Remove what can go, each stage's under its lock; returns what went."""
    gone: list[Leftover] = []
    busy = []
    for stage_id in _stages(job):
        try:
            with stage_lock(job, stage_id):
                if open_runs(job, stage_id):
                    busy.append(stage_id)
                    continue
                found = _of_stage(job, stage_id, previous=previous)
                if previous:
                    _give_up_previous(job, stage_id)
                gone += _remove(found)
        except StageBusyError:
            busy.append(stage_id)
    gone += _remove([*_half_written(job), *_logs(job)])
    return Cleaning(leftovers=tuple(gone), busy=tuple(busy))


def sweep(job: Job, stage_id: str) -> None:
    """Remove what killed runners left of a stage that has no open run; its lock is held.

    What cannot be removed is left to ``stagerun reap``, which says why.
    """
    entry = read_entries(job).get(stage_id, {})
    superfluous = _previous(job, stage_id) if entry.get("good_is") == "in place" else ()
    found = (*superfluous, *_failed(job, stage_id), *_half_removed(job, stage_id))
    with contextlib.suppress(UsageError):
        for _ in _remove([*found, *_half_written(job, held=stage_id)]):
            pass


def find_debris(job: Job) -> list[Leftover]:
    """What killed runners left half written or half removed."""
    found = (item for stage in _stages(job) for item in _half_removed(job, stage))
    return [*_half_written(job), *found]


def remove_debris(job: Job) -> list[Leftover]:
    """Remove it; returns what went."""
    return list(_remove(find_debris(job)))


def _give_up_previous(job: Job, stage_id: str) -> None:
    """Let the job manifest no longer offer the previous result, before it goes."""
    if read_entries(job).get(stage_id, {}).get("good_is") != "previous":
        return

    def without(entry: "StageEntry | None") -> "StageEntry | None":
        nothing = ("good_run_id", "good_is", "fingerprint", "manifest_checksum")
        changes: dict[str, Any] = {**dict.fromkeys(nothing), "outputs": [], "given": []}
        return entry.model_copy(update=changes) if entry is not None else None

    update_entry(job, stage_id, without)


def _remove(leftovers: Collection[Leftover]) -> Iterator[Leftover]:
    for item in leftovers:
        try:
            if item.path.is_dir() and not item.path.is_symlink():
                remove_folder(item.path)
            else:
                item.path.unlink(missing_ok=True)
        except OSError as problem:
            msg = f"{item.path} cannot be removed: {problem.strerror}. Check who owns it."
            raise UsageError(msg) from None
        yield item


def _stages(job: Job) -> list[str]:
    """Every stage that left something in the job."""
    with_runs = {
        str(steps[0]["stage_id"])
        for folder in job.runs()
        if (steps := Journal(folder / "journal.jsonl").read()) and "stage_id" in steps[0]
    }
    return sorted(with_runs | set(read_entries(job)))


def _of_stage(job: Job, stage_id: str, *, previous: bool) -> list[Leftover]:
    entry = read_entries(job).get(stage_id, {})
    return [
        *_old_runs(job, stage_id, entry),
        *_failed(job, stage_id),
        *_half_removed(job, stage_id),
        *_intermediates(job, stage_id, entry),
        *(_previous(job, stage_id) if previous else ()),
    ]


def _old_runs(job: Job, stage_id: str, entry: dict[str, Any]) -> Iterator[Leftover]:
    in_force = {entry.get("run_id"), entry.get("good_run_id")}
    closed = []
    for folder in job.runs():
        steps = Journal(folder / "journal.jsonl").read()
        if steps and steps[0].get("stage_id") == stage_id and steps[-1]["step"] == CLOSED:
            closed.append((str(steps[0].get("time")), folder))
    for _, folder in sorted(closed)[:-KEPT_RUNS]:
        if folder.name not in in_force:
            yield _leftover(folder, "an old run", stage_id)


def _failed(job: Job, stage_id: str) -> Iterator[Leftover]:
    folder = job.previous_folder(stage_id).with_name(f"{stage_id}.failed")
    if folder.is_dir():
        yield _leftover(folder, "an attempt that did not succeed", stage_id)


def _half_removed(job: Job, stage_id: str) -> Iterator[Leftover]:
    """What ``remove_folder`` had renamed when its process died."""
    previous = job.previous_folder(stage_id).parent
    kept = (f".{stage_id}.removed.", f".{stage_id}.failed.removed.")
    for folder, beginnings in ((job.root, kept[:1]), (previous, kept)):
        for name in _names(folder):
            if name.startswith(beginnings):
                yield _leftover(folder / name, "half removed", stage_id)


def _half_written(job: Job, held: str | None = None) -> list[Leftover]:
    """What a killed runner was about to write: whole files in the making, runs without a journal.

    It is seen first and the locks are looked at then: with all of them free, nobody is left who
    could have begun it. The lock of the stage ``held`` is the caller's, who has begun nothing.
    """
    found = []
    for path, why in tuple(_unfinished(job)):
        # What a living runner was writing has its final name by now.
        with contextlib.suppress(FileNotFoundError):
            found.append(_leftover(path, why))
    if not found:
        return []
    others = {path.stem for path in (job.private / "locks").glob("*.lock")} - {held}
    return [] if any(is_locked(job, stage) for stage in others) else found


def _unfinished(job: Job) -> Iterator[tuple[Path, str]]:
    for folder in (job.root, job.private):
        yield from _in_the_making(folder, _names(folder))
    for folder in job.runs():
        names = _names(folder)
        yield from _in_the_making(folder, names)
        if folder.name.startswith("."):
            yield folder, "half removed"
        elif "record.json" not in names and not Journal(folder / "journal.jsonl").read():
            yield folder, "a run that never began"


def _in_the_making(folder: Path, names: Sequence[str]) -> Iterator[tuple[Path, str]]:
    for name in names:
        if TEMPORARY.fullmatch(name):
            yield folder / name, "half written"


def _names(folder: Path) -> list[str]:
    """What a folder holds; nothing where somebody removed it meanwhile."""
    with contextlib.suppress(FileNotFoundError):
        return sorted(item.name for item in os.scandir(folder))
    return []


def _previous(job: Job, stage_id: str) -> Iterator[Leftover]:
    folder = job.previous_folder(stage_id)
    if folder.is_dir():
        yield _leftover(folder, "the previous result", stage_id)


def _intermediates(job: Job, stage_id: str, entry: dict[str, Any]) -> Iterator[Leftover]:
    """Scratch files that the stage declared as not to be retained.

    The manifest is the stage's word: only what lies inside its own folder is believed, and nothing
    that the job manifest counts as an output.
    """
    from runner.run.contract import OWN_FILES
    from runner.run.stage_manifest import read_manifest

    if entry.get("good_is") != "in place":
        return
    folder = job.stage_folder(stage_id)
    manifest, _ = read_manifest(folder / "manifest.json")
    kept = {output["path"] for output in entry["outputs"]}
    for item in manifest.intermediate_files if manifest else ():
        path = PurePosixPath(item.path)
        if path.is_relative_to("/job"):
            path = path.relative_to("/job")
        if item.retained or path.parts[:1] != (stage_id,) or ".." in path.parts:
            continue
        file = job.root / path
        is_needed = any(PurePosixPath(output).is_relative_to(path) for output in kept)
        is_believed = path.name not in OWN_FILES and _is_there(file)
        if is_believed and not is_needed and len(path.parts) > 1:
            yield _leftover(file, "an intermediate file, not to be retained", stage_id)


def _is_there(file: Path) -> bool:
    """Whether there is something at a path of the stage's own words, and no link leads there."""
    try:
        return file.resolve() == file and file.exists()
    except (OSError, ValueError):  # longer than a path can be, or with a NUL in it
        return False


def _logs(job: Job) -> list[Leftover]:
    logs = sorted(job.logs.glob("99_pipeline_*.log"), key=lambda path: path.stat().st_mtime)
    return [_leftover(path, "an old pipeline log") for path in logs[:-KEPT_LOGS]]


def _leftover(path: Path, why: str, stage: str | None = None) -> Leftover:
    return Leftover(path=path, size_bytes=_size(path), why=why, stage=stage)


def _size(path: Path) -> int:
    """Bytes of all files below; what is nested deeper than a path can be long is left out."""
    if path.is_symlink() or not path.is_dir():
        return path.lstat().st_size
    total, waiting = 0, [str(path)]
    while waiting:
        with contextlib.suppress(OSError), os.scandir(waiting.pop()) as items:
            for item in items:
                if item.is_dir(follow_symlinks=False):
                    waiting.append(item.path)
                else:
                    total += item.stat(follow_symlinks=False).st_size
    return total
