"""Inputs and outputs by the names that the stage's spec declares."""

from __future__ import annotations

import fnmatch
import json
import re
from contextlib import suppress
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Tuple

from shared.errors import InputMissingError, UndeclaredError
from shared.open_stages import OpenStage
from shared.spec import InputSpec, OutputSpec, load_spec, read_yaml
from shared.stage_paths import checked_name

_NAMED_FILE = re.compile(r'  ([A-Za-z0-9_][A-Za-z0-9_.-]*): (".*")')


def input_files(stage: OpenStage, name: str) -> List[Path]:
    """The files of a declared input; none when it is optional and absent.

    Raises UndeclaredError, or InputMissingError that names the alternatives.
    """
    declared: Mapping[str, InputSpec] = stage.spec.inputs if stage.spec is not None else {}
    spec = declared.get(name)
    if stage.request is not None:
        if name not in stage.request.inputs:
            raise UndeclaredError(_undeclared("input", name, stage, stage.request.inputs))
        files = [stage.job_dir / file.path for file in stage.request.inputs[name]]
    elif spec is None:
        raise UndeclaredError(_undeclared("input", name, stage, declared))
    else:
        files = _first_present(stage, spec)
    if not files and spec is not None and not spec.optional:
        message = (
            f"The input {name!r} of {stage.stage_id} is missing in {stage.job_dir}: there is no "
            f"good result of {' or '.join(spec.sources)}. Run that stage first, or put the "
            f"file there."
        )
        raise InputMissingError(message)
    return files


def output_file(stage: OpenStage, name: str, file_name: Optional[str]) -> Tuple[Path, OutputSpec]:
    """Where a declared output is to be written, and its declaration.

    Raises UndeclaredError for an unknown name, ValueError for a file name that does not fit.
    """
    outputs: Mapping[str, OutputSpec] = {}
    if stage.request is not None:
        outputs = stage.request.outputs
    elif stage.spec is not None:
        outputs = stage.spec.outputs
    if name not in outputs:
        raise UndeclaredError(_undeclared("output", name, stage, outputs))
    spec = outputs[name]
    if file_name is None and spec.is_pattern:
        message = (
            f"The output {name!r} is any number of files like {spec.file}: "
            f"call io.output({name!r}, file_name) with the name of this one."
        )
        raise ValueError(message)
    relative = checked_name(spec.file if file_name is None else file_name)
    if not fnmatch.fnmatchcase(str(relative), spec.file) and str(relative) != spec.file:
        message = (
            f"{str(relative)!r} does not fit the output {name!r}, which stage.yaml declares as "
            f"{spec.file}. Take a fitting name, or change the declaration."
        )
        raise ValueError(message)
    return stage.stage_dir / relative, spec


def _undeclared(kind: str, name: str, stage: OpenStage, declared: Mapping[str, object]) -> str:
    known = ", ".join(declared) or "none"
    return (
        f"{stage.stage_id} declares no {kind} {name!r} (declared: {known}). "
        f"Declare it under `{kind}s:` in stage.yaml."
    )


def _first_present(stage: OpenStage, spec: InputSpec) -> List[Path]:
    for source in spec.sources:
        producer, _, name = source.partition("/")
        if producer == "input":
            files = _job_files(stage.job_dir, name, only_one_will_do=not spec.optional)
        else:
            files = _result_files(stage, producer, name)
        if files:
            return files
    return []


def _job_files(job_dir: Path, name: str, *, only_one_will_do: bool) -> List[Path]:
    """A file of the job itself: as job.yaml names it, or by its name in ``input/``.

    A lone file of any name is what a stage must have; what it could do without it might not be.
    """
    folder = job_dir / "input"
    named = _job_file_names(job_dir).get(name)
    if named is not None:
        return [path for path in [folder / named] if path.exists()]
    found = sorted(folder.glob("*"))
    fitting = [path for path in found if name in (path.name, path.stem)]
    return fitting[:1] or (found if only_one_will_do and len(found) == 1 else [])


def _job_file_names(job_dir: Path) -> Mapping[str, str]:
    path = job_dir / "job.yaml"
    if not path.is_file():
        return {}
    data = read_yaml(path)
    if data is None:
        return _names_as_init_writes_them(path)
    names = data.get("input") if isinstance(data, dict) else None
    return names if isinstance(names, dict) else {}


def _names_as_init_writes_them(path: Path) -> Dict[str, str]:
    """The names in a job.yaml of ``stagerun init``, for images without a YAML parser."""
    names: Dict[str, str] = {}
    _, _, block = ("\n" + path.read_text(encoding="utf-8")).partition("\ninput:\n")
    for line in block.splitlines():
        match = _NAMED_FILE.fullmatch(line)
        if match is None:
            break
        with suppress(ValueError):
            names[match[1]] = json.loads(match[2])
    return names


def _result_files(stage: OpenStage, producer: str, name: str) -> List[Path]:
    """The files of another stage's output, unless its manifest says that it is no result."""
    folder = stage.job_dir / producer
    manifest = _manifest(folder)
    if manifest is not None and manifest.get("status") != "success":
        return []
    spec = load_spec(stage.spec.file.parent.parent / producer) if stage.spec is not None else None
    if spec is not None and name in spec.outputs:
        return sorted(folder.glob(spec.outputs[name].file))
    entries = manifest.get("outputs", []) if manifest is not None else []
    named = [entry["path"] for entry in entries if entry.get("name") == name]
    return [path for path in (stage.job_dir / text for text in named) if path.exists()]


def _manifest(folder: Path) -> Optional[Dict[str, Any]]:
    with suppress(OSError, ValueError):
        data = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        return data if isinstance(data, dict) else None
    return None
