"""What the libraries below Whisper raise, said as what happened, why, and what to do."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import Iterator, List, Type

from asr_errors import AsrError, DeviceError, GpuMemoryError, ModelError, SettingError

_ALWAYS = ("model.bin", "config.json", "tokenizer.json")
_VOCABULARIES = ("vocabulary.json", "vocabulary.txt")


def check_model_folder(folder: Path) -> None:
    """Raises ModelError for a folder that is not there, or lacks a file.

    The library itself would ask the hub for what is missing.
    """
    missing = [name for name in _ALWAYS if not (folder / name).is_file()]
    if not any((folder / name).is_file() for name in _VOCABULARIES):
        missing.append(" or ".join(_VOCABULARIES))
    if missing:
        there = "lacks" if folder.is_dir() else "is not there; it should hold"
        message = (
            f"The model's folder {folder} {there} {', '.join(missing)}. Put the whole model, as"
            " converted for CTranslate2, into the model store."
        )
        raise ModelError(message)


@contextmanager
def loading(folder: Path, compute_type: str) -> Iterator[None]:
    """Turns what goes wrong while a model is loaded into AsrError."""
    try:
        yield
    except AsrError:
        raise
    except Exception as error:  # tokenizers raises the bare class
        if "compute type" in str(error):
            message = f"ASR_COMPUTE_TYPE {compute_type} cannot be used: {error}"
            raise SettingError(message) from error
        _raise_gpu_error(error)
        message = (
            f"The model in {folder} cannot be read: {error}. It may be cut off, or not converted"
            " for CTranslate2: compare its digests with those of its source, or copy it again."
        )
        raise ModelError(message) from error


@contextmanager
def listening() -> Iterator[None]:
    """Turns what a GPU gives up with into AsrError; any other error passes."""
    try:
        yield
    except RuntimeError as error:
        _raise_gpu_error(error)
        raise


def _raise_gpu_error(error: Exception) -> None:
    text = str(error)
    if not any(name in text.lower() for name in ("cuda", "cublas")):
        return
    kind: Type[AsrError] = DeviceError
    advice: List[str] = ["See nvidia-smi on the host; ASR_DEVICE cpu does without a GPU."]
    if "out of memory" in text or "ALLOC_FAILED" in text:
        kind = GpuMemoryError
        text = f"CUDA out of memory ({text})"
        advice = ["Lower ASR_BATCH_SIZE or ASR_BEAM_SIZE, set ASR_COMPUTE_TYPE to int8_float16,"]
        advice.append("or take a smaller ASR_MODEL.")
    message = f"The GPU failed: {text}. {' '.join(advice)}"
    raise kind(message) from error
