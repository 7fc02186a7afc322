"""Turns a transcript into cues: which words show when, and in which lines."""

from __future__ import annotations

from typing import List, Optional, Sequence

from caption_text import Piece, join
from cue import Cue, Rules
from cue_division import divide
from cue_placement import place
from graphemes import width
from line_breaking import break_lines
from phrasing import Phrasing
from spoken_pieces import SpokenPiece, milliseconds, spoken_pieces

from shared.speech import Speech
from shared.transcript import Segment

# Recognisers let neighbours overlap by a little. Who overlaps by more talks at the same time.
_OVERLAP_MS = 500
_MOST_VOICES = 3


def lay_out(
    segments: Sequence[Segment],
    rules: Rules,
    *,
    language: str = "",
    speech: Sequence[Speech] = (),
) -> List[Cue]:
    """The cues of a transcript, in order of time: every word once, none over another.

    ``speech`` is where somebody is heard; it places the text of segments without times of words.
    """
    phrasing = Phrasing(language)
    cues = [
        _cue(pieces, phrasing)
        for voice in _voices(segments, rules, speech)
        for pieces in divide(voice, rules, phrasing)
    ]
    return place(cues, rules)


def _voices(
    segments: Sequence[Segment], rules: Rules, speech: Sequence[Speech]
) -> List[List[SpokenPiece]]:
    """What is spoken, in so many rows that in each one speaks after the other."""
    ordered = sorted(segments, key=lambda segment: segment.start)
    voices: List[List[SpokenPiece]] = []
    ends: List[int] = []
    for index, segment in enumerate(ordered):
        until = milliseconds(ordered[index + 1].start) if index + 1 < len(ordered) else None
        pieces = spoken_pieces(segment, rules, speech=speech, until_ms=until)
        if not pieces:
            continue
        voice = _free_voice(ends, pieces[0].start_ms)
        if voice is None:
            voices.append([])
            ends.append(0)
            voice = len(voices) - 1
        voices[voice] += _in_order(pieces, voices[voice])
        ends[voice] = max(ends[voice], *(piece.end_ms for piece in pieces))
    return voices


def _free_voice(ends: Sequence[int], start: int) -> Optional[int]:
    for voice, end in enumerate(ends):
        if end <= start + _OVERLAP_MS:
            return voice
    return None if len(ends) < _MOST_VOICES else ends.index(min(ends))


def _in_order(pieces: Sequence[SpokenPiece], before: Sequence[SpokenPiece]) -> List[SpokenPiece]:
    """The pieces, none of which begins before the last one of its voice."""
    if not before or pieces[0].start_ms >= before[-1].start_ms:
        return list(pieces)
    latest = before[-1].start_ms
    return [
        SpokenPiece(
            piece.text,
            piece.glued,
            max(piece.start_ms, latest),
            max(piece.end_ms, latest),
            piece.columns,
            ends_segment=piece.ends_segment,
        )
        for piece in pieces
    ]


def _cue(spoken: Sequence[SpokenPiece], phrasing: Phrasing) -> Cue:
    """The cue of the pieces, which shows as long as they are spoken."""
    pieces: List[Piece] = [Piece(piece.text, piece.glued) for piece in spoken]
    columns = spoken[0].columns
    return Cue(
        start_ms=spoken[0].start_ms,
        end_ms=max(piece.end_ms for piece in spoken),
        lines=break_lines(pieces, columns, phrasing),
        characters=width(join(pieces)),
        columns=columns,
    )
