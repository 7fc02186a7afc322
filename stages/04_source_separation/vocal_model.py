"""Separation by a demucs model: what the model takes for voices."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any, Iterator, List

import numpy as np
import soxr
import torch
from demucs.apply import apply_model
from demucs.states import load_model
from separation_method import VocalModelError

from shared.recording import SAMPLE_RATE_HZ

MODEL_FILE = "model.th"
_VOICES = "vocals"
_STEREO = 2
_CHUNK_SECONDS = 30
_OVERLAP_SECONDS = 1


class VocalModel:
    """A model on one device, `cpu` or `cuda`. Raises VocalModelError when it cannot be loaded."""

    def __init__(self, folder: Path, device: str) -> None:
        if device == "cuda" and not torch.cuda.is_available():
            message = (
                "The stage was given a GPU, but torch finds none that it can use: see the driver's"
                " version, or set SEPARATION_DEVICE to cpu."
            )
            raise VocalModelError(message)
        self._device = device
        self._model = _load(folder / MODEL_FILE)
        self.rate = int(self._model.samplerate)
        self._voices = list(self._model.sources).index(_VOICES)

    def voices(self, blocks: Iterator[np.ndarray], loudness: float) -> Iterator[np.ndarray]:
        """The voices in stereo blocks at the model's rate, as mono blocks at 16 kHz.

        `loudness` is the root mean square of the whole sound, by which the model wants it divided.
        Chunks overlap and fade into each other, so that no edge is heard.
        """
        scale = max(loudness, 1e-8)
        resampler = soxr.ResampleStream(self.rate, SAMPLE_RATE_HZ, 1, "float32")
        for voices in self._joined(blocks, scale):
            yield resampler.resample_chunk(voices)
        yield resampler.resample_chunk(np.zeros(0, np.float32), last=True)

    def _joined(self, blocks: Iterator[np.ndarray], scale: float) -> Iterator[np.ndarray]:
        overlap = _OVERLAP_SECONDS * self.rate
        rising = np.linspace(0, 1, overlap, dtype=np.float32)
        before = np.zeros(0, np.float32)  # the end of the chunk before, still to be faded out
        for chunk, is_last in _chunks(blocks, _CHUNK_SECONDS * self.rate, overlap):
            voices = self._separated(chunk / scale) * scale
            shared = min(len(before), len(voices))
            voices[:shared] *= rising[:shared]
            voices[:shared] += before[:shared] * (1 - rising[:shared])
            end = len(voices) if is_last else len(voices) - overlap
            before = voices[end:]
            yield voices[:end]

    def _separated(self, chunk: np.ndarray) -> np.ndarray:
        mix = torch.from_numpy(np.ascontiguousarray(chunk.T))[None]
        # No random shifts: the same film gives the same speech.
        found = apply_model(self._model, mix, shifts=0, split=True, device=self._device)
        return np.asarray(found[0, self._voices].mean(0).cpu().numpy(), np.float32)


def _load(path: Path) -> Any:
    try:
        model = load_model(str(path))
        model.eval()
        if _VOICES not in model.sources or model.audio_channels != _STEREO:
            message = (
                f"{path.parent.name}/{path.name} separates {', '.join(model.sources)} in"
                f" {model.audio_channels} channels; needed is one that finds {_VOICES!r} in stereo."
            )
            raise VocalModelError(message)
    except (OSError, EOFError, KeyError, TypeError, RuntimeError, pickle.PickleError) as error:
        message = (
            f"{path.parent.name}/{path.name} is no model that demucs can load:"
            f" {type(error).__name__}: {error}. Put one of its .th files there under that name."
        )
        raise VocalModelError(message) from error
    return model


def _chunks(blocks: Iterator[np.ndarray], size: int, overlap: int) -> Iterator[Any]:
    """Chunks, each beginning with the end of the one before, and whether it is the last."""
    waiting: List[np.ndarray] = []
    count = 0
    for block in blocks:
        waiting.append(block)
        count += len(block)
        while count > size:
            whole = np.concatenate(waiting)
            yield whole[:size], False
            waiting = [whole[size - overlap :]]
            count = len(waiting[0])
    if count:
        yield np.concatenate(waiting), True
