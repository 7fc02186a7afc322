"""Writes the films that the stages are tested with: `python3 recipes.py FOLDER`, where ffmpeg is.

Standard library only, because it runs inside the project's ffmpeg image. Every film is a few
seconds of a test picture at 160x90, so that all of them take a few seconds to make.
"""

from __future__ import annotations

import struct
import subprocess
import sys
from pathlib import Path

SECONDS = 4
LATE_BY = 0.68
BEEP_AT = 1.0
CHAPTERS = """;FFMETADATA1
[CHAPTER]
TIMEBASE=1/1000
START=0
END=2000
title=First half
[CHAPTER]
TIMEBASE=1/1000
START=2000
END=4000
title=Second half
"""
SUBTITLES = "1\n00:00:00,500 --> 00:00:01,500\nHallo\n\n2\n00:00:02,000 --> 00:00:03,000\nWelt\n\n"
DRAWN = """[Script Info]
ScriptType: v4.00+

[V4+ Styles]
Format: Name, Fontname, Fontsize, Alignment
Style: Default,Arial,16,2

[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
Dialogue: 0,0:00:00.50,0:00:02.00,Default,,0,0,0,,{\\an8\\i1}A sign
Dialogue: 0,0:00:00.50,0:00:01.50,Default,,0,0,0,,said at once
Dialogue: 0,0:00:00.50,0:00:01.00,Default,,0,0,0,,{\\p1}m 0 0 l 10 10{\\p0}
Dialogue: 0,0:00:02.50,0:00:03.50,Default,,0,0,0,,and later
"""
CAPTIONS = """Scenarist_SCC V1.0

00:00:01:00\t9420 9420 94ae 94ae 9470 9470 c8e5 ecec ef80 942f 942f

00:00:03:00\t942c 942c
"""
ODD_NAMES = (
    "with space.mkv",
    'it\'s "quoted".mkv',
    "two\nlines.mkv",
    "película ñ 映画.mkv",
    "-dash.mkv",
    "100%d.mkv",
    "concat:a|b.mkv",
)

PICTURE = ["-f", "lavfi", "-i", f"testsrc2=s=160x90:r=25:d={SECONDS}"]
X264 = ["-c:v", "libx264", "-preset", "ultrafast", "-g", "25", "-pix_fmt", "yuv420p"]
AAC = ["-c:a", "aac", "-b:a", "64k"]


def beep(hertz: int = 1000, at: float = BEEP_AT, channels: str = "mono") -> list[str]:
    """An input: silence, and a beep of 0.2 s from `at` on."""
    loud = f"0.5*sin({hertz}*2*PI*t)*between(t,{at},{at + 0.2})"
    return ["-f", "lavfi", "-i", f"aevalsrc='{loud}':d={SECONDS}:s=48000,aformat=cl={channels}"]


def ffmpeg(*arguments: object) -> None:
    """Runs ffmpeg, quiet unless something is wrong."""
    command = ["ffmpeg", "-nostdin", "-v", "error", "-y", *map(str, arguments)]
    subprocess.run(command, check=True)


def plain(folder: Path) -> None:
    """film.mkv and film.mp4, whose index comes first, as on a web server."""
    ffmpeg(*PICTURE, *beep(channels="stereo"), *X264, *AAC, folder / "film.mkv")
    ffmpeg("-i", folder / "film.mkv", "-c", "copy", "-movflags", "+faststart", folder / "film.mp4")


def late_sound(folder: Path) -> None:
    """late.mkv: the sound starts LATE_BY seconds after the picture."""
    ffmpeg(*PICTURE, "-itsoffset", str(LATE_BY), *beep(), *X264, *AAC, folder / "late.mkv")


def several_tracks(folder: Path) -> None:
    """tracks.mkv: an English mono track, and the default one, Spanish, in 5.1."""
    languages = ["-metadata:s:a:0", "language=eng", "-metadata:s:a:1", "language=spa"]
    default = ["-disposition:a:0", "0", "-disposition:a:1", "default"]
    streams = ["-map", "0:v", "-map", "1:a", "-map", "2:a", *languages, *default]
    sounds = [*beep(1000), *beep(2000, channels="5.1")]
    ffmpeg(*PICTURE, *sounds, *streams, *X264, *AAC, folder / "tracks.mkv")


