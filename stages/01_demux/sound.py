"""Takes one audio track out of a film."""

from __future__ import annotations

import re
import subprocess
import tempfile
import wave
from pathlib import Path
from typing import Callable, List, Optional, Sequence

from clip import Clip
from film import AudioTrack, Film, MediaError, last_moment

SPEECH_RATE_HZ = 16000
_MOST_CHANNELS_IN_FLAC = 8
_TOLERANCE_SECONDS = 0.5  # encoder delay, and a last picture that outlasts the sound


def has_surround(track: AudioTrack) -> bool:
    """Whether there is more than one channel to keep, and FLAC can hold them."""
    return 1 < track.channels <= _MOST_CHANNELS_IN_FLAC


def extract(
    film: Film,
    track: AudioTrack,
    clip: Clip,
    *,
    audio: Path,
    surround: Optional[Path],
    on_progress: Callable[[float], None],
) -> List[str]:
    """Writes the track as 16 kHz mono and, if asked, as it is; returns what ffmpeg complained of.

    `on_progress` gets the seconds done. Raises MediaError when ffmpeg gives up.
    """
    command = ["ffmpeg", "-nostdin", "-v", "error", "-y"]
    command += ["-progress", "pipe:1", "-stats_period", "0.5", "-i", f"file:{film.path}"]
    mono = ["-ac", "1", "-c:a", "pcm_s16le"]
    command += [*_track_arguments(track, clip, SPEECH_RATE_HZ), *mono, f"file:{audio}"]
    if surround is not None:
        original = _track_arguments(track, clip, track.sample_rate)
        command += [*original, "-c:a", "flac", f"file:{surround}"]
    return _run(command, film.path.name, on_progress)


def missing_sound(film: Film, clip: Clip, audio: Path) -> Optional[str]:
    """A warning when the sound ends before the picture, else None.

    Raises MediaError when the whole file ends before it says it does: neither ffmpeg nor ffprobe
    reports a truncated Matroska file.
    """
    expected = clip.length_within(film.duration)
    seconds = wav_seconds(audio)
    if seconds == 0:
        message = (
            f"{film.path.name} yields no sound"
            + (f" from second {clip.start:g} on, where CLIP_START is." if clip.start else ".")
            + " Choose a clip inside the film, or another AUDIO_TRACK."
        )
        raise MediaError(message)
    if not film.states_its_duration or expected is None or film.duration is None:
        return None
    if expected - seconds <= _TOLERANCE_SECONDS:
        return None
    end = last_moment(film)
    if film.duration - end > _TOLERANCE_SECONDS:
        message = (
            f"{film.path.name} is cut off: it announces {film.duration:.1f} s and ends after"
            f" {end:.1f} s. Copy or download the film again."
        )
        raise MediaError(message)
    return f"The sound lasts {seconds:.1f} s, {expected - seconds:.1f} s less than the picture."


def wav_seconds(path: Path) -> float:
    """How long a WAV file lasts."""
    with wave.open(str(path), "rb") as sound:
        return sound.getnframes() / sound.getframerate()


def _track_arguments(track: AudioTrack, clip: Clip, rate_hz: int) -> List[str]:
    # async fills a late start and gaps with silence; without it every later word comes too early.
    # Only then is sample n the sound at n / rate seconds, so that a clip can be cut by samples.
    filters = ["aresample=async=1:first_pts=0", f"aresample={rate_hz}"]
    if not clip.is_whole_film:
        trim = f"atrim=start_sample={round(clip.start * rate_hz)}"
        if clip.end is not None:
            trim += f":end_sample={round(clip.end * rate_hz)}"
        filters += [trim, "asetpts=PTS-STARTPTS"]
    # Without tags and encoder names the same film gives the same bytes.
    plain = ["-map_metadata", "-1", "-map_chapters", "-1", "-fflags", "+bitexact"]
    plain += ["-flags:a", "+bitexact"]
    return ["-map", f"0:{track.stream}", "-af", ",".join(filters), *plain]


def _run(command: Sequence[str], name: str, on_progress: Callable[[float], None]) -> List[str]:
    with tempfile.TemporaryFile() as complaints:
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=complaints) as process:
            assert process.stdout is not None
            try:
                for line in process.stdout:
                    key, _, value = line.decode("ascii", "replace").strip().partition("=")
                    if key == "out_time_us" and value.isdigit():
                        on_progress(int(value) / 1_000_000)
            except BaseException:  # a TERM arrives as SystemExit; ffmpeg must not outlive the stage
                process.kill()
                raise
        complaints.seek(0)
        lines = complaints.read().decode("utf-8", "replace").splitlines()
    if process.returncode != 0:
        reason = _without_sender(lines[0]) if lines else f"exit code {process.returncode}"
        message = f"ffmpeg could not take the sound out of {name}: {reason}. See stage.log."
        raise MediaError(message)
    return [_without_sender(line) for line in lines]


def _without_sender(line: str) -> str:
    """The line without the part of ffmpeg, and its address, that wrote it."""
    return re.sub(r"^\[[^]]*\] ", "", line)
