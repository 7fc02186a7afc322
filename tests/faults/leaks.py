"""What a test must not leave behind: containers, processes, files of somebody else."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import psutil

from runner.errors import StagerunError
from runner.host.engine import LABEL, DockerEngine

PATIENCE_SECONDS: Final = 5.0


@contextmanager
def nothing_left_behind(folder: Path, address: str | None = None) -> Iterator[None]:
    """Fail when the block leaves containers of jobs in that folder, processes at work in it or
    started by this one, or files in it that are not the caller's. Pytest waits for none of them.
    """
    before = _children()
    yield
    assert _containers(folder, address) == [], "containers were left behind"
    end = time.monotonic() + PATIENCE_SECONDS
    while left := _processes(folder, before):
        assert time.monotonic() < end, f"processes were left behind: {left}"
        time.sleep(0.05)
    assert foreign_files(folder, os.geteuid()) == [], "files of somebody else were left behind"


def foreign_files(folder: Path, owner: int) -> list[str]:
    """Everything in a folder that belongs to somebody else than ``owner``."""
    return [
        str(path)
        for path in (folder, *folder.rglob("*"))
        if path.stat(follow_symlinks=False).st_uid != owner
    ]


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


def _processes(folder: Path, known: set[int]) -> list[str]:
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            words = process.cmdline()
            at_work = str(folder) in " ".join([process.cwd(), *words])
            if at_work and process.pid != os.getpid() and process.pid not in known:
                found.append(f"{process.pid} {words}")
    new = _children() - known
    return found + [str(pid) for pid in new]
