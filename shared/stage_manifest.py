"""The stage's manifest.json: there from the first moment, valid at every moment, final at last."""

from __future__ import annotations

import os
import sys
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Callable, Dict, Final, Iterable, Iterator, List, Mapping, Optional, Sequence

from shared.clock import utc_text
from shared.error_entries import error_entry
from shared.errors import ForeignProcessError
from shared.file_lists import FileLists
from shared.files import PathLike, measure
from shared.manifest_file import ManifestFile
from shared.plain_values import plain, text_of
from shared.request import HandedFile
from shared.stage_order import stage_name, stage_number
from shared.tracking import absolute
from shared.usage import UsageMeter

SCHEMA_VERSION: Final = 1
PATIENCE_SECONDS: Final = 3.0
OWN_KEYS: Final = (
    *("schema_version", "stage", "stage_number", "stage_id", "run_id", "status", "timestamp"),
    *("completed_at", "duration_seconds", "inputs", "outputs", "intermediate_files", "config"),
    *("models", "resources", "warnings", "errors", "exit_code", "extra"),
)
FINAL: Final = ("success", "failed", "skipped")


class StageManifest:
    """What one stage read, wrote, used and said; only the process that made it may change it.

    Sizes are bytes, durations seconds, paths relative to the job.
    """

    def __init__(
        self,
        stage_id: str,
        stage_dir: PathLike,
        *,
        job_dir: Optional[PathLike] = None,
        run_id: Optional[str] = None,
        warnings: Sequence[str] = (),
        models: Optional[Mapping[str, Any]] = None,
        handed_file: Callable[[str], Optional[HandedFile]] = lambda _: None,
        notify: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.stage_id = stage_id
        self.stage = stage_name(stage_id)
        self.stage_dir = absolute(stage_dir)
        self.path = self.stage_dir / "manifest.json"
        self.status = "running"
        self.run_id = run_id
        self._files = FileLists(
            absolute(job_dir) if job_dir is not None else self.stage_dir.parent,
            self.stage_dir,
            hashing=run_id is None,
            handed_file=handed_file,
        )
        self._notify = notify
        self._owner = os.getpid()
        self._lock = threading.RLock()
        self._meter = UsageMeter()
        self._started = utc_text()
        self._completed: Optional[str] = None
        self._duration: Optional[float] = None
        self._config: Dict[str, Any] = {}
        self._models: Dict[str, Any] = dict(models or {})
        self._resources: Dict[str, Any] = {}
        self._warnings: List[str] = [text_of(warning) for warning in warnings]
        self._errors: List[Dict[str, Any]] = []
        self._more: Dict[str, Any] = {}
        self._file = ManifestFile(self.path, self.document)
        self._file.write()

    @property
    def is_final(self) -> bool:
        """Whether the stage has said how it ended."""
        return self.status in FINAL

    def track_input(
        self,
        path: object,
        file_type: object,
        metadata: Optional[Mapping[str, Any]] = None,
        *,
        name: Optional[str] = None,
    ) -> None:
        """List a file that the stage reads, measured and digested now."""
        entry = self._files.entry(path, file_type, name)
        with self._change(f"the input {entry.shown}"):
            self._warn(self._files.put_input(entry, metadata))

    def track_output(
        self,
        path: object,
        file_type: object,
        metadata: Optional[Mapping[str, Any]] = None,
        *,
        name: Optional[str] = None,
        may_be_missing: bool = False,
    ) -> None:
        """List a file that the stage writes, measured now and digested at the end."""
        entry = self._files.entry(path, file_type, name)
        entry.may_be_missing = may_be_missing
        with self._change(f"the output {entry.shown}"):
            self._warn(self._files.put_output(entry, metadata, is_complete=self.is_final))

    def track_intermediate(self, path: object, retained: object, reason: object) -> None:
        """List a scratch file."""
        with self._change(f"the intermediate file {path}"):
            self._files.put_scratch(path, retained, reason)

    def add_input(self, path: PathLike, hash: Optional[str] = None) -> None:  # noqa: A002 - old name
        """List an input by path and SHA-256, as older stages do; its type is the suffix."""
        self.track_input(path, _suffix_type(path), _hash_metadata(path, hash))

    def add_output(self, path: PathLike, hash: Optional[str] = None) -> None:  # noqa: A002 - old name
        """List an output by path and SHA-256, as older stages do; its type is the suffix."""
        self.track_output(path, _suffix_type(path), _hash_metadata(path, hash))

    def update_config(self, values: Mapping[str, object]) -> None:
        """Record configuration values; later ones replace earlier ones of the same key."""
        with self._change("configuration"):
            self._config.update(plain(values))

    def update_resources(self, values: Mapping[str, object]) -> None:
        """Record what the stage used; these win over the automatic values, key by key."""
        with self._change("resources"):
            self._resources.update(plain(values))

    def add_warning(self, message: object) -> None:
        """List a warning."""
        with self._change("a warning"):
            self._warnings.append(text_of(message))

    def add_error(self, message: object, exception: Optional[BaseException] = None) -> None:
        """List an error, with type and traceback of an exception."""
        with self._change("an error"):
            self._errors.append(error_entry(message, exception))

    def finalize(self, status: str, fields: Mapping[str, object]) -> None:
        """Say how the stage ended; ``fields`` go to the top level of the document.

        Raises ValueError for a status that is no end, OSError when the disk refuses the manifest.
        """
        if status not in FINAL:
            message = f"finalize(status={status!r}): the status is one of {', '.join(FINAL)}."
            raise ValueError(message)
        self._check_process("finalize()")
        with self._lock:
            if self.is_final and status != "failed":
                if status != self.status:
                    self._notify(
                        f"finalize(status={status!r}) is refused: the stage has already ended "
                        f"as {self.status!r}, and only 'failed' overrides that."
                    )
                return
            if self.status == "failed":
                return
            self._put_fields(fields)
            handled = sys.exc_info()[1]
            if status == "failed" and handled is not None and not self._errors:
                self._errors.append(error_entry(handled, handled))
            self._close(status, hashing=self.run_id is None)

    def end(self, message: str, exception: Optional[BaseException] = None) -> None:
        """Make sure that the manifest is final, because the process is about to end.

        Nothing is digested: a process that was told to stop has no time for that.
        """
        # Another thread may hold the lock for long; a final manifest matters more.
        locked = self._lock.acquire(timeout=PATIENCE_SECONDS)
        try:
            if not self.is_final:
                self._more["error"] = message
                if exception is not None:
                    self._errors.append(error_entry(exception, exception))
                self._errors.append(error_entry(message, None))
                self._close("failed", hashing=False)
            elif self._file.is_behind:
                self._file.write()
        finally:
            if locked:
                self._lock.release()

    def retire(self) -> None:
        """Leave the file to a newer manifest of the same folder."""
        self._file.retire()

    def write_if_due(self) -> None:
        """Write pending changes unless that was done a moment ago or another thread is at it."""
        if not self._file.is_behind or os.getpid() != self._owner:
            return
        if self._lock.acquire(blocking=False):
            try:
                self._file.write_in_passing()
            finally:
                self._lock.release()

    def document(self) -> Dict[str, Any]:
        """The manifest as it stands."""
        return {
            "schema_version": SCHEMA_VERSION,
            "stage": self.stage,
            "stage_number": stage_number(self.stage_id),
            "stage_id": self.stage_id,
            "run_id": self.run_id,
            "status": self.status,
            "timestamp": self._started,
            "completed_at": self._completed,
            "duration_seconds": self._duration,
            **self._files.as_json(),
            "config": self._config,
            **({"models": self._models} if self._models else {}),
            "resources": self._resources,
            "warnings": self._warnings,
            "errors": self._errors,
            **self._more,
        }

    @contextmanager
    def _change(self, what: str) -> Iterator[None]:
        self._check_process(what)
        with self._lock:
            yield
            self._file.is_behind = True
            if not self.is_final:
                self._file.write_in_passing()
                return
            self._file.write()
        self._notify(f"Recorded after the stage had ended as {self.status!r}: {what}.")

    def _check_process(self, what: str) -> None:
        if os.getpid() != self._owner:
            message = (
                f"The manifest of {self.stage_id} belongs to process {self._owner}, and this is "
                f"process {os.getpid()}: {what} cannot be recorded here. "
                f"Return the result to the main process and record it there."
            )
            raise ForeignProcessError(message)

    def _put_fields(self, fields: Mapping[str, object]) -> None:
        for key, value in fields.items():
            if key == "error":
                self._put_error(value)
            elif key == "reason":
                self._more[key] = None if value is None else text_of(value)
            elif key == "exit_code" and isinstance(value, int):
                self._more[key] = int(value)
            elif key in OWN_KEYS:
                self._more.setdefault("extra", {})[key] = plain(value)
            else:
                self._more[key] = plain(value)

    def _put_error(self, error: object) -> None:
        if error is None:
            return
        self._more["error"] = text_of(error)
        if all(entry["message"] != text_of(error) for entry in self._errors):
            exception = error if isinstance(error, BaseException) else sys.exc_info()[1]
            self._errors.append(error_entry(error, exception))

    def _close(self, status: str, *, hashing: bool) -> None:
        problems = list(self._files.measure(hashing=hashing))
        if status == "success":  # a stage that did not get there owes no files
            self._warn(problems)
        for key, value in self._meter.read().items():
            self._resources.setdefault(key, value)
        self._completed = utc_text()
        self._duration = round(self._meter.seconds(), 3)
        self._file.is_behind = True
        self.status = status
        self._file.write()

    def _warn(self, texts: Iterable[str]) -> None:
        for text in texts:
            if text not in self._warnings:
                self._warnings.append(text)


def _suffix_type(path: PathLike) -> str:
    return Path(path).suffix[1:] or "file"


def _hash_metadata(path: PathLike, given: Optional[str]) -> Dict[str, str]:
    if given is None:
        return {}
    found = measure(absolute(path), hashing=True)
    confirmed = found is not None and found.checksum == f"sha256:{given.removeprefix('sha256:')}"
    return {} if confirmed else {"checksum": given}
