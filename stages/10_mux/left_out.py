"""What a container cannot hold of a film: refused, or left out where a setting allows that."""

from __future__ import annotations

from typing import Dict, FrozenSet, Iterable, List, Sequence

from container_kinds import MKV, Container
from streams import MediaFile, MuxError, Stream

_CHAPTER_TITLES = "bin_data"  # an MP4's stream of them; the chapters themselves are copied
_WORDS = ("subtitles", "attachments", "covers")


def what_may_be_left_out(words: Iterable[str]) -> FrozenSet[str]:
    """The words of MUX_LEAVE_OUT. Raises MuxError for one that names nothing to leave out."""
    allowed = frozenset(word.lower() for word in words)
    unknown = sorted(allowed.difference(_WORDS))
    if unknown:
        message = (
            f"MUX_LEAVE_OUT names {', '.join(unknown)}, and what may be left out is"
            f" {', '.join(_WORDS)}. Take that out."
        )
        raise MuxError(message)
    return allowed


def refuse_losses(
    media: MediaFile, container: Container, unheld: Sequence[Stream], allowed: FrozenSet[str]
) -> None:
    """Raises MuxError, naming them all, for streams that a viewer would miss.

    `allowed` are the words of MUX_LEAVE_OUT. Other data than picture, sound, subtitles, attachments
    and covers, such as time codes, means nothing in another film.
    """
    lost = [s for s in unheld if s.kind != "data" and _word(s) not in allowed]
    if not lost:
        return
    ways = " or ".join(_ways_out(lost, allowed))
    is_film_lost = any(not _word(stream) for stream in lost)
    reason = ", and picture and sound are not encoded anew here" if is_film_lost else ""
    message = (
        f"{container.ending} cannot hold {_listed(lost)} of {media.path.name}{reason}. Set {ways}."
    )
    raise MuxError(message)


def about_losses(media: MediaFile, container: Container, unheld: Sequence[Stream]) -> List[str]:
    """A warning that names all that is left out, if anything is."""
    lost = [s for s in unheld if not (media.has_chapters and s.codec == _CHAPTER_TITLES)]
    if not lost:
        return []
    return [f"{container.ending} cannot hold {_listed(lost)}; left out."]


def _word(stream: Stream) -> str:
    """The word of MUX_LEAVE_OUT for it; empty for picture, sound and data."""
    if stream.is_cover:
        return "covers"
    return {"subtitle": "subtitles", "attachment": "attachments"}.get(stream.kind, "")


def _ways_out(lost: Sequence[Stream], allowed: FrozenSet[str]) -> Sequence[str]:
    """The settings that help, each as "KEY to VALUE"."""
    lost_in_mkv = [stream for stream in lost if not MKV.holds(stream)]
    to_mkv = "MUX_CONTAINER to mkv, which holds all of that"
    if lost_in_mkv:
        to_mkv = f"MUX_CONTAINER to mkv and {_leave_out(lost_in_mkv, allowed)}"
    if not all(_word(stream) for stream in lost):
        return [to_mkv]
    without = f"{_leave_out(lost, allowed)} to have the film without"
    return [without] if lost_in_mkv == lost else [f"{to_mkv},", without]


def _leave_out(lost: Iterable[Stream], allowed: FrozenSet[str]) -> str:
    needed = allowed.union(_word(stream) for stream in lost)
    return f'MUX_LEAVE_OUT to "{" ".join(word for word in _WORDS if word in needed)}"'


def _listed(streams: Iterable[Stream]) -> str:
    """Such as "stream 2 (subtitle, xsub) and streams 4, 5 (attachment, ttf)"."""
    numbers: Dict[str, List[str]] = {}
    for stream in streams:
        numbers.setdefault(stream.words, []).append(str(stream.index))
    parts = [
        f"stream{'s' if len(indices) > 1 else ''} {', '.join(indices)} ({words})"
        for words, indices in numbers.items()
    ]
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)
