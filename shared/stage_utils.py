"""StageIO: a stage's folder, logs and manifest behind one object."""

from __future__ import annotations

import json
import logging
import os
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional

from shared import files
from shared.clock import utc_stamp, utc_text
from shared.declared_files import input_files, output_file
from shared.files import PathLike
from shared.logger import DESK
from shared.models import model_folder
from shared.open_stages import STAGES
from shared.opening import open_stage
from shared.plain_values import plain
from shared.request import VARIANT_VARIABLE
from shared.secret_files import read_secret
from shared.stage_manifest import StageManifest
from shared.stage_paths import checked_name, input_folder, input_path
from shared.stage_places import StagePlaces


class StageIO(StagePlaces):
    """What a stage reads and writes in its job, told in ``manifest.json`` and ``stage.log``.

    The manifest exists from now on with the status ``running``; a stage that ends without
    ``finalize`` has failed. Only the process that made this object may change the manifest.

    ``stage_name`` is the name of the stage's folder, with or without its number; without one it is
    what the runner granted, else the name of the script or its folder. ``job_dir`` is the job's
    folder, ``OUTPUT_DIR`` or ``out`` where it is not given. With ``enable_manifest=False`` there
    are logs only, which the runner does not take for a result.

    Raises StageNameError for a name that is no folder or not the granted one, StageBusyError when
    another living process has the folder, RequestError when the runner's request is missing or
    broken, SpecError for a spec that cannot be understood, and TypeError when nothing says which
    stage this is.
    """

    def __init__(
        self,
        stage_name: Optional[str] = None,
        job_dir: Optional[PathLike] = None,
        enable_manifest: bool = True,
    ) -> None:
        super().__init__(open_stage(stage_name, job_dir, enable_manifest=enable_manifest))

    @property
    def manifest(self) -> Optional[StageManifest]:
        """The manifest being written; None with ``enable_manifest=False``."""
        return self._stage.manifest

    @property
    def variant(self) -> str:
        """Which of the stage's variants runs, as ``stage.yaml`` names it; ``main`` without any."""
        request = self._stage.request
        return request.variant if request else os.environ.get(VARIANT_VARIABLE) or "main"

    def get_stage_logger(self) -> logging.Logger:
        """The stage's logger: all levels to ``stage.log``, INFO and above further on.

        Further on is the console and the pipeline log. Asked for again it is the same logger.
        """
        return self._stage.logger

    def input(self, name: str) -> Optional[Path]:
        """The file of a declared input, tracked; None when it is optional and absent.

        ``name`` is the input's in ``stage.yaml``. Raises InputMissingError for one that is neither
        optional nor there, UndeclaredError for a name that ``stage.yaml`` does not have, and
        ValueError when there are several files.
        """
        found = self.inputs(name)
        if len(found) > 1:
            message = f"The input {name!r} is {len(found)} files: call io.inputs({name!r})."
            raise ValueError(message)
        return found[0] if found else None

    def inputs(self, name: str) -> List[Path]:
        """All files of a declared input, tracked; none when it is optional and absent.

        ``name`` is the input's in ``stage.yaml``. Raises InputMissingError and UndeclaredError as
        ``input`` does.
        """
        found = input_files(self._stage, name)
        if self.manifest is not None:
            for path in found:
                self.manifest.track_input(path, name, name=name)
        return found

    def output(self, name: str, file_name: Optional[str] = None) -> Path:
        """Where to write a declared output, tracked, with its parent folders made.

        ``name`` is the output's in ``stage.yaml``; an output that is a pattern, such as ``*.srt``,
        needs the ``file_name`` of this file. Raises UndeclaredError for a name that ``stage.yaml``
        does not have, and ValueError for a file name that does not fit the declaration, or none
        where there is a pattern.
        """
        path, spec = output_file(self._stage, name, file_name)
        path.parent.mkdir(parents=True, exist_ok=True)
        if self.manifest is not None:
            self.manifest.track_output(path, spec.type, name=name, may_be_missing=spec.optional)
        return path

    def model(self, name: str) -> Path:
        """The folder of a declared model, which the stage can read and not change.

        ``name`` is the model's in ``stage.yaml``. Raises UndeclaredError for a name that
        ``stage.yaml`` does not have, or of which these settings need no model.
        """
        return model_folder(self._stage, name)

    def get_input_path(self, name: PathLike, from_stage: Optional[str] = None) -> Path:
        """A file of the named stage, else of the one before; it need not be there.

        ``name`` is relative to that stage's folder. The stage before is the nearest one with a
        lower number that was not skipped; for the first stage it is the job's folder ``input``.
        Nothing is tracked. Raises ValueError for absolute names and ``..``.
        """
        return input_path(self._stage, name, from_stage)

    def get_output_path(self, name: PathLike) -> Path:
        """A file in the stage's folder, with its parent folders made.

        ``name`` is relative to that folder. Nothing is tracked. Raises ValueError for absolute
        names and ``..``.
        """
        path = self.stage_dir / checked_name(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def get_all_inputs(self) -> List[Path]:
        """All that lies in the folder of the stage before, sorted; nothing is tracked."""
        return sorted(input_folder(self._stage).glob("*"))

    def get_log_path(self, timestamp: Optional[str] = None) -> Path:
        """A name for a further log file; under the runner ``logs/`` is not writable."""
        number = "99" if self.stage_number is None else f"{self.stage_number:02d}"
        return self.logs_dir / f"{number}_{self.stage_name}_{timestamp or utc_stamp()}.log"

    def track_input(self, path: PathLike, file_type: str, /, **metadata: object) -> None:
        """List a file or folder that the stage reads; it need not exist.

        ``file_type`` is a word for people, such as ``audio``. ``metadata`` stands flat beside what
        is measured. The same path and type listed again is one entry with the later metadata.
        Raises ForeignProcessError in a worker process.
        """
        if self.manifest is not None:
            self.manifest.track_input(path, file_type, metadata)

    def track_output(self, path: PathLike, file_type: str, /, **metadata: object) -> None:
        """List a file or folder that the stage writes; it is measured again at the end.

        The arguments are those of ``track_input``. The file lies in the stage's folder and is one
        that ``stage.yaml`` declares. Raises ForeignProcessError in a worker process.
        """
        if self.manifest is not None:
            self.manifest.track_output(path, file_type, metadata)

    def track_intermediate(
        self, path: PathLike, /, retained: bool = False, reason: str = ""
    ) -> None:
        """List a scratch file, which needs no declaration; nothing is deleted by that.

        ``retained`` says that it is meant to stay, ``reason`` what for. Raises ForeignProcessError
        in a worker process.
        """
        if self.manifest is not None:
            self.manifest.track_intermediate(path, retained, reason)

    def add_config(self, key: str, value: object) -> None:
        """Record one configuration value in the manifest; what JSON lacks becomes text."""
        self.set_config({key: value})

    def set_config(self, values: Mapping[str, object]) -> None:
        """Record configuration values in the manifest, beside those recorded before."""
        if self.manifest is not None:
            self.manifest.update_config(values)

    def set_resources(self, **values: object) -> None:
        """Record what the stage used, by names such as ``gpu_memory_mb``, in the manifest.

        What is measured in any case, ``cpu_percent`` and ``memory_mb``, fills the rest.
        """
        if self.manifest is not None:
            self.manifest.update_resources(values)

    def add_warning(self, message: object) -> None:
        """List a warning in the manifest; it is not logged."""
        if self.manifest is not None:
            self.manifest.add_warning(message)

    def add_error(self, message: object, exception: Optional[BaseException] = None) -> None:
        """List an error in the manifest, with type and traceback of an exception; not logged."""
        if self.manifest is not None:
            self.manifest.add_error(message, exception)

    def progress(self, done: float, total: Optional[float] = None, unit: str = "") -> None:
        """Say how far the stage is; frequent calls are thinned out, senseless numbers ignored.

        ``done`` and ``total`` are counted in ``unit``, such as ``s``; ``total`` is None where
        nobody knows it.
        """
        numbers = [plain(value) for value in (done, total) if value is not None]
        if all(isinstance(number, (int, float)) for number in numbers):
            DESK.progress(numbers[0], numbers[1] if len(numbers) > 1 else None, str(unit))

    def secret(self, name: str) -> str:
        """The text of a secret, which no log repeats from now on.

        Raises SecretMissingError unless ``stage.yaml`` lists it and the site has it.
        """
        request, spec = self._stage.request, self._stage.spec
        listed = request.secrets if request else spec.secrets if spec else None
        return read_secret(name, listed)

    def finalize(self, status: str = "success", **fields: object) -> None:
        """Say how the stage ended: ``success``, ``failed`` or ``skipped``.

        ``fields`` stand in the manifest's top level: ``summary`` is what the console shows,
        ``reason`` why a stage was skipped, ``error`` is listed among the errors, too. Only
        ``failed`` overrides an end that was told before. Raises ValueError for another status, and
        ForeignProcessError in a worker process.
        """
        if self.manifest is not None:
            self.manifest.finalize(status, fields)
            STAGES.close(self._stage)

    def finalize_stage_manifest(self, exit_code: int = 0) -> None:
        """Say by an exit code how the stage ended, as older stages do."""
        self.finalize("success" if exit_code == 0 else "failed", exit_code=exit_code)

    @staticmethod
    def compute_hash(path: PathLike) -> str:
        """The SHA-256 of a file or folder as 64 hexadecimal digits."""
        return files.compute_hash(path)

    def save_json(self, data: object, name: PathLike) -> Path:
        """Write JSON into the stage's folder, whole or not at all; returns the path.

        Nothing is tracked. Raises ValueError for absolute names and ``..``, TypeError for what
        JSON lacks.
        """
        path = self.get_output_path(name)
        text = json.dumps(data, indent=2, ensure_ascii=False)
        files.write_atomically(path, text.encode("utf-8", "backslashreplace"), durable=False)
        return path

    def load_json(self, name: PathLike, from_stage: Optional[str] = None) -> Any:
        """Read JSON of an earlier stage. Raises FileNotFoundError when it is missing."""
        return json.loads(self.get_input_path(name, from_stage).read_text(encoding="utf-8"))

    def save_metadata(self, metadata: Mapping[str, object]) -> Path:
        """Write ``metadata.json`` with the stage's name, number and time; returns the path."""
        own = {
            "stage": self.stage_name,
            "stage_number": self.stage_number,
            "timestamp": utc_text(),
        }
        return self.save_json({**metadata, **own}, "metadata.json")

    def load_metadata(self, from_stage: Optional[str] = None) -> Dict[str, Any]:
        """Read ``metadata.json`` of an earlier stage; empty when there is none."""
        try:
            return dict(self.load_json("metadata.json", from_stage))
        except FileNotFoundError:
            return {}

    def copy_to_base(self, name: PathLike) -> Path:
        """Copy a file of the stage's folder into the job's; returns the path.

        Under the runner the job's folder is read-only. Raises OSError there, and ValueError for
        absolute names and ``..``.
        """
        import shutil  # slow to import, and hardly ever needed

        target = self.job_dir / checked_name(name)
        shutil.copy2(self.stage_dir / checked_name(name), target)
        return target
