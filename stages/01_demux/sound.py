"""Takes one audio track out of a film.

One ffmpeg decodes the track, and says of each piece when it is heard; another one writes the files.
Between them the pieces are laid in time: ffmpeg's own filter for that takes memory for the whole of
a gap, and begins anew when a broadcast changes from stereo to 5.1.
"""

from __future__ import annotations

import os
import wave
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Iterator, List, Optional, Tuple, Type

from clip import Clip
from film import AudioTrack, Film, MediaError, last_moment
from loudness import Loudness, measuring_filter, read_loudness
from timeline import Timeline

from shared.ffmpeg import Ffmpeg, FfmpegError

SPEECH_RATE_HZ = 16000
_MOST_CHANNELS_IN_FLAC = 8
_BYTES_A_SAMPLE = 2
_TOLERANCE_SECONDS = 0.5  # encoder delay, and a last picture that outlasts the sound
# Without tags and encoder names the same film gives the same bytes.
_PLAIN = ["-map_metadata", "-1", "-map_chapters", "-1", "-fflags", "+bitexact"]
_PLAIN += ["-flags:a", "+bitexact"]


@dataclass(frozen=True)
class Targets:
    """The files to write, and whether to look for peaks between the samples, which takes long."""

    audio: Path
    surround: Optional[Path]
    true_peak: bool = False


@dataclass(frozen=True)
class Extracted:
    """How loud the sound is, and the errors that the decoder went on after."""

    loudness: Loudness
    errors: Tuple[str, ...]
    error_count: int


def has_surround(track: AudioTrack) -> bool:
    """Whether there is more than one channel to keep, and FLAC can hold them."""
    return 1 < track.channels <= _MOST_CHANNELS_IN_FLAC


def extract(
    film: Film,
    track: AudioTrack,
    clip: Clip,
    targets: Targets,
    on_progress: Callable[[float], None],
) -> Extracted:
    """Writes the track as 16 kHz mono and, if asked, with all its channels.

    `on_progress` gets the seconds done. Raises MediaError when there is no sound, and when ffmpeg
    gives up.
    """
    if not track.channels or not track.rate_hz:
        message = f"ffmpeg cannot decode {track.codec}, audio track {track}. Choose another one."
        raise MediaError(message)
    try:
        with _Decoder(film, track) as decoder:
            writing = _writing(track, clip, targets)
            with Ffmpeg(writing, verbosity="info", feeds_stdin=True) as writer:
                timeline = _timeline(track, clip)
                _pass_on(decoder, timeline, writer, lambda done: on_progress(done / track.rate_hz))
                if timeline.written == 0:
                    raise MediaError(_no_sound(film, track, clip))
                loudness = read_loudness(writer.finish().notes)
            said = decoder.process.said()
    except FfmpegError as error:
        message = (
            f"ffmpeg could not take the sound out of {film.path.name}: {error}. See stage.log; if"
            " the film plays well elsewhere, choose another AUDIO_TRACK."
        )
        raise MediaError(message) from error
    return Extracted(loudness, said.errors, said.error_count)


def missing_sound(film: Film, clip: Clip, audio: Path) -> Optional[str]:
    """A warning when the sound ends before the film, else None.

    Raises MediaError when the whole file ends before it says it does: neither ffmpeg nor ffprobe
    reports a truncated Matroska file.
    """
    expected = clip.length_within(film.stated_end)
    if expected is None or film.stated_end is None:
        return None
    missing = expected - wav_seconds(audio)
    if missing <= _TOLERANCE_SECONDS:
        return None
    end = last_moment(film)
    if film.stated_end - end > _TOLERANCE_SECONDS:
        message = (
            f"{film.path.name} is cut off: it announces {film.stated_end:.1f} s and ends after"
            f" {end:.1f} s. Copy or download the film again."
        )
        raise MediaError(message)
    return f"The sound ends {missing:.1f} s before the film does, after {expected - missing:.1f} s."


def wav_seconds(path: Path) -> float:
    """How long a WAV file lasts."""
    with wave.open(str(path), "rb") as sound:
        return sound.getnframes() / sound.getframerate()


