"""This user's own folders on this machine, outside of every job: gone with the next boot."""

import contextlib
import os
import stat
import tempfile
from pathlib import Path

from runner.errors import NotAdmittedError


def user_folder(name: str) -> Path:
    """A folder for what belongs to this user's runners on this machine, which nobody else enters.

    Raises NotAdmittedError where somebody else has, or may have, a hand in it.
    """
    base = Path(os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir())
    own = base / f"stagerun-{os.geteuid()}"
    for folder in (own, own / name):
        try:
            base.mkdir(parents=True, exist_ok=True)
            with contextlib.suppress(FileExistsError):
                folder.mkdir(mode=0o700)
            problem = _suspicion(folder.lstat())
        except OSError as failure:
            problem = f"cannot be used: {failure.strerror}"
        if problem:
            raise NotAdmittedError(unusable(folder, problem))
    return own / name


def _suspicion(status: os.stat_result) -> str | None:
    """What speaks against a folder that everybody could have made."""
    if stat.S_ISLNK(status.st_mode):
        return "is a symbolic link"
    if not stat.S_ISDIR(status.st_mode):
        return "is no folder"
    if status.st_uid != os.geteuid():
        return f"belongs to uid {status.st_uid} and you are uid {os.geteuid()}"
    return "is not yours alone: others may write to it" if status.st_mode & 0o022 else None


def unusable(path: Path, problem: str) -> str:
    """What to tell of such a folder or of something in it."""
    return (
        f"{path}, where stagerun keeps what your runs on this machine need, {problem}. Remove it, "
        "or name a folder of your own in XDG_RUNTIME_DIR."
    )
