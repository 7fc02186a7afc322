"""Keeps what left and right have in common: speech in the centre, and little of wide music."""

from __future__ import annotations

from typing import Tuple

import numpy as np
from separator import HOP, Separated

from shared.recording import SAMPLE_RATE_HZ

SIZE = 2048
_SHIFT = SIZE - HOP
# A sharper mask takes more of the music, and more of the speech that the music lies over.
_EXPONENT = 1.5
# Where voices are; the bass is mixed to the centre and says nothing about where a voice is.
_VOICE_HZ = (200, 4000)
_ONE_SIDED = 16  # 12 dB
# What squared Hann windows add up to at this overlap.
_GAIN = 1.5
# From the sum over half a spectrum, seen through the window, to the mean power of samples.
_TO_POWER = 2 / (SIZE * SIZE * 0.375)


class CentreMask:
    """Takes stereo at 16 kHz in blocks of any size, and gives mono of the same length.

    Frame by frame each frequency is weighted by how alike it is on both sides. What is the same on
    both sides comes out unchanged and without delay.
    """

    places = 2

    def __init__(self) -> None:
        self._window = np.hanning(SIZE + 1)[:-1].astype(np.float32)
        low, high = (round(hertz * SIZE / SAMPLE_RATE_HZ) for hertz in _VOICE_HZ)
        self._voice = slice(low, high)
        self._waiting = np.zeros((_SHIFT, 2), np.float32)
        self._begun = np.zeros(_SHIFT, np.float32)
        self._lead = _SHIFT
        self._unanswered = np.zeros((0, 2), np.float32)

    def process(self, block: np.ndarray) -> Separated:
        """What is ready of the mono sound, and each side without it.

        The powers are those in the range of voices. What leads is what the left alone holds, over
        the right alone, and the other way round.
        """
        self._unanswered = np.concatenate([self._unanswered, block])
        return self._advance(block)

    def finish(self) -> Separated:
        """The rest, as from `process`."""
        return self._advance(np.zeros((SIZE + HOP, 2), np.float32))

    def _advance(self, block: np.ndarray) -> Separated:
        samples = np.concatenate([self._waiting, block])
        count = max(0, (len(samples) - _SHIFT) // HOP)
        self._waiting = samples[count * HOP :]
        if count == 0:
            return Separated(np.zeros(0, np.float32), self._unanswered[:0], np.zeros((0, 4)))
        left, right = (self._spectra(samples[:, side], count) for side in (0, 1))
        kept, rows = self._masked(left, right)
        mono = self._emit(self._overlapped(np.fft.irfft(kept, SIZE, axis=1)))
        sides, self._unanswered = np.split(self._unanswered, [len(mono)])
        return Separated(mono, sides - mono[:, None], rows)

    def _spectra(self, samples: np.ndarray, count: int) -> np.ndarray:
        # Side by side in memory, not one from each channel in turn: the transform is twice as fast.
        side = np.ascontiguousarray(samples)
        frames = np.lib.stride_tricks.sliding_window_view(side, SIZE)[::HOP][:count]
        return np.fft.rfft(frames * self._window, axis=1)

    def _masked(self, left: np.ndarray, right: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
        left_power, right_power = _power(left), _power(right)
        both = left_power + right_power
        # Twice the product over the sum is 1 for equal sides; its real part falls with the phase.
        alike = 2 * (left.real * right.real + left.imag * right.imag) / (both + 1e-12)
        kept = (left + right) / 2 * np.maximum(alike, 0) ** _EXPONENT
        voice = self._voice
        left_only = np.where(left_power > _ONE_SIDED * right_power, left_power, 0)[:, voice]
        right_only = np.where(right_power > _ONE_SIDED * left_power, right_power, 0)[:, voice]
        lean = (left_only.sum(1) - right_only.sum(1)) / 2
        total, rest = both[:, voice].sum(1) / 2, _power(kept[:, voice]).sum(1)
        return kept, np.stack([total, rest, lean, -lean], axis=1) * _TO_POWER

    def _overlapped(self, frames: np.ndarray) -> np.ndarray:
        """The sum of the overlapping frames, as far as no later frame adds to it."""
        pieces = (frames * (self._window / _GAIN)).reshape(len(frames), -1, HOP)
        total = np.zeros((len(frames) + _SHIFT // HOP, HOP), np.float32)
        for number in range(SIZE // HOP):
            total[number : number + len(frames)] += pieces[:, number]
        mono = total.reshape(-1)
        mono[:_SHIFT] += self._begun
        self._begun = mono[-_SHIFT:].copy()
        return mono[: len(frames) * HOP]

    def _emit(self, mono: np.ndarray) -> np.ndarray:
        skipped = min(self._lead, len(mono))
        self._lead -= skipped
        return mono[skipped:][: len(self._unanswered)]


def _power(spectrum: np.ndarray) -> np.ndarray:
    return spectrum.real**2 + spectrum.imag**2
