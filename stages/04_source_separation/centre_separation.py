"""The embedded separation: measured, done block by block, and undone where it would do harm."""

from __future__ import annotations

from pathlib import Path
from typing import Callable, Iterator, List, Protocol, Tuple

import numpy as np
from centre_channel import CentreChannel
from centre_mask import HOP, CentreMask
from erasure import CELL_SAMPLES, Cell
from film_sound import FilmSound
from separation_method import Levels, Method
from sound_layout import Layout
from speech_file import write_speech_file

from shared.recording import SAMPLE_RATE_HZ

Progress = Callable[[float], None]
"""Gets the seconds done."""


class _Separator(Protocol):
    def process(self, block: np.ndarray) -> Tuple[np.ndarray, np.ndarray]: ...

    def finish(self) -> Tuple[np.ndarray, np.ndarray]: ...


def measure(sound: FilmSound) -> Levels:
    """The levels of all of the sound; one channel is its own left and right."""
    totals, middle, sides, count = np.zeros(sound.channels), 0.0, 0.0, 0
    for block in sound.blocks():
        left, right = block[:, 0], block[:, min(1, sound.channels - 1)]
        totals += np.square(block).sum(axis=0, dtype=np.float64)
        middle += float(np.square((left + right) / 2).sum(dtype=np.float64))
        sides += float(np.square((left - right) / 2).sum(dtype=np.float64))
        count += len(block)
    powers = tuple(float(total) / max(count, 1) for total in totals)
    return Levels(powers, middle / max(count, 1), sides / max(count, 1))


def separate(
    sound: FilmSound,
    layout: Layout,
    method: Method,
    path: Path,
    *,
    samples: int,
    on_progress: Progress,
) -> List[Cell]:
    """Writes so many samples of what the method keeps; returns what it kept and lost when."""
    separator: _Separator
    if method is Method.CENTRE_CHANNEL:
        separator = CentreChannel(layout)
        blocks = sound.resampled(lambda block: block)
    else:
        separator = CentreMask()
        blocks = sound.resampled(lambda block: block[:, :2])
    rows: List[np.ndarray] = []
    write_speech_file(_separated(separator, blocks, rows, on_progress), samples, path)
    return _cells(np.concatenate(rows))


def _separated(
    separator: _Separator,
    blocks: Iterator[np.ndarray],
    rows: List[np.ndarray],
    on_progress: Progress,
) -> Iterator[np.ndarray]:
    done = 0
    for block in blocks:
        mono, found = separator.process(block)
        rows.append(found)
        done += len(block)
        on_progress(done / SAMPLE_RATE_HZ)
        yield mono
    mono, found = separator.finish()
    rows.append(found)
    yield mono


def _cells(rows: np.ndarray) -> List[Cell]:
    each = CELL_SAMPLES // HOP
    padded = np.pad(rows, ((0, -len(rows) % each), (0, 0)))
    means = padded.reshape(-1, each, rows.shape[1]).mean(axis=1)
    return [Cell(float(mean[0]), float(mean[1]), max(0.0, float(mean[2:].max()))) for mean in means]
