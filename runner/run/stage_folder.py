"""A stage's folder from run to run: fresh at the start, put back when nothing was started.

The result before a run waits until its end tells which of the two is in force.
"""

import contextlib
import os
from pathlib import Path
from typing import Any, Final

from runner.errors import InputMissingError
from runner.job.fingerprint import DigestStore
from runner.job.folder import Job, carry_cache
from runner.job.job_manifest import read_entries
from runner.job.journal import FOLDER, Journal
from runner.job.removal import remove_folder
from runner.run.inputs import check_unchanged

LOG: Final = "stage.log"


def set_aside(job: Job, stage_id: str, journal: Journal) -> None:
    """Move a good result to where previous results wait, drop a failed one, make a fresh folder.

    A result that is not what its run had left counts as failed. ``.cache/`` stays with the stage,
    and the log of a failed run with its record.
    """
    folder, previous = job.stage_folder(stage_id), job.previous_folder(stage_id)
    entry = read_entries(job).get(stage_id, {})
    in_place = entry.get("good_is") == "in place"
    good = in_place and _is_intact(job, stage_id, entry)
    journal.write(FOLDER, good_moved=good, inode=_inode(folder))
    if in_place:
        # Superfluous since that result is there; its runner died before it could remove it.
        remove_folder(previous)
    if os.path.lexists(folder):
        job.make_folder(previous.parent)
        if good:
            folder.replace(previous)
        else:
            abandoned = previous.with_name(f"{stage_id}.failed")
            remove_folder(abandoned)
            _keep_log(job, folder / LOG, entry)
            folder.replace(abandoned)
    job.make_folder(folder)
    for old in (previous, previous.with_name(f"{stage_id}.failed")):
        if carry_cache(old, folder):
            break


def _keep_log(job: Job, log: Path, entry: dict[str, Any]) -> None:
    """Give the log of a failed run a second name in the folder of its run."""
    run_id = entry.get("run_id")
    if run_id is None or not job.run_folder(run_id).is_dir() or not log.is_file():
        return
    # Links are for the stage to make: what is one is left where it is. On a file system without
    # second names the log stays as long as its folder.
    with contextlib.suppress(OSError):
        if not log.is_symlink():
            os.link(log, job.run_folder(run_id) / LOG, follow_symlinks=False)


def _is_intact(job: Job, stage_id: str, entry: dict[str, Any]) -> bool:
    digests = DigestStore(job)
    try:
        check_unchanged(job, stage_id, entry, entry["outputs"], digests)
    except InputMissingError:
        return False
    digests.save()
    return True


def put_back(job: Job, stage_id: str, journal: Journal) -> None:
    """Undo ``set_aside``: what lay in the stage's folder before lies there again.

    However far ``set_aside`` came, and also when it never began.
    """
    folder, previous = job.stage_folder(stage_id), job.previous_folder(stage_id)
    step = next((step for step in journal.read() if step["step"] == FOLDER), None)
    if step is None:
        return
    inode = step["inode"]
    if inode is None:
        remove_folder(folder)
    elif _inode(folder) != inode:
        old = previous if step["good_moved"] else previous.with_name(f"{stage_id}.failed")
        carry_cache(folder, old)
        remove_folder(folder)
        old.replace(folder)


def _inode(folder: Path) -> int | None:
    return folder.lstat().st_ino if os.path.lexists(folder) else None


def settle(job: Job, stage_id: str, *, good: bool) -> None:
    """After a run: a good one makes the previous result and the last failed one superfluous."""
    previous = job.previous_folder(stage_id)
    if good:
        remove_folder(previous)
    remove_folder(previous.with_name(f"{stage_id}.failed"))
