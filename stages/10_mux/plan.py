"""Decides what goes into the finished film; starts nothing."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import FrozenSet, List, Optional, Sequence, Tuple

from container_kinds import Container
from left_out import about_losses, refuse_losses
from srt_file import one_at_a_time
from streams import MediaFile, MuxError, Stream
from track_wishes import Subtitle, Wishes, arrange


@dataclass(frozen=True)
class Plan:
    """What the finished film will hold: `kept` in order, then `added`, then `covers`.

    `default_of_film` is the film's own subtitle that is to be the default, if one was asked for;
    with `keeps_defaults` all of them stay as they are.
    """

    media: MediaFile
    container: Container
    kept: Tuple[Stream, ...]
    covers: Tuple[Stream, ...]
    added: Tuple[Subtitle, ...]
    default_of_film: Optional[Stream]
    keeps_defaults: bool
    warnings: Tuple[str, ...]

    def kept_of_kind(self, kind: str) -> Tuple[Stream, ...]:
        """The kept streams of one kind, in order."""
        return tuple(stream for stream in self.kept if stream.kind == kind)

    def language_of(self, subtitle: Subtitle) -> str:
        """The language as the container spells it; "und" (undetermined) for no known one."""
        return self.container.language_code(subtitle.language) or "und"

    def becomes_simpler(self, subtitle: Stream) -> bool:
        """Whether a subtitle of the film becomes a kind of text that can say less."""
        return self.container.subtitles[subtitle.codec] in ("mov_text", "webvtt")

    def defaults(self) -> Tuple[bool, ...]:
        """Whether each subtitle track, the film's own first, is to show by itself."""
        own = [
            stream.is_default if self.keeps_defaults else stream is self.default_of_film
            for stream in self.kept_of_kind("subtitle")
        ]
        return (*own, *(subtitle.is_default for subtitle in self.added))


def make_plan(
    media: MediaFile,
    container: Container,
    subtitles: Sequence[Subtitle],
    wishes: Wishes,
    may_leave_out: FrozenSet[str] = frozenset(),
) -> Plan:
    """Everything of the film, and every subtitle that has a cue.

    Raises MuxError for a cue that the container cannot hold, and for streams that it cannot hold
    and that `may_leave_out`, the words of MUX_LEAVE_OUT, does not name.
    """
    unheld = [stream for stream in media.streams if not container.holds(stream)]
    refuse_losses(media, container, unheld, may_leave_out)
    held = [stream for stream in media.streams if container.holds(stream)]
    covers = [stream for stream in held if stream.is_cover and container.attaches_covers]
    kept = [stream for stream in held if stream not in covers]
    if container.shows_one_cue:
        subtitles = [replace(entry, cues=one_at_a_time(entry.cues)) for entry in subtitles]
    arranged = arrange(subtitles, [s for s in kept if s.kind == "subtitle"], wishes)
    _check_lengths(container, arranged.added)
    return Plan(
        media=media,
        container=container,
        kept=tuple(kept),
        covers=tuple(covers),
        added=arranged.added,
        default_of_film=arranged.default_of_film,
        keeps_defaults=arranged.keeps_defaults,
        warnings=(
            *about_losses(media, container, unheld),
            *_about_subtitles(container, subtitles, arranged.added),
            *arranged.warnings,
        ),
    )


def _check_lengths(container: Container, added: Sequence[Subtitle]) -> None:
    if container.most_bytes_in_cue is None:
        return
    for subtitle in added:
        for number, cue in enumerate(subtitle.cues, 1):
            size = len("\n".join(cue.lines).encode("utf-8"))
            if size > container.most_bytes_in_cue:
                message = (
                    f"Cue {number} of {subtitle.path.name} has {size} bytes, and"
                    f" {container.ending} takes at most {container.most_bytes_in_cue}. Divide it,"
                    " or set MUX_CONTAINER to mkv."
                )
                raise MuxError(message)


def _about_subtitles(
    container: Container, subtitles: Sequence[Subtitle], added: Sequence[Subtitle]
) -> List[str]:
    warnings = [
        f"{subtitle.path.name} has no cue, so the film gets no such track."
        for subtitle in subtitles
        if not subtitle.cues
    ]
    warnings += [
        f"{subtitle.language!r} is no language that a film can name; the track's is left open."
        for subtitle in added
        if container.language_code(subtitle.language) is None
    ]
    return warnings + [
        f"{container.ending} cannot mark {subtitle.path.name} as SDH; only its title says so."
        for subtitle in added
        if subtitle.is_sdh and not container.holds_sdh
    ]
