"""What nobody foresaw, in words: errors of the system, and faults of the program itself."""

import traceback
from errno import EDQUOT, ENOSPC
from pathlib import Path, PurePath

from runner.errors import DiskFullError, JobAccessError, RunnerLostError, StagerunError


def refusal_of(problem: Exception, place: Path) -> StagerunError:
    """What to tell of a problem with the job that lies, or should lie, in ``place``."""
    if isinstance(problem, StagerunError):
        return problem
    if isinstance(problem, OSError):
        return _of_the_system(problem, place)
    return _own_fault(problem)


def _of_the_system(problem: OSError, place: Path) -> StagerunError:
    if problem.errno in (ENOSPC, EDQUOT):
        return DiskFullError(
            f"there is no space left for the runner's own files in {place}. Free some: "
            f"stagerun clean {place} shows what would go."
        )
    return JobAccessError(
        f"the job directory {place} cannot be used: {problem.strerror or problem} "
        f"({problem.filename or 'no file named'}). Check its owner and its file system."
    )


def _own_fault(problem: Exception) -> RunnerLostError:
    return RunnerLostError(
        f"stagerun itself failed: {type(problem).__name__}: {problem}{_where(problem)}. The fault "
        "is in stagerun, not in your files; please report it, with the place in the program."
    )


def _where(problem: Exception) -> str:
    frames = traceback.extract_tb(problem.__traceback__)
    return f" ({PurePath(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else ""