class _Decoder:
    """An ffmpeg that decodes one track to samples of 16 bits, and tells the time of each piece."""

    def __init__(self, film: Film, track: AudioTrack) -> None:
        self._bytes_a_moment = track.channels * _BYTES_A_SAMPLE
        lines, lines_end = os.pipe()
        self._lines = os.fdopen(lines, "rb")
        try:
            arguments = _decoding(film, track, lines_end)
            self.process = Ffmpeg(arguments, open_files=[lines_end])
        finally:
            os.close(lines_end)

    def __enter__(self) -> _Decoder:  # noqa: PYI034 (Self came with Python 3.11)
        return self

    def __exit__(self, kind: Optional[Type[BaseException]], *details: object) -> None:
        self.process.__exit__(kind, *details)
        self._lines.close()

    def pieces(self) -> Iterator[Tuple[int, bytes]]:
        """The number of the first sample, counted from the film's start, and the samples."""
        for line in self._lines:
            if line.startswith(b"#"):
                continue
            # stream, decoding time, time, duration, size in bytes, checksum
            fields = line.split(b",")
            size = int(fields[4])
            sound = self.process.stdout.read(size)
            if len(sound) == size:
                yield int(fields[2]), sound


def _pass_on(
    decoder: _Decoder, timeline: Timeline, writer: Ffmpeg, on_progress: Callable[[int], None]
) -> None:
    assert writer.stdin is not None
    try:
        for start, sound in decoder.pieces():
            for piece in timeline.lay(start, sound):
                writer.stdin.write(piece)
            on_progress(timeline.written)
            if timeline.is_complete:
                decoder.process.stop()
                return
        decoder.process.finish()
    except BrokenPipeError:
        writer.finish()  # it ended too early, and says why


def _timeline(track: AudioTrack, clip: Clip) -> Timeline:
    return Timeline(
        rate_hz=track.rate_hz,
        sample_bytes=track.channels * _BYTES_A_SAMPLE,
        first=round(clip.start * track.rate_hz),
        last=None if clip.end is None else round(clip.end * track.rate_hz),
    )


def _decoding(film: Film, track: AudioTrack, lines: int) -> List[str]:
    layout = f"channel_layouts={track.layout}:" if track.layout else ""
    shape = f"aformat={layout}sample_rates={track.rate_hz}:sample_fmts=s16"
    command = ["-i", f"file:{film.path}", "-map", f"0:{track.stream}", "-af", shape]
    command += ["-ac", str(track.channels), "-c:a", "pcm_s16le"]
    # The line must be there before the samples, or each of us would wait for the other.
    outputs = f"[f=framecrc:flush_packets=1]pipe:{lines}|[f=s16le]pipe:1"
    return [*command, "-flags:a", "+bitexact", "-f", "tee", outputs]


def _writing(track: AudioTrack, clip: Clip, targets: Targets) -> List[str]:
    command = ["-f", "s16le", "-ar", str(track.rate_hz)]
    command += ["-ch_layout", track.layout] if track.layout else ["-ac", str(track.channels)]
    mono = [f"aresample={SPEECH_RATE_HZ}"]
    if clip.end is not None:  # a rate that is no multiple of 16 kHz may give one sample too many
        mono.append(f"atrim=end_sample={round((clip.end - clip.start) * SPEECH_RATE_HZ)}")
    command += ["-i", "pipe:0", "-map", "0:0", "-af", ",".join(mono), "-ac", "1"]
    command += ["-c:a", "pcm_s16le", *_PLAIN, f"file:{targets.audio}"]
    if targets.surround is not None:
        command += ["-map", "0:0", "-c:a", "flac", *_PLAIN, f"file:{targets.surround}"]
    measuring = measuring_filter(true_peak=targets.true_peak)
    return [*command, "-map", "0:0", "-af", measuring, "-f", "null", "-"]


def _no_sound(film: Film, track: AudioTrack, clip: Clip) -> str:
    if clip.start:
        return (
            f"{film.path.name} yields no sound from second {clip.start:g} on, where CLIP_START is."
            " Choose a clip inside the film."
        )
    return (
        f"{film.path.name} yields no sound: nothing of its audio track {track} could be decoded."
        " Choose another AUDIO_TRACK, or copy or download the film again."
    )
