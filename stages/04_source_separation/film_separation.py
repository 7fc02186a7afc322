"""From the film's sound to its speech: measured, separated, and checked that no voice is lost."""

from __future__ import annotations

from pathlib import Path
from typing import Callable, Final, Optional, Tuple

from centre_separation import separate
from erasure import find_erasure
from film_sound import FilmSound, Progress, Sounds, measure, open_sound
from separation_method import Decision, Method, decide
from separation_report import Outcome
from sound_layout import Layout
from speech_file import restore

from shared.recording import SAMPLE_RATE_HZ, Recording

# Beyond this nothing worth having was separated.
_MOST_LOST: Final = 0.9
_TOLERANCE_SECONDS: Final = 0.5


def separate_centre(
    sounds: Sounds, output: Callable[[], Path], on_progress: Progress
) -> Tuple[Outcome, Optional[str]]:
    """Takes the speech out of the centre if there is one; returns a warning beside the outcome.

    Asks for the output's path only when there is something to write, and leaves no file there
    when it comes to nothing. Raises RecordingError.
    """
    with Recording(sounds.audio) as recording:
        sound, layout = open_sound(sounds)
        with sound:
            if sound.channels == 1:
                decision = Decision(Method.PASS_THROUGH, "The film's sound has one channel only.")
                return Outcome(decision, layout, sound.rate), None
            if abs(sound.seconds - recording.seconds) > _TOLERANCE_SECONDS:
                return _mismatch(sound, layout, recording)
            levels = measure(sound)
            decision = decide(layout, levels)
            if decision.method is Method.PASS_THROUGH:
                return Outcome(decision, layout, sound.rate, levels), None
            path = output()
            samples = round(recording.seconds * SAMPLE_RATE_HZ)
            cells = separate(
                sound, layout, decision.method, path, samples=samples, on_progress=on_progress
            )
            erasure = find_erasure(cells, recording.seconds)
            if erasure.lost_seconds > _MOST_LOST * erasure.sounding_seconds:
                path.unlink()
                decision = _nothing_left(decision)
            else:
                restore(erasure.passages, recording, path)
            return Outcome(decision, layout, sound.rate, levels, erasure), None


def _nothing_left(decision: Decision) -> Decision:
    reason = (
        f"{decision.reason} But what is in the centre holds far less than the whole nearly"
        " everywhere: the voices are elsewhere."
    )
    return Decision(Method.PASS_THROUGH, reason)


def _mismatch(
    sound: FilmSound, layout: Layout, recording: Recording
) -> Tuple[Outcome, Optional[str]]:
    reason = (
        f"The sound with all channels lasts {sound.seconds:.1f} s and the recording"
        f" {recording.seconds:.1f} s: they do not belong together."
    )
    decision = Decision(Method.PASS_THROUGH, reason)
    return Outcome(decision, layout, sound.rate), f"{reason} Nothing was separated."
