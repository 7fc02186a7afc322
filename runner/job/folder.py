"""The job directory: what lies where in it, whose it is, and whether it can be used."""

import contextlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from errno import EDQUOT, ENOSPC
from functools import cached_property
from pathlib import Path
from typing import Final

from runner.errors import DiskFullError, JobAccessError, JobFileError, JobFolderError
from runner.job.own_file import open_own, sync_folder
from runner.project.config import JobLayer
from runner.project.document import Document, load_document
from runner.project.settings import Switches, switches_from

CACHE: Final = ".cache"
PRIVATE_FOLDERS: Final = ("left", "locks", "previous", "runs")


@dataclass(frozen=True)
class Job:
    """One job directory, opened."""

    root: Path

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.root.name

    @property
    def file(self) -> Path:
        """job.yaml."""
        return self.root / "job.yaml"

    @property
    def input(self) -> Path:
        """Where the job's own files lie."""
        return self.root / "input"

    @property
    def logs(self) -> Path:
        """Where pipeline logs lie."""
        return self.root / "logs"

    @property
    def manifest_file(self) -> Path:
        """The job manifest."""
        return self.root / "manifest.json"

    @property
    def private(self) -> Path:
        """The runner's own folder."""
        return self.root / ".stagerun"

    def stage_folder(self, stage_id: str) -> Path:
        """Where a stage writes."""
        return self.root / stage_id

    def previous_folder(self, stage_id: str) -> Path:
        """Where the previous good result of a stage waits."""
        return self.private / "previous" / stage_id

    def run_folder(self, run_id: str) -> Path:
        """Everything about one run."""
        return self.private / "runs" / run_id

    @cached_property
    def document(self) -> Document:
        """job.yaml, validated. Raises JobFileError with line and column."""

        def schema() -> type:
            from runner.project.schema import JobFile

            return JobFile

        return load_document(self.file, schema, JobFileError, kind="job")

    @property
    def layer(self) -> JobLayer:
        """What job.yaml contributes to configuration and limits."""
        data = self.document.data
        return JobLayer(config=data["config"], stages=self.switches, document=self.document)

    @property
    def switches(self) -> dict[str, Switches]:
        """What the job sets per stage."""
        return switches_from(self.document.data["stages"])

    @property
    def inputs(self) -> dict[str, str]:
        """The job's files by name: relative to ``input/``."""
        return dict(self.document.data["input"])

    @property
    def references(self) -> dict[str, Path]:
        """Inputs that lie elsewhere and are mounted over their placeholder."""
        references = self.document.data["references"]
        return {name: _followed(Path(text)) for name, text in references.items()}

    @property
    def workflow(self) -> str | None:
        """The workflow that the job asks for."""
        workflow: str | None = self.document.data["workflow"]
        return workflow

    @cached_property
    def owner(self) -> tuple[int, int]:
        """The uid and gid that containers run as: the caller's; for root the job's owner's."""
        if os.geteuid() != 0:
            return os.geteuid(), os.getegid()
        status = self.root.stat()
        return status.st_uid, status.st_gid

    def give(self, path: Path) -> None:
        """Hand what a root runner created to the job's owner."""
        if os.geteuid() == 0 and self.owner != (0, 0):
            os.chown(path, *self.owner, follow_symlinks=False)

    def give_open(self, descriptor: int) -> None:
        """Hand an open file that a root runner created to the job's owner."""
        # A second name of a file may be there to have somebody else's handed over.
        if os.geteuid() == 0 and self.owner != (0, 0) and os.fstat(descriptor).st_nlink == 1:
            os.fchown(descriptor, *self.owner)

    def make_file(self, path: Path) -> int:
        """Open a new, empty file of the runner's own, the job owner's; raises as ``open_own``."""
        descriptor = open_own(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC)
        self.give_open(descriptor)
        return descriptor

    def make_folder(self, path: Path) -> Path:
        """Create a folder and its missing parents, all the job owner's."""
        missing = [folder for folder in (path, *path.parents) if not folder.exists()]
        for folder in reversed(missing):
            with contextlib.suppress(FileExistsError):
                folder.mkdir()
                self.give(folder)
        return path

    def write(self, path: Path, text: str) -> None:
        """Replace a file as a whole: temp file, fsync, rename, fsync of the folder."""
        import tempfile  # a call that finds everything done starts quicker without

        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        temporary = Path(name)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fchmod(file.fileno(), 0o644)
                self.give_open(file.fileno())
                os.fsync(file.fileno())
            temporary.replace(path)
            sync_folder(path.parent)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise

    def runs(self) -> Iterator[Path]:
        """The folders of all runs, oldest first."""
        folder = self.private / "runs"
        found = (path for path in folder.glob("*") if path.is_dir() and not path.is_symlink())
        yield from sorted(found)


