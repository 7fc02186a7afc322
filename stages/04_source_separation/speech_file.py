"""The separated sound as a WAV file: 16 kHz mono, exactly as long as the recording."""

from __future__ import annotations

import wave
from pathlib import Path
from typing import Iterable

import numpy as np
from erasure import Passage

from shared.recording import SAMPLE_RATE_HZ, Recording

_FADE_SAMPLES = 800  # 50 ms
_BLOCK_SAMPLES = 60 * SAMPLE_RATE_HZ


def write_speech_file(blocks: Iterable[np.ndarray], samples: int, path: Path) -> None:
    """Writes floats from -1 to 1; cuts what is too much, fills up with silence what lacks."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE_HZ)
        left = samples
        for block in blocks:
            file.writeframes(_as_samples(block[:left]))
            left -= min(left, len(block))
        while left:
            count = min(left, _BLOCK_SAMPLES)
            file.writeframes(bytes(2 * count))
            left -= count


def restore(passages: Iterable[Passage], recording: Recording, path: Path) -> None:
    """Puts the recording's own sound back where a passage says so, with soft edges."""
    header = path.stat().st_size - 2 * round(recording.seconds * SAMPLE_RATE_HZ)
    with path.open("r+b") as file:
        for passage in passages:
            first, last = (round(time * SAMPLE_RATE_HZ) for time in (passage.start, passage.end))
            for start in range(first, last, _BLOCK_SAMPLES):
                end = min(last, start + _BLOCK_SAMPLES)
                own = recording.read(start / SAMPLE_RATE_HZ, end / SAMPLE_RATE_HZ)
                file.seek(header + 2 * start)
                separated = file.read(2 * (end - start))
                weights = _weights(np.arange(start, end), first, last)
                file.seek(header + 2 * start)
                file.write(_blend(own, separated, weights))


def _weights(positions: np.ndarray, first: int, last: int) -> np.ndarray:
    """0 to 1 at the passage's edges, so that no click is heard."""
    return np.minimum(1, np.minimum(positions - first + 1, last - positions) / _FADE_SAMPLES)


def _blend(own: bytes, separated: bytes, weights: np.ndarray) -> bytes:
    ours, theirs = (np.frombuffer(data, "<i2").astype(np.float32) for data in (own, separated))
    return bytes(np.round(ours * weights + theirs * (1 - weights)).astype("<i2").tobytes())


def _as_samples(block: np.ndarray) -> bytes:
    return bytes(np.round(np.clip(block * 32768, -32768, 32767)).astype("<i2").tobytes())
