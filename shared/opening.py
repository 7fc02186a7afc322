"""Which folder a StageIO means: under the runner the granted one, else the one it names."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final, Optional

from shared.errors import RequestError, StageNameError
from shared.files import PathLike
from shared.open_stages import STAGES, OpenStage
from shared.request import (
    JOB_VARIABLE,
    STAGE_VARIABLE,
    current_run_id,
    job_folder,
    load_request,
)
from shared.spec import find_spec, script_path
from shared.stage_order import STAGE_IDS, check_stage_name, resolve_stage_id, stage_name

STEMS_WITHOUT_MEANING: Final = ("stage", "__main__", "main")


def open_stage(
    name: Optional[str], job_dir: Optional[PathLike], *, enable_manifest: bool
) -> OpenStage:
    """Open the folder of a stage.

    Raises StageNameError for a name that is no folder or not the granted one, RequestError when
    the runner's request is missing, StageBusyError when another process works in the folder, and
    TypeError when nothing says which stage this is.
    """
    run_id = current_run_id()
    if run_id is not None:
        return _open_granted(run_id, name, job_dir, enable_manifest=enable_manifest)
    beside = find_spec()
    known = beside.project_stages if beside is not None else STAGE_IDS
    stage_id = resolve_stage_id(name or _own_name(), known)
    stage = OpenStage(job_folder(job_dir), stage_id, known, spec=find_spec(stage_id))
    return STAGES.open(stage, enable_manifest=enable_manifest)


def _open_granted(
    run_id: str, name: Optional[str], job_dir: Optional[PathLike], *, enable_manifest: bool
) -> OpenStage:
    granted_job = job_folder(os.environ.get(JOB_VARIABLE) or job_dir)
    try:
        request = load_request(granted_job, run_id)
    except RequestError as error:
        stage_id = os.environ.get(STAGE_VARIABLE)
        if stage_id:
            _fail(OpenStage(granted_job, stage_id, (stage_id,)), str(error))
        raise
    stage_id = request.stage_id
    known = request.stages or (stage_id,)
    stage = OpenStage(granted_job, stage_id, known, request, find_spec(stage_id))
    problem = _mismatch(stage, name, job_dir)
    if problem is not None:
        _fail(stage, problem)
        raise StageNameError(problem)
    opened = STAGES.open(stage, enable_manifest=enable_manifest)
    if not enable_manifest:
        opened.warn(
            "This stage writes no manifest (enable_manifest=False): the run will end as "
            "contract_violation. Leave enable_manifest=True under the runner."
        )
    return opened


def _mismatch(stage: OpenStage, name: Optional[str], job_dir: Optional[PathLike]) -> Optional[str]:
    granted = stage.stage_id
    if name and name not in (granted, stage_name(granted)):
        return (
            f"StageIO({name!r}) names another stage than the granted folder {granted!r}. "
            f"Call StageIO({granted!r}), StageIO({stage_name(granted)!r}) or StageIO()."
        )
    if job_dir is not None and Path(job_dir).resolve() != stage.job_dir.resolve():
        return (
            f"StageIO names the job folder {os.fspath(job_dir)!r}, and the granted one is "
            f"{str(stage.job_dir)!r}. Take it from {JOB_VARIABLE}, or leave it out."
        )
    return None


def _fail(stage: OpenStage, message: str) -> None:
    opened = STAGES.open(stage, enable_manifest=True)
    if opened.manifest is not None:
        opened.manifest.finalize("failed", {"error": message})
    STAGES.close(opened)


def _own_name() -> str:
    given = os.environ.get(STAGE_VARIABLE)
    if given:
        return given
    script = script_path()
    if script is None:
        message = (
            f"StageIO() needs a name: {STAGE_VARIABLE} is not set and there is no script whose "
            f"name could be taken. Call StageIO('asr'), for example."
        )
        raise TypeError(message)
    name = script.parent.name if script.stem in STEMS_WITHOUT_MEANING else script.stem
    check_stage_name(name)
    return name
