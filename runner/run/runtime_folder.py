"""Where this user's runners on this machine agree with each other, until the next boot."""

import contextlib
import fcntl
import os
import stat
from pathlib import Path
from typing import Final

from runner.errors import NotAdmittedError

OWN: Final = "stagerun-{}"


def runtime_folder(name: str) -> Path:
    """A folder below ``$XDG_RUNTIME_DIR``, made if it is not there.

    Raises NotAdmittedError where somebody else has, or may have, a hand in it.
    """
    base = _bases()[0]
    own = base / OWN.format(os.geteuid())
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


def runtime_folders(name: str) -> list[Path]:
    """The folders of that name that are there, also of calls with other environments than this.

    A call from a timer has no ``$XDG_RUNTIME_DIR``, and one from a login has.
    """
    found = [base / OWN.format(os.geteuid()) / name for base in _bases()]
    return [folder for folder in found if _is_own(folder.parent) and _is_own(folder)]


def _bases() -> list[Path]:
    import tempfile

    places = (os.environ.get("XDG_RUNTIME_DIR"), f"/run/user/{os.geteuid()}", tempfile.gettempdir())
    usual = places if places[0] else (places[2], places[1])
    return list(dict.fromkeys(Path(place) for place in usual if place))


def _is_own(folder: Path) -> bool:
    try:
        return _suspicion(folder.lstat()) is None
    except OSError:
        return False


def unusable(path: Path, problem: str) -> str:
    """What to do about something there that cannot be used."""
    return (
        f"{path}, by which stagerun counts what runs at once, {problem}. Remove it, or name a "
        "folder of your own in XDG_RUNTIME_DIR."
    )


def try_lock(descriptor: int) -> bool:
    """Lock an open file there, unless somebody else has it; the kernel lets go with the holder."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def unlock(descriptor: int) -> None:
    """Let go of such a lock."""
    fcntl.flock(descriptor, fcntl.LOCK_UN)


def _suspicion(status: os.stat_result) -> str | None:
    """What speaks against a folder that everybody could have made."""
    if stat.S_ISLNK(status.st_mode):
        return "is a symbolic link"
    if not stat.S_ISDIR(status.st_mode):
        return "is no folder"
    if status.st_uid != os.geteuid():
        return f"belongs to uid {status.st_uid} and you are uid {os.geteuid()}"
    return "is not yours alone: others may write to it" if status.st_mode & 0o022 else None