def _followed(path: Path) -> Path:
    """Where a path leads; what leads round in circles stays, as a file that is not there."""
    try:
        return path.resolve()
    except RuntimeError:  # raised before Python 3.13
        return path


def open_job(path: Path, mounted: Callable[[], list[Path]] | None = None) -> Job:
    """Open a job directory for running; ``mounted`` says where file systems are mounted.

    Raises JobFolderError, DiskFullError or JobFileError.
    """
    job = find_job(path)
    _check_writable(job)
    _check_mounts(job, (mounted or mount_points)())
    _ = job.document
    return job


def find_job(path: Path) -> Job:
    """Open a job directory for reading. Raises JobFolderError."""
    # Resolved once: the engine needs an absolute path, and bind mounts follow links anyway.
    try:
        root = path.resolve()
        is_folder, is_job = root.is_dir(), (root / "job.yaml").is_file()
        str(root).encode()
    except (OSError, RuntimeError, UnicodeEncodeError) as problem:
        msg = (
            f"the job directory {str(path)!r} cannot be used: {problem}. Check its name, its owner "
            "and its file system."
        )
        is_access = isinstance(problem, OSError)
        raise (JobAccessError if is_access else JobFolderError)(msg) from None
    if not is_folder:
        kind = "is a file" if root.exists() else "is not there"
        make = f"stagerun init {path} --input NAME=FILE"
        msg = f"the job directory {path} {kind}. Make one with: {make}"
        raise JobFolderError(msg)
    if not is_job:
        msg = (
            f"{path} is no job directory: it has no job.yaml. Make one with: "
            f"stagerun init {path} --input NAME=FILE"
        )
        raise JobFolderError(msg)
    return Job(root)


def _check_writable(job: Job) -> None:
    status = job.root.stat()
    if not os.access(job.root, os.W_OK | os.X_OK):
        msg = (
            f"you may not write to the job directory {job.root}: it belongs to uid {status.st_uid} "
            f"and you are uid {os.geteuid()}. Run as its owner, or copy the job."
        )
        raise JobAccessError(msg)
    for folder in (job.logs, job.private, *(job.private / name for name in PRIVATE_FOLDERS)):
        if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
            kind = "a symbolic link" if folder.is_symlink() else "no folder"
            msg = (
                f"{folder} is {kind}. What the runner writes must lie in the job "
                "directory itself; put a folder there."
            )
            raise JobFolderError(msg)
    try:
        job.make_folder(job.private / "runs")
        job.make_folder(job.private / "locks")
        job.make_folder(job.logs)
    except OSError as problem:
        msg = (
            f"the job directory {job.root} cannot be written: {problem.strerror}. "
            "Check its file system and its owner."
        )
        is_full = problem.errno in (ENOSPC, EDQUOT)
        raise (DiskFullError if is_full else JobAccessError)(msg) from None


def _check_mounts(job: Job, points: list[Path]) -> None:
    for point in points:
        if point != job.root and job.root in point.parents:
            msg = (
                f"another file system is mounted inside the job directory, at {point}. It would "
                "stay writable in the container; unmount it, or use --by-reference for inputs."
            )
            raise JobFolderError(msg)


def mount_points() -> list[Path]:
    """Where file systems are mounted in this process's view."""
    with contextlib.suppress(OSError):
        lines = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="surrogateescape")
        return [Path(_unescape(line.split(" ")[4])) for line in lines.splitlines()]
    return []


def _unescape(text: str) -> str:
    for code, character in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        text = text.replace(code, character)
    return text


def carry_cache(source: Path, target: Path) -> bool:
    """Move a stage's scratch folder along; False when there is none, or one there already.

    A stage may have put anything in its place: only a real folder is carried over.
    """
    cache = source / CACHE
    if cache.is_symlink() or not cache.is_dir() or os.path.lexists(target / CACHE):
        return False
    cache.replace(target / CACHE)
    return True
