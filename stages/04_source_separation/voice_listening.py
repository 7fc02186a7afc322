"""How likely a voice is heard in each moment of several sounds, by silero's detector."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Final, List

import numpy as np
import onnxruntime
from separator import HOP

_CONTEXT: Final = 64  # samples of the frame before, which the model wants in front of each frame
_FRAMES_AT_ONCE: Final = 64
_MODEL_FILE: Final = "silero_vad_16k_sequence.onnx"


class VoiceModelError(Exception):
    """The detector's model is not where its package should have it; the message says what to do."""


class VoiceListener:
    """Listens to so many sounds side by side, on one thread of the CPU.

    Raises VoiceModelError when the detector is not installed.
    """

    def __init__(self, sounds: int) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.enable_cpu_mem_arena = False  # the arena only grows
        session = onnxruntime.InferenceSession(
            str(_model_file()), options, providers=["CPUExecutionProvider"]
        )
        self._ears = [_Ear(session) for _ in range(sounds)]
        self._waiting = np.zeros((0, sounds), np.float32)

    def process(self, block: np.ndarray) -> np.ndarray:
        """Takes samples at 16 kHz, shape (samples, sounds), in blocks of any size.

        Returns a row for each HOP samples that are complete: how likely there is a voice in each
        sound, 0 to 1.
        """
        samples = np.concatenate([self._waiting, block])
        count = len(samples) // HOP
        self._waiting = samples[count * HOP :]
        frames = samples[: count * HOP].reshape(count, HOP, samples.shape[1])
        return np.stack([ear.hear(frames[..., n]) for n, ear in enumerate(self._ears)], axis=1)

    def finish(self) -> np.ndarray:
        """The row of the rest, filled up with silence."""
        short = -len(self._waiting) % HOP
        return self.process(np.zeros((short, self._waiting.shape[1]), np.float32))


class _Ear:
    """What the detector remembers of one sound."""

    def __init__(self, session: onnxruntime.InferenceSession) -> None:
        self._session = session
        self._forget()

    def hear(self, frames: np.ndarray) -> np.ndarray:
        found: List[np.ndarray] = [np.zeros(0, np.float32)]
        for start in range(0, len(frames), _FRAMES_AT_ONCE):
            found.append(self._hear(frames[start : start + _FRAMES_AT_ONCE]))
        return np.concatenate(found)

    def _forget(self) -> None:
        self._state = self._cell = np.zeros((1, 1, 128), np.float32)
        self._tail = np.zeros(_CONTEXT, np.float32)

    def _hear(self, frames: np.ndarray) -> np.ndarray:
        # Listening takes longer than all else, and channels beside the centre often hold nothing.
        if not frames.any():
            self._forget()
            return np.zeros(len(frames), np.float32)
        before = np.concatenate([self._tail[None], frames[:-1, -_CONTEXT:]])
        self._tail = frames[-1, -_CONTEXT:].copy()
        inputs = {
            "input": np.concatenate([before, frames], axis=1),
            "h": self._state,
            "c": self._cell,
        }
        outputs = ["speech_probs", "hn", "cn"]
        found, self._state, self._cell = self._session.run(outputs, inputs)
        return np.asarray(found)


def _model_file() -> Path:
    """The model in silero's package, which itself cannot be imported: its code needs torch."""
    package = importlib.util.find_spec("silero_vad")
    path = Path((package and package.origin) or "").parent / "data" / _MODEL_FILE
    if not path.is_file():
        message = (
            f"The package silero-vad, or its {_MODEL_FILE}, is not installed here. Run the stage"
            " in its own image, and build that again if it is older than images/vad."
        )
        raise VoiceModelError(message)
    return path
