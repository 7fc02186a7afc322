"""The embedded separation: measured, done block by block, and undone where it would do harm."""

from __future__ import annotations

from pathlib import Path
from typing import Iterable, Iterator, List

import numpy as np
from centre_channel import CentreChannel
from centre_mask import CentreMask
from erasure import CELL_SAMPLES, Cell
from film_sound import FilmSound, Progress
from separation_method import Method
from separator import HOP, Separated, Separator
from sound_layout import Layout
from speech_file import write_speech_file
from voice_listening import VoiceListener

from shared.recording import SAMPLE_RATE_HZ


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
    separator: Separator
    if method is Method.CENTRE_CHANNEL:
        separator = CentreChannel(layout)
        blocks = sound.resampled(lambda block: block)
    else:
        separator = CentreMask()
        blocks = sound.resampled(lambda block: block[:, :2])
    witness = _Witness(separator.places)
    parts = witness.watched(_separated(separator, _reported(blocks, on_progress)))
    write_speech_file(parts, samples, path)
    return witness.cells()


def _separated(separator: Separator, blocks: Iterable[np.ndarray]) -> Iterator[Separated]:
    for block in blocks:
        yield separator.process(block)
    yield separator.finish()


def _reported(blocks: Iterable[np.ndarray], on_progress: Progress) -> Iterator[np.ndarray]:
    done = 0
    for block in blocks:
        done += len(block)
        on_progress(done / SAMPLE_RATE_HZ)
        yield block


class _Witness:
    """Remembers of all that passes by how much was kept and lost, and where a voice was heard."""

    def __init__(self, places: int) -> None:
        self._listener = VoiceListener(1 + places)
        self._powers: List[np.ndarray] = []
        self._voices: List[np.ndarray] = []

    def watched(self, parts: Iterable[Separated]) -> Iterator[np.ndarray]:
        """What is kept."""
        for part in parts:
            self._powers.append(part.rows)
            sounds = np.concatenate([part.kept[:, None], part.lost], axis=1)
            self._voices.append(self._listener.process(sounds))
            yield part.kept
        self._voices.append(self._listener.finish())

    def cells(self) -> List[Cell]:
        """All that was seen, by half seconds."""
        powers, voices = (_in_cells(np.concatenate(rows)) for rows in (self._powers, self._voices))
        return list(map(_cell, powers.mean(axis=1), voices.max(axis=1)))


def _cell(mean: np.ndarray, voice: np.ndarray) -> Cell:
    return Cell(
        total=float(mean[0]),
        kept=float(mean[1]),
        sided=max(0.0, float(mean[2:].max())),
        voice_kept=float(voice[0]),
        voice_lost=float(voice[1:].max()),
    )


def _in_cells(rows: np.ndarray) -> np.ndarray:
    each = CELL_SAMPLES // HOP
    padded = np.pad(rows, ((0, -len(rows) % each), (0, 0)))
    return padded.reshape(-1, each, rows.shape[1])
