"""The record of a model in the model store, as the runner writes and publishes it."""

from datetime import datetime

from pydantic import NonNegativeInt

from runner.manifest import Strict
from runner.stage_document import SCHEMA_VERSION, Digest


class RecordedFile(Strict):
    """A file as it was added; size in bytes, times in nanoseconds since 1970.

    While size, times and inode agree with the disk the file is not hashed again.
    """

    size_bytes: NonNegativeInt
    checksum: Digest
    mtime_ns: int
    ctime_ns: int
    inode: NonNegativeInt


class ModelRecord(Strict):
    """``<model store>/<name>/.stagerun-model.json``.

    ``source`` is where the files came from, absolute; ``files`` are named by their paths in the
    model's folder.
    """

    schema_version: int = SCHEMA_VERSION
    name: str
    source: str
    added_at: datetime
    files: dict[str, RecordedFile]
