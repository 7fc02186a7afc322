"""What a file holds, as far as its format tells: of a document all, of sound and film the header.

The ending of a file's name says which format it has. What it has to hold beyond the rules of its
format is for a schema to say.
"""

import json
import math
import re
import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any, BinaryIO, Final, NoReturn

Steps = Sequence[str | int]
"""The way to a part of a file's content: keys, and numbers from 0 in lists."""

LINE_END: Final = re.compile(r"\r\n|\r|\n")
UTF_8_MARK: Final = "\N{ZERO WIDTH NO-BREAK SPACE}"

WAV_START: Final = struct.Struct("<4sI4s")
WAV_PART: Final = struct.Struct("<4sI")
WAV_FORMAT: Final = struct.Struct("<HHIIHH")
WAV_ENCODINGS: Final = {1: "pcm", 3: "float", 6: "a-law", 7: "mu-law", 0xFFFE: "extensible"}

FLAC_START: Final = struct.Struct(">4s14xQ16x")
MATROSKA_MARK: Final = b"\x1a\x45\xdf\xa3"
# The element's id, its length in one byte, and the name of the document type.
MATROSKA_TYPE: Final = re.compile(rb"\x42\x82[\x81-\xbf]([a-z]+)")
MATROSKA_HEADER_BYTES: Final = 64
MP4_START: Final = struct.Struct(">4x4s4x")


class FormatError(Exception):
    """A file does not keep to the rules of its format; the message says where and what to do."""


@dataclass(frozen=True, kw_only=True)
class Format:
    """A format that can be looked into.

    ``read`` gives the content as a JSON value, and raises FormatError; ``place`` says in a reader's
    words where a part of it stands, and nothing of the whole.
    """

    read: Callable[[Path], Any]
    place: Callable[[Steps], str]


def format_of(name: str) -> Format | None:
    """The format of a file with that name; None for one that nobody here knows."""
    return FORMATS.get(PurePath(name).suffix.lower())


def _read_json(path: Path) -> Any:
    """The whole document; it has to be an object, as all are that stages hand on."""
    text = _read_text(path)
    if text.startswith(UTF_8_MARK):
        msg = "the file begins with a byte order mark, as JSON may not; save it as UTF-8 without"
        raise FormatError(msg)
    try:
        document = json.loads(
            text, parse_constant=_no_number, parse_float=_finite, parse_int=_whole
        )
    except RecursionError:
        msg = "the file is not JSON (it is nested too deep)"
        raise FormatError(msg) from None
    except ValueError as problem:
        msg = f"the file is not JSON ({problem})"
        raise FormatError(msg) from None
    if not isinstance(document, dict):
        msg = "the file must hold a JSON object ({…})"
        raise FormatError(msg)
    return document


def _no_number(text: str) -> NoReturn:
    msg = f"{text} is no number"
    raise ValueError(msg)


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        msg = f"the number {text[:20]}… is too large"
        raise ValueError(msg)
    return number


def _whole(text: str) -> int:
    _finite(text)
    return int(text)


def _read_lines(path: Path) -> list[str]:
    text = _read_text(path).removeprefix(UTF_8_MARK)
    if "\0" in text:
        line = _line_number(text, text.index("\0"))
        msg = f"line {line} has a zero byte, so the file is no text"
        raise FormatError(msg)
    return LINE_END.split(text)


def _read_text(path: Path) -> str:
    data = path.read_bytes()
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as problem:
        before = data.decode("utf-8", "replace")
        line = _line_number(before, len(data[: problem.start].decode("utf-8")))
        msg = f"line {line} is not in UTF-8; save the file as UTF-8"
        raise FormatError(msg) from None


def _line_number(text: str, place: int) -> int:
    return len(LINE_END.findall(text, 0, place)) + 1


def _read_wav(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        start, _, kind = _unpacked(file, WAV_START, "WAV")
        _check_start((start, kind) == (b"RIFF", b"WAVE"), "WAV")
        parts = {name: (place, size) for name, place, size in _wav_parts(file)}
        if not parts.keys() >= {b"fmt ", b"data"}:
            msg = "the file is a WAV file without sound or without its format: it is damaged"
            raise FormatError(msg)
        place, size = parts[b"data"]
        there = path.stat().st_size - place
        if size > there:
            msg = f"the file is cut off: its header says {size} bytes of sound, {there} are there"
            raise FormatError(msg)
        file.seek(parts[b"fmt "][0])
        encoding, channels, rate, _, _, bits = _unpacked(file, WAV_FORMAT, "WAV")
    return {
        "encoding": WAV_ENCODINGS.get(encoding, str(encoding)),
        "channels": channels,
        "sample_rate_hz": rate,
        "bits_per_sample": bits,
    }


def _wav_parts(file: BinaryIO) -> Iterator[tuple[bytes, int, int]]:
    """Name, place and size of each part up to the sound, behind which nobody looks."""
    while len(header := file.read(WAV_PART.size)) == WAV_PART.size:
        name, size = WAV_PART.unpack(header)
        place = file.tell()
        yield name, place, size
        if name == b"data":
            return
        file.seek(place + size + size % 2)


def _read_flac(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        start, packed = _unpacked(file, FLAC_START, "FLAC")
    _check_start(start == b"fLaC", "FLAC")
    # From the top: 20 bits of rate, 3 of channels less one, 5 of bits per sample less one.
    return {
        "encoding": "flac",
        "channels": (packed >> 41 & 0b111) + 1,
        "sample_rate_hz": packed >> 44,
        "bits_per_sample": (packed >> 36 & 0b11111) + 1,
    }


def _read_matroska(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        header = file.read(MATROSKA_HEADER_BYTES)
    _check_start(header.startswith(MATROSKA_MARK), "Matroska or WebM")
    kind = MATROSKA_TYPE.search(header)
    return {"container": kind[1].decode() if kind else "matroska"}


def _read_mp4(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        (kind,) = _unpacked(file, MP4_START, "MP4")
    _check_start(kind == b"ftyp", "MP4")
    return {"container": "mp4"}


def _unpacked(file: BinaryIO, layout: struct.Struct, name: str) -> tuple[Any, ...]:
    data = file.read(layout.size)
    _check_start(len(data) == layout.size, name)
    return layout.unpack(data)


def _check_start(is_so: bool, name: str) -> None:
    if not is_so:
        msg = f"the file does not begin as a {name} file does"
        raise FormatError(msg)


def _place_in_document(steps: Steps) -> str:
    parts = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps)
    return "".join(parts).removeprefix(".")


def _place_in_text(steps: Steps) -> str:
    return f"line {int(steps[0]) + 1}" if steps else ""


JSON: Final = Format(read=_read_json, place=_place_in_document)
TEXT: Final = Format(read=_read_lines, place=_place_in_text)
WAV: Final = Format(read=_read_wav, place=_place_in_document)
FLAC: Final = Format(read=_read_flac, place=_place_in_document)
MATROSKA: Final = Format(read=_read_matroska, place=_place_in_document)
MP4: Final = Format(read=_read_mp4, place=_place_in_document)

FORMATS: Final = {
    ".json": JSON,
    **dict.fromkeys((".ass", ".csv", ".srt", ".tsv", ".txt", ".vtt"), TEXT),
    ".wav": WAV,
    ".flac": FLAC,
    **dict.fromkeys((".mka", ".mkv", ".webm"), MATROSKA),
    **dict.fromkeys((".m4a", ".m4v", ".mp4"), MP4),
}
"""The formats by the endings of names; a JSON value of theirs is an object, and a text's lines."""
