"""From the film's sound to its speech by a model of demucs; needs the image with torch."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Iterator

import numpy as np
from film_sound import Progress, Sounds, measure, open_sound
from separation_method import Decision, Method
from separation_report import Outcome
from sound_layout import Layout
from speech_file import write_speech_file
from vocal_model import VocalModel

from shared.recording import SAMPLE_RATE_HZ, Recording

_HALF_POWER = math.sqrt(0.5)


def separate_by_model(
    sounds: Sounds, folder: Path, device: str, path: Path, on_progress: Progress
) -> Outcome:
    """Writes what the model takes for voices. Raises RecordingError and VocalModelError."""
    model = VocalModel(folder, device)
    with Recording(sounds.audio) as recording:
        sound, layout = open_sound(sounds)
        with sound:
            levels = measure(sound)
            # About the power of the mix that the model hears; it only sets the scale.
            loudness = math.sqrt(levels.mid + sum(levels.channels[2:]) / 2)
            stereo = sound.resampled(lambda block: _stereo(block, layout), model.rate)
            voices = _reported(model.voices(stereo, loudness), on_progress)
            write_speech_file(voices, round(recording.seconds * SAMPLE_RATE_HZ), path)
        decision = Decision(
            Method.DEMUCS, f"SEPARATION_ENGINE asks for the model {folder.name} on {device}."
        )
        return Outcome(decision, layout, sound.rate, levels)


def _reported(blocks: Iterator[np.ndarray], on_progress: Progress) -> Iterator[np.ndarray]:
    done = 0
    for block in blocks:
        done += len(block)
        on_progress(done / SAMPLE_RATE_HZ)
        yield block


def _stereo(block: np.ndarray, layout: Layout) -> np.ndarray:
    """Left and right, to which the centre and all that is around are added."""
    if layout.channels == 1:
        return np.repeat(block, 2, axis=1)
    low = () if layout.low is None else (layout.low,)
    added = [n for n in range(2, layout.channels) if n not in low]
    return block[:, :2] + block[:, added].sum(axis=1, keepdims=True) * _HALF_POWER
