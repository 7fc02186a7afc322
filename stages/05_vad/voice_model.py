"""How likely each moment of a recording is speech, by silero's detector."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Iterator, Tuple

import numpy as np
import onnxruntime

from shared.recording import SAMPLE_RATE_HZ, Recording, RecordingError

_FRAME = 512  # samples; what the model was trained with
_CONTEXT = 64  # samples of the frame before, which the model wants in front of each frame
_FRAMES_AT_ONCE = 64
_MODEL_FILE = "silero_vad_16k_sequence.onnx"
FRAME_SECONDS = _FRAME / SAMPLE_RATE_HZ


class ModelFileError(Exception):
    """The model is not where its package should have it; the message says what to do."""


class VoiceDetector:
    """The detector, on one thread of the CPU. Raises ModelFileError when it is not installed."""

    def __init__(self) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.enable_cpu_mem_arena = False  # the arena only grows
        self._session = onnxruntime.InferenceSession(
            str(model_file()), options, providers=["CPUExecutionProvider"]
        )

    def probabilities(self, recording: Recording) -> Iterator[Tuple[float, ...]]:
        """For each frame of FRAME_SECONDS how likely it is speech, 0 to 1, in batches.

        The last frame is filled up with silence. Raises RecordingError when the file is cut off.
        """
        state = cell = np.zeros((1, 1, 128), np.float32)
        tail = np.zeros(_CONTEXT, np.float32)
        for samples in _batches(recording):
            frames = samples.reshape(-1, _FRAME)
            before = np.concatenate([tail[None], frames[:-1, -_CONTEXT:]])
            tail = frames[-1, -_CONTEXT:]
            inputs = {"input": np.concatenate([before, frames], axis=1), "h": state, "c": cell}
            found, state, cell = self._session.run(["speech_probs", "hn", "cn"], inputs)
            yield tuple(found.tolist())


def model_file() -> Path:
    """The model in silero's package, which itself cannot be imported: its code needs torch.

    Raises ModelFileError when it is not there.
    """
    package = importlib.util.find_spec("silero_vad")
    if package is None or package.origin is None:
        message = "The package silero-vad is not installed here. Run the stage in its own image."
        raise ModelFileError(message)
    path = Path(package.origin).parent / "data" / _MODEL_FILE
    if not path.is_file():
        message = (
            f"The package silero-vad has no {_MODEL_FILE}: it is not the version that"
            " images/vad/requirements.lock names. Build the image again."
        )
        raise ModelFileError(message)
    return path


def _batches(recording: Recording) -> Iterator[np.ndarray]:
    """The samples as floats from -1 to 1, in multiples of a frame."""
    batch_seconds = _FRAMES_AT_ONCE * FRAME_SECONDS
    total = round(recording.seconds * SAMPLE_RATE_HZ)
    done = number = 0
    while done < total:
        data = recording.read(number * batch_seconds, (number + 1) * batch_seconds)
        samples = np.frombuffer(data, "<i2").astype(np.float32) / 32768
        if len(samples) != min(_FRAMES_AT_ONCE * _FRAME, total - done):
            message = (
                f"The sound is cut off: its header announces {recording.seconds:.1f} s, and there"
                f" are {(done + len(samples)) / SAMPLE_RATE_HZ:.1f} s. Run the stage that wrote it"
                " again."
            )
            raise RecordingError(message)
        done += len(samples)
        number += 1
        yield np.pad(samples, (0, -len(samples) % _FRAME))
