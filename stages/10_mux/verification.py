"""Looks at a film just written, and compares it with what was planned."""

from __future__ import annotations

from pathlib import Path
from typing import Dict, List, Sequence, Tuple

from plan import Plan
from streams import MediaFile, MuxError, Stream, cue_times, read_media
from track_wishes import Subtitle

from shared.languages import same_language

# Encoder delay moves all streams of an MP4 by hundredths of a second when it becomes a Matroska.
_TOLERANCE_SECONDS = 1.0
_TOLERANCE_OF_CUES = 0.2
_KINDS = ("video", "audio", "subtitle", "attachment")


def verify(plan: Plan, written: Path, *, seconds: float, lead: float) -> None:
    """Raises MuxError, with all differences, when the film is not as planned.

    `seconds` is the least that it has to last, `lead` what it shows before the time of its cues.
    """
    film = read_media(written)
    differences = _missing_streams(plan, film)
    if not differences:  # else the tracks cannot be told apart
        differences += _wrong_subtitles(plan, film, lead)
    found = film.seconds_of_film()
    if seconds - found > _TOLERANCE_SECONDS:
        differences.append(
            f"it lasts {found:.1f} s instead of {seconds:.1f} s, so that"
            f" {plan.media.path.name} may be cut off"
        )
    if differences:
        message = (
            f"The film made of {plan.media.path.name} is not as it should be:"
            f" {'; '.join(differences)}. It was removed; play the original to see whether it is"
            " whole."
        )
        raise MuxError(message)


def _missing_streams(plan: Plan, film: MediaFile) -> List[str]:
    extra = {"subtitle": len(plan.added), "video": len(plan.covers)}
    planned = {kind: len(plan.kept_of_kind(kind)) + extra.get(kind, 0) for kind in _KINDS}
    found = {kind: len(film.of_kind(kind)) for kind in _KINDS}
    return [
        f"it has {found[kind]} {kind} streams instead of {planned[kind]}"
        for kind in _KINDS
        if found[kind] != planned[kind]
    ]


def _wrong_subtitles(plan: Plan, film: MediaFile, lead: float) -> List[str]:
    tracks, times = film.of_kind("subtitle"), cue_times(film)
    differences = [
        f"subtitle track {number} is{'' if track.is_default else ' not'} the default"
        for number, (track, is_default) in enumerate(zip(tracks, plan.defaults()))  # noqa: B905 (Python 3.10)
        if track.is_default != is_default
    ]
    new_tracks = tracks[len(plan.kept_of_kind("subtitle")) :]
    for track, subtitle in zip(new_tracks, plan.added):  # noqa: B905 (Python 3.10)
        language = plan.language_of(subtitle)
        if language != "und" and not same_language(language, track.language):
            differences.append(
                f"{subtitle.path.name} has language {track.language}, not {language}"
            )
        differences += _wrong_marks(plan, subtitle, track)
        differences += _wrong_cues(subtitle, times[track.index], lead)
    return differences


def _wrong_marks(plan: Plan, subtitle: Subtitle, track: Stream) -> List[str]:
    marks: Dict[str, Tuple[bool, bool]] = {
        "forced": (subtitle.is_forced, track.is_forced),
        "SDH": (subtitle.is_sdh and plan.container.holds_sdh, track.is_sdh),
    }
    return [
        f"{subtitle.path.name} is{'' if found else ' not'} marked as {mark}"
        for mark, (wanted, found) in marks.items()
        if wanted != found
    ]


def _wrong_cues(subtitle: Subtitle, times: Sequence[float], lead: float) -> List[str]:
    if len(times) != len(subtitle.cues):
        return [f"{subtitle.path.name} has {len(times)} cues instead of {len(subtitle.cues)}"]
    for number, (cue, time) in enumerate(zip(subtitle.cues, times), 1):  # noqa: B905 (Python 3.10)
        wanted = cue.start_ms / 1000 + lead
        if abs(time - wanted) > _TOLERANCE_OF_CUES:
            return [
                f"cue {number} of {subtitle.path.name} starts at {time:.3f} s instead of"
                f" {wanted:.3f} s"
            ]
    return []
