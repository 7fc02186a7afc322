"""What a test must not leave behind: containers, processes, files of somebody else."""

import os
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import psutil

from runner.errors import StagerunError
from runner.host.engine import LABEL, DockerEngine

PATIENCE_SECONDS: Final = 5.0


@contextmanager
def nothing_left_behind(
    folder: Path,
    address: str | None = None,
    *,
    owners: Iterable[int] = (),
    apart: str = "second-engine-",
) -> Iterator[None]:
    """Fail when the block leaves containers of jobs in that folder, processes at work in it or
    started by this one, or files in it that are neither the caller's nor those of ``owners``.

    Processes that name ``apart`` in their command line are somebody else's to end.
    """
    before = _children()
    yield
    assert _containers(folder, address) == [], "containers were left behind"
    end = time.monotonic() + PATIENCE_SECONDS
    while left := _processes(folder, before, apart):
        assert time.monotonic() < end, f"processes were left behind: {left}"
        time.sleep(0.05)
    assert foreign_files(folder, os.geteuid(), *owners) == [], (
        "files of somebody else were left behind"
    )


@contextmanager
def reachable_folder() -> Iterator[Path]:
    """A folder that every user can reach, for the time of the block."""
    folder = Path(tempfile.mkdtemp(prefix="stagerun-open-"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def foreign_files(folder: Path, *owners: int) -> list[str]:
    """Everything in a folder that belongs to somebody else."""
    paths = (str(folder), *(item.path for item in everything_in(folder)))
    return [path for path in paths if Path(path).lstat().st_uid not in owners]


def everything_in(folder: Path) -> Iterator["os.DirEntry[str]"]:
    """All files and folders below one, as deep as a path can be long."""
    waiting = [str(folder)]
    while waiting:
        with suppress(OSError), os.scandir(waiting.pop()) as items:
            for item in items:
                yield item
                if item.is_dir(follow_symlinks=False):
                    waiting.append(item.path)


def _containers(folder: Path, address: str | None) -> list[str]:
    """Names of the containers of jobs in a folder; none where no engine answers."""
    with suppress(StagerunError):
        engine = DockerEngine(address)
        try:
            found = engine.api.containers(all=True, filters={"label": f"{LABEL}job"})
        finally:
            engine.api.close()
        return [item["Names"][0] for item in found if str(folder) in item["Labels"][f"{LABEL}job"]]
    return []


def _children() -> set[int]:
    return {process.pid for process in psutil.Process().children(recursive=True)}


def _processes(folder: Path, known: set[int], apart: str) -> list[str]:
    found = []
    children = _children()
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):  # a folder's path may be too long to be told
            words = " ".join(process.cmdline())
            own = process.pid in children or str(folder) in f"{process.cwd()} {words}"
            if own and apart not in words and process.pid not in {os.getpid(), *known}:
                found.append(f"{process.pid} {words}")
    return found