def with_extras(folder: Path) -> None:
    """extras.mp4 and extras.mkv: chapters, a German subtitle and a cover, as shops deliver them."""
    (folder / "chapters.txt").write_text(CHAPTERS)
    (folder / "german.srt").write_text(SUBTITLES)
    ffmpeg("-f", "lavfi", "-i", "color=red:s=64x64:d=1", "-frames:v", "1", folder / "cover.png")
    inputs = ["-i", folder / "film.mkv", "-i", folder / "chapters.txt", "-i", folder / "german.srt"]
    tags = ["-map_chapters", "1", "-metadata:s:s:0", "language=deu", "-metadata", "title=A title"]
    streams = ["-map", "0:v", "-map", "0:a", "-map", "2:s", "-c", "copy", *tags]
    cover = ["-map", "3:v", "-disposition:v:1", "attached_pic", "-disposition:s:0", "default"]
    ffmpeg(
        *inputs, "-i", folder / "cover.png", *streams, *cover, "-c:s", "mov_text",
        folder / "extras.mp4",
    )  # fmt: skip
    attached = ["-attach", folder / "cover.png", "-metadata:s:t:0", "mimetype=image/png"]
    attached += ["-metadata:s:t:0", "filename=cover.png"]
    ffmpeg(*inputs, *streams, *attached, "-c:s", "srt", folder / "extras.mkv")


def own_subtitles(folder: Path) -> None:
    """disc.mkv: subtitles as pictures (PGS), drawn ones (ASS) and their font, as discs are copied.

    Further drawn.mkv with the drawn ones, drawn_web.mkv with a picture for WebM, captions.mov,
    timed_text.mp4 with TTML, dvd.mkv with a DVD's pictures, and gif.mkv with such a cover.
    """
    (folder / "pictures.sup").write_bytes(_blue_boxes((0.5, 1.5), (2.0, 3.0)))
    (folder / "drawn.ass").write_text(DRAWN)
    (folder / "captions.scc").write_text(CAPTIONS)
    film, both = ["-i", folder / "film.mkv"], ["-map", "0", "-map", "1", "-c", "copy"]
    drawn = ["-i", folder / "drawn.ass", "-metadata:s:s:0", "language=ger"]
    drawn += ["-metadata:s:s:0", "title=Signs", "-disposition:s:0", "default+forced"]
    ffmpeg(*film, *drawn, *both, folder / "drawn.mkv")
    ffmpeg("-i", folder / "web.webm", *drawn, *both, folder / "drawn_web.mkv")
    pictures = ["-i", folder / "pictures.sup", *both, "-metadata:s:s:1", "language=fre"]
    font = ["-attach", folder / "font.ttf", "-metadata:s:t:0", "mimetype=application/x-font-ttf"]
    font += ["-metadata:s:t:0", "filename=font.ttf"]
    ffmpeg("-i", folder / "drawn.mkv", *pictures, *font, folder / "disc.mkv")
    ffmpeg(*film, "-i", folder / "captions.scc", *both, folder / "captions.mov")
    ttml = ["-i", folder / "german.srt", *both, "-c:s", "ttml"]
    ffmpeg(*film, *ttml, folder / "timed_text.mp4")
    ffmpeg(*film, *pictures, "-c:s", "dvdsub", folder / "endless.mkv")
    a_second = ["-map", "0", "-c", "copy", "-bsf:s", "setts=duration=1000"]
    ffmpeg("-i", folder / "endless.mkv", *a_second, folder / "dvd.mkv")
    ffmpeg("-i", folder / "cover.png", folder / "cover.gif")
    cover = ["-attach", folder / "cover.gif", "-metadata:s:t:0", "mimetype=image/gif"]
    ffmpeg(*film, *cover, "-metadata:s:t:0", "filename=cover.gif", "-c", "copy", folder / "gif.mkv")


def _blue_boxes(*times: tuple[float, float]) -> bytes:
    """PGS, which ffmpeg cannot write: a box of 16x8 in the film's upper part, for those seconds."""
    window = struct.pack(">BBHHHH", 1, 0, 10, 20, 16, 8)
    palette = bytes((0, 0, 1, 41, 110, 240, 255))  # version, then colour 1: Y, Cr, Cb, opacity
    lines = bytes((0, 0x80 | 16, 1, 0, 0)) * 8  # 16 pixels of colour 1, then the line's end
    box = struct.pack(">HBB", 0, 0, 0xC0) + (len(lines) + 4).to_bytes(3, "big")
    box += struct.pack(">HH", 16, 8) + lines
    stream = b""
    for number, (start, end) in enumerate(times):
        head = struct.pack(">HHBHBBB", 160, 90, 0x10, 2 * number, 0x80, 0, 0)
        shown = head + b"\1" + struct.pack(">HBBHH", 0, 0, 0, 10, 20)
        gone = struct.pack(">HHBHBBBB", 160, 90, 0x10, 2 * number + 1, 0, 0, 0, 0)
        for kind, content in ((0x16, shown), (0x17, window), (0x14, palette), (0x15, box)):
            stream += _segment(start, kind, content)
        stream += _segment(start, 0x80)
        for kind, content in ((0x16, gone), (0x17, window), (0x80, b"")):
            stream += _segment(end, kind, content)
    return stream


def _segment(seconds: float, kind: int, content: bytes = b"") -> bytes:
    return b"PG" + struct.pack(">IIBH", int(seconds * 90000), 0, kind, len(content)) + content


