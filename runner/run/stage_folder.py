"""A stage's folder from run to run: fresh at the start, put back when nothing was started.

The result before a run waits until its end tells which of the two is in force.
"""

import os
from pathlib import Path
from typing import Any

from runner.errors import InputMissingError
from runner.job.fingerprint import DigestStore
from runner.job.folder import Job, carry_cache, remove_folder
from runner.job.job_manifest import read_entries
from runner.job.journal import FOLDER, Journal
from runner.run.inputs import check_unchanged


def set_aside(job: Job, stage_id: str, journal: Journal) -> None:
    """Move a good result to where previous results wait, drop a failed one, make a fresh folder.

    A result that is not what its run had left counts as failed. ``.cache/`` stays with the stage.
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
            folder.replace(abandoned)
    job.make_folder(folder)
    for old in (previous, previous.with_name(f"{stage_id}.failed")):
        if carry_cache(old, folder):
            break


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
