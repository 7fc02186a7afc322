"""All files of one manifest: what was read, what was written, what was scratch."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional

from shared.plain_values import text_of
from shared.request import HandedFile
from shared.tracking import (
    FileList,
    ScratchFile,
    TrackedFile,
    absolute,
    is_below,
    shown_path,
    split_metadata,
)


class FileLists:
    """The three lists; iterating over what a method returns does its work and tells warnings."""

    def __init__(
        self,
        job_dir: Path,
        stage_dir: Path,
        *,
        hashing: bool,
        handed_file: Callable[[str], Optional[HandedFile]],
    ) -> None:
        self._job_dir = job_dir
        self._stage_dir = stage_dir
        self._hashing = hashing
        self._handed_file = handed_file
        self._inputs = FileList("input")
        self._outputs = FileList("output")
        self._scratch: Dict[str, ScratchFile] = {}

    def entry(self, path: object, file_type: object, name: Optional[str] = None) -> TrackedFile:
        """A file that is not listed yet. Raises TypeError for what is no path."""
        place = absolute(path)
        return TrackedFile(place, shown_path(place, self._job_dir), text_of(file_type), name=name)

    def put_input(self, entry: TrackedFile, metadata: Optional[Mapping[str, Any]]) -> Iterator[str]:
        """List a file that is read, digested now unless the digest was handed in."""
        handed = self._handed_file(entry.shown)
        if handed is not None:
            entry.handed_checksum = handed.checksum
        yield from self._put(self._inputs, entry, metadata, hashing=self._hashing)

    def put_output(
        self, entry: TrackedFile, metadata: Optional[Mapping[str, Any]], *, is_complete: bool
    ) -> Iterator[str]:
        """List a file that is written; it may still grow until it is complete."""
        if not is_below(entry.path, self._stage_dir):
            yield f"The output {entry.shown} lies outside the stage's folder."
        # What may still grow is digested at the end.
        hashing = self._hashing and is_complete
        yield from self._put(self._outputs, entry, metadata, hashing=hashing)

    def put_scratch(self, path: object, retained: object, reason: object) -> None:
        """List a scratch file. Raises TypeError for what is no path."""
        place = absolute(path)
        shown = shown_path(place, self._job_dir)
        self._scratch[shown] = ScratchFile(place, shown, bool(retained), text_of(reason))

    def measure(self, *, hashing: bool) -> Iterator[str]:
        """Look at the outputs, and at inputs that were missing, as they are at the end."""
        for output in self._outputs:
            output.measure(hashing=hashing and self._hashing)
        self._outputs.drop_unwritten()
        for entry in self._inputs:
            if entry.found is None:
                entry.measure(hashing=hashing and self._hashing)
        for files in (self._inputs, self._outputs):
            for entry in files:
                problem = "it does not exist" if entry.found is None else entry.found.problem
                if problem:
                    yield f"The {files.kind} {entry.shown}: {problem}."

    def as_json(self) -> Dict[str, List[Dict[str, Any]]]:
        """The three lists as the manifest shows them."""
        return {
            "inputs": self._inputs.as_json(),
            "outputs": self._outputs.as_json(),
            "intermediate_files": [file.as_json() for file in self._scratch.values()],
        }

    def _put(
        self,
        files: FileList,
        entry: TrackedFile,
        metadata: Optional[Mapping[str, Any]],
        *,
        hashing: bool,
    ) -> Iterator[str]:
        flat, moved = (None, []) if metadata is None else split_metadata(metadata)
        if moved:
            yield (
                f"The {files.kind} {entry.shown}: what the stage said of {', '.join(moved)} lies "
                f"under `metadata`; the measured value counts."
            )
        files.put(entry, flat).measure(hashing=hashing)