def attached(folder: Path) -> None:
    """attached.mkv: a font and, beside it, a subtitle that outlasts the film by far."""
    (folder / "font.ttf").write_bytes(bytes(range(256)) * 8)
    (folder / "watermark.srt").write_text("1\n00:00:00,000 --> 00:05:00,000\nwatermark\n")
    font = ["-attach", folder / "font.ttf", "-metadata:s:t:0", "mimetype=application/x-font-ttf"]
    inputs = ["-i", folder / "film.mkv", "-i", folder / "watermark.srt"]
    streams = ["-map", "0", "-map", "1", "-c", "copy", "-metadata:s:t:0", "filename=font.ttf"]
    ffmpeg(*inputs, *font, *streams, folder / "attached.mkv")


def broadcast(folder: Path) -> None:
    """broadcast.ts: 4 s in stereo, then 4 s in 5.1, each with a beep."""
    parts = []
    for number, channels in enumerate(("stereo", "5.1")):
        parts.append(folder / f"part{number}.ts")
        later = ["-output_ts_offset", str(number * SECONDS)]
        ffmpeg(*PICTURE, *beep(channels=channels), *X264, "-c:a", "ac3", *later, parts[-1])
    (folder / "broadcast.ts").write_bytes(b"".join(part.read_bytes() for part in parts))


def quiet_and_short(folder: Path) -> None:
    """minute.mkv: a minute of silence; second.mkv: 1 s; gap.mkv: none from 1.5 to 2.5 s."""
    black = ["-f", "lavfi", "-i", "color=black:s=64x64:r=1:d=60"]
    ffmpeg(*black, "-f", "lavfi", "-i", "anullsrc=d=60", *X264, *AAC, folder / "minute.mkv")
    ffmpeg(*PICTURE, *beep(at=0.5), "-t", "1", *X264, *AAC, folder / "second.mkv")
    gap = ["-af", "aselect='not(between(t,1.5,2.5))'", "-c:a", "pcm_s16le"]
    ffmpeg(*PICTURE, *beep(at=3.0, channels="stereo"), *X264, *gap, folder / "gap.mkv")


def unusual(folder: Path) -> None:
    """Films of other makes: avi.avi with MPEG-4, web.webm, and song.mp3 with a cover only."""
    mpeg4 = ["-c:v", "mpeg4", "-bf", "2", "-c:a", "libmp3lame"]
    ffmpeg(*PICTURE, *beep(), *mpeg4, folder / "avi.avi")
    vp8 = ["-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8", "-c:a", "libopus"]
    ffmpeg(*PICTURE, *beep(), *vp8, folder / "web.webm")
    cover = ["-i", folder / "cover.png", "-map", "0", "-map", "1", "-c:v", "copy"]
    ffmpeg(*beep(), *cover, "-c:a", "libmp3lame", folder / "song.mp3")
    short = ["-filter:a", "atrim=end=2"]
    ffmpeg(*PICTURE, *beep(), *X264, *short, *AAC, folder / "short_sound.mkv")


def bad(folder: Path) -> None:
    """Files that no stage can use, each bad in its own way."""
    ffmpeg(*PICTURE, *X264, folder / "silent_film.mp4")
    (folder / "text.mp4").write_text("This is no film.\n" * 100)
    (folder / "empty.mkv").touch()
    for name in ("film.mkv", "film.mp4", "tracks.mkv", "attached.mkv"):
        whole = (folder / name).read_bytes()
        (folder / f"cut_off_{name}").write_bytes(whole[: len(whole) * 6 // 10])
    ffmpeg("-i", folder / "film.mkv", "-c", "copy", folder / "index_last.mp4")
    song = bytearray((folder / "song.mp3").read_bytes())
    for place in range(len(song) // 2, len(song) - 1000, 1500):
        song[place : place + 700] = bytes(700)
    (folder / "damaged.mp3").write_bytes(song)
    short = (folder / "short_sound.mkv").read_bytes()  # after all of its sound
    (folder / "cut_off_short_sound.mkv").write_bytes(short[: len(short) * 8 // 10])
    whole = (folder / "index_last.mp4").read_bytes()
    (folder / "no_index.mp4").write_bytes(whole[: len(whole) // 2])


def odd_names(folder: Path) -> None:
    """One good film under names that upset careless programs, in a folder of their own."""
    (folder / "odd").mkdir(exist_ok=True)
    for name in ODD_NAMES:
        (folder / "odd" / name).write_bytes((folder / "film.mkv").read_bytes())


def main() -> int:
    folder = Path(sys.argv[1])
    good = (plain, late_sound, several_tracks, with_extras, attached, broadcast)
    for recipe in (*good, quiet_and_short, unusual, own_subtitles, bad, odd_names):
        recipe(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
