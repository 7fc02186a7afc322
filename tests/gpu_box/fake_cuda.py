"""A stand-in for CUDA in a stage's container: it asks the simulated driver for memory.

The driver reads requests from ``.cache/cuda/`` of the stage's own folder and answers beside them.
`tests.gpu_box.driver` is the other side. This file lies beside a stage's ``stage.py`` and needs
nothing but the standard library.
"""

import itertools
import json
import os
import time
from pathlib import Path
from typing import Any

ANSWER_SECONDS = 30.0
LOOK_SECONDS = 0.005
WORK_SECONDS = 0.1
GIB = 1024**3
TORCH = (
    "CUDA out of memory. Tried to allocate {asked:.2f} GiB. GPU 0 has a total capacity of "
    "{total:.2f} GiB of which {free:.2f} GiB is free."
)
CTRANSLATE2 = "CUDA failed with error out of memory"
_numbers = itertools.count(1)


class OutOfMemoryError(RuntimeError):
    """The GPU has not that much free memory; the text is that of a real library."""


class CudaError(RuntimeError):
    """Any other failure of the GPU."""


def visible_gpus() -> list[str]:
    """UUIDs of the GPUs that this process may use."""
    names = os.environ.get("CUDA_VISIBLE_DEVICES", "")
    return [name for name in names.split(",") if name]


def allocate(size: int, gpu: str | None = None, text: str = TORCH) -> None:
    """Take that many bytes on a GPU, the first visible one by default, until `free` or the end.

    Raises OutOfMemoryError and CudaError.
    """
    answer = _ask({"do": "allocate", "gpu": gpu or _first(), "bytes": size})
    if not answer["ok"]:
        free, total = answer["free"] / GIB, answer["total"] / GIB
        raise OutOfMemoryError(text.format(asked=size / GIB, free=free, total=total))


def free(gpu: str | None = None) -> None:
    """Give back all that this process holds on a GPU. Raises CudaError."""
    _ask({"do": "free", "gpu": gpu or _first()})


def hold(seconds: float, gpu: str | None = None) -> None:
    """Compute for a while with what is held. Raises CudaError as soon as the GPU is gone."""
    end = time.monotonic() + seconds
    while True:
        _ask({"do": "use", "gpu": gpu or _first()})
        left = end - time.monotonic()
        if left <= 0:
            return
        time.sleep(min(WORK_SECONDS, left))


def _first() -> str:
    gpus = visible_gpus()
    if not gpus:
        msg = "CUDA error: no CUDA-capable device is detected"
        raise CudaError(msg)
    return gpus[0]


def _ask(question: dict[str, Any]) -> dict[str, Any]:
    folder = _folder()
    folder.mkdir(parents=True, exist_ok=True)
    request = folder / f"{os.getpid()}-{time.monotonic_ns()}-{next(_numbers)}.request"
    own = {"pid": os.getpid(), "run": os.environ["STAGERUN_RUN_ID"], **question}
    fresh = request.with_suffix(".new")
    fresh.write_text(json.dumps(own), encoding="utf-8")
    fresh.replace(request)
    answer = _wait(request.with_suffix(".answer"))
    if answer.get("error"):
        raise CudaError(answer["error"])
    return answer


def _folder() -> Path:
    return Path(os.environ["OUTPUT_DIR"], os.environ["STAGERUN_STAGE"], ".cache", "cuda")


def _wait(path: Path) -> dict[str, Any]:
    end = time.monotonic() + ANSWER_SECONDS
    while time.monotonic() < end:
        if path.exists():
            answer: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            path.unlink()
            return answer
        time.sleep(LOOK_SECONDS)
    msg = "the simulated driver does not answer"
    raise CudaError(msg)
