"""Looks at a film just written, and compares it with what was planned."""

from __future__ import annotations

from pathlib import Path
from typing import List

from plan import Plan
from streams import MediaFile, MuxError, count_cues, read_media

from shared.languages import same_language

# Encoder delay moves all streams of an MP4 by hundredths of a second when it becomes a Matroska.
_TOLERANCE_SECONDS = 1.0
_KINDS = ("video", "audio", "subtitle", "attachment")


def verify(plan: Plan, written: Path, *, is_whole_film: bool) -> None:
    """Raises MuxError, with all differences, when the film is not as planned."""
    film = read_media(written)
    differences = _missing_streams(plan, film) + _wrong_subtitles(plan, film)
    planned, found = plan.media.duration, film.seconds_of_film()
    if is_whole_film and planned is not None and planned - found > _TOLERANCE_SECONDS:
        differences.append(
            f"it lasts {found:.1f} s instead of {planned:.1f} s, so that"
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


def _wrong_subtitles(plan: Plan, film: MediaFile) -> List[str]:
    first = len(plan.kept_of_kind("subtitle"))
    tracks = film.of_kind("subtitle")[first:]
    if len(tracks) != len(plan.added):
        return []  # told already, as streams that are missing
    differences = []
    for number, subtitle in enumerate(plan.added):
        track, language = tracks[number], plan.language_of(subtitle)
        cues = count_cues(film.path, track.index)
        if cues != subtitle.cues:
            differences.append(f"{subtitle.path.name} has {cues} cues instead of {subtitle.cues}")
        if language != "und" and not same_language(language, track.language):
            differences.append(
                f"{subtitle.path.name} has language {track.language}, not {language}"
            )
        if track.is_default != (number == 0):
            differences.append(f"the default track is not {plan.added[0].path.name}")
    return differences
