"""Takes the mark off subtitle tracks of an MP4 that ffmpeg puts there by itself.

When no subtitle track is the default, ffmpeg's muxer makes the first one that, and no option stops
it.
"""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO, Iterator, Tuple

_HEADER = 8
_LONG_HEADER = 16
_SUBTITLE_HANDLERS = (b"sbtl", b"subp", b"text")


def switch_subtitles_off(film: Path) -> None:
    """Clears, in the file itself, the "enabled" mark of each subtitle track."""
    with film.open("r+b") as file:
        end = film.stat().st_size
        for moov_start, moov_end in _boxes(file, b"moov", 0, end):
            for start, stop in _boxes(file, b"trak", moov_start, moov_end):
                file.seek(start)
                if _handler(file.read(stop - start)) in _SUBTITLE_HANDLERS:
                    _clear(file, start, stop)


def _clear(file: BinaryIO, start: int, end: int) -> None:
    for header, _ in _boxes(file, b"tkhd", start, end):
        lowest_flags = header + 3  # after a byte of version and two of higher flags
        file.seek(lowest_flags)
        flags = file.read(1)[0]
        file.seek(lowest_flags)
        file.write(bytes([flags & ~1]))


def _handler(track: bytes) -> bytes:
    place = track.find(b"hdlr") + len(b"hdlr") + 8  # version and flags, then a reserved number
    return track[place : place + 4]


def _boxes(file: BinaryIO, kind: bytes, start: int, end: int) -> Iterator[Tuple[int, int]]:
    """From where to where the contents of each box of this kind reach."""
    while start + _HEADER <= end:
        file.seek(start)
        header = file.read(_LONG_HEADER)
        size, skipped = int.from_bytes(header[:4], "big"), _HEADER
        if size == 1:  # the size did not fit
            size, skipped = int.from_bytes(header[8:16], "big"), _LONG_HEADER
        stop = start + size if size else end
        if stop <= start:
            return
        if header[4:8] == kind:
            yield start + skipped, stop
        start = stop
