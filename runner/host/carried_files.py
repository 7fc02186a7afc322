"""Folders that are carried to another machine: an index with the digest of each file in them."""

import contextlib
import errno
import hashlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Annotated, Final, TypeVar

from pydantic import AfterValidator, BaseModel, Field, ValidationError

from runner.errors import DiskFullError, ImageMismatchError, UsageError
from runner.project.quantity import size_text
from runner.project.schema import Part

READ_BYTES: Final = 1024 * 1024
Index = TypeVar("Index", bound=BaseModel)


def _inside(value: str) -> str:
    path = PurePosixPath(value)
    if path.is_absolute() or ".." in path.parts or str(path) != value or "\0" in value:
        problem = f"{value!r} is no file of this folder"
        raise ValueError(problem)
    return value


class CarriedFile(Part):
    """A file of the folder, by its path in it."""

    file: Annotated[str, AfterValidator(_inside)]
    size_bytes: Annotated[int, Field(ge=0)]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


def carried_file(folder: Path, name: str) -> CarriedFile:
    """The entry of a file that is complete."""
    path = folder / name
    return CarriedFile(file=name, size_bytes=path.stat().st_size, sha256=_sha256(path))


def verify(folder: Path, carried: CarriedFile) -> Path:
    """The path of a file that is as the index has it. Raises ImageMismatchError."""
    path = folder / carried.file
    if not path.is_file():
        problem = "it is not there"
    elif (size := path.stat().st_size) != carried.size_bytes:
        problem = f"it has {size_text(size)} ({size} bytes) and should have {carried.size_bytes}"
    elif _sha256(path) != carried.sha256:
        problem = "its SHA-256 is another one"
    else:
        return path
    msg = f"{path} is not the file that was written: {problem}. Carry the folder over once more."
    raise ImageMismatchError(msg)


def _sha256(path: Path) -> str:
    found = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(READ_BYTES):
            found.update(block)
    return found.hexdigest()


def read_index(folder: Path, name: str, kind: type[Index], made_by: str) -> Index:
    """The index of a folder. Raises UsageError with the command that makes such a folder."""
    path = folder / name
    try:
        return kind.model_validate_json(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        problem = f"{name} is not in it"
    except ValidationError as wrong:
        first = wrong.errors()[0]
        place = ".".join(map(str, first["loc"])) or "the file"
        problem = f"{name} is not as stagerun writes it ({place}: {first['msg']})"
    msg = f"{folder} cannot be used: {problem}. {made_by} makes such a folder."
    raise UsageError(msg)


@contextlib.contextmanager
def new_contents(folder: Path, index: str) -> Iterator[None]:
    """Fill a folder in the block: a new or empty one, or one that has such an index, which goes.

    Raises UsageError for a folder of something else, and DiskFullError.
    """
    if folder.exists() and not folder.is_dir():
        msg = f"{folder} is a file; name a folder."
        raise UsageError(msg)
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / index).exists() and any(folder.iterdir()):
        msg = f"{folder} holds other files; name a new folder, or an empty one."
        raise UsageError(msg)
    # Without its index a folder that is half written is not taken for a good one.
    (folder / index).unlink(missing_ok=True)
    try:
        yield
    except OSError as problem:
        if problem.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        msg = f"there is no space left for {folder}: free some, or name a folder on another disk."
        raise DiskFullError(msg) from None


def write_index(folder: Path, name: str, index: BaseModel) -> None:
    """Write the index, which makes the folder complete."""
    part = folder / f".{name}.part"
    part.write_text(index.model_dump_json(indent=1) + "\n")
    part.replace(folder / name)
