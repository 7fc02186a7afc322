"""Demux and mux of long films, against the same ffmpeg work by ``docker run``."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

from benchmarks.series import Command, environment

ROOT: Final = Path(__file__).resolve().parents[1]
STAGERUN: Final = Path(sys.executable).with_name("stagerun")
IMAGE: Final = "stagerun/parent-ffmpeg:current"


def long_film(folder: Path, seconds: int) -> Path:
    """The demo's film, repeated until it lasts that long."""
    clip = ROOT / "demo" / "media" / "demo.mkv"
    subprocess.run([sys.executable, str(ROOT / "demo" / "film.py"), str(clip)], check=True)
    target = folder / f"film-{seconds}.mkv"
    words = ["-stream_loop", "-1", "-i", "/clip/demo.mkv", "-c", "copy", "-t", str(seconds)]
    mounts = ["-v", f"{clip.parent}:/clip:ro", "-v", f"{folder}:/made"]
    _docker([*mounts, IMAGE, *FFMPEG, *words, f"/made/{target.name}"])
    return target


FFMPEG: Final = ["ffmpeg", "-nostdin", "-v", "error", "-y"]


def film_commands(folder: Path, film: Path) -> dict[str, list[Command]]:
    """For 01_demux and 10_mux: bare ffmpeg first, then the stage."""
    job = folder / f"job-{film.stem}"
    _stagerun("init", str(job), "--input", f"media={film}")
    _stagerun("run", str(job), "--upto", "01_demux")
    _subtitles_of_a_clip(job)
    mounts = ["-v", f"{job}:/job:ro", "-v", f"{folder}:/made"]
    media = f"/job/input/{film.name}"
    sound = ["-map", "0:a:0", "-af", "aresample=async=1:first_pts=0,aresample=16000", "-ac", "1"]
    demux = [*FFMPEG, "-i", media, *sound, "-c:a", "pcm_s16le", "/made/bare.wav"]
    text = "/job/09_subtitle_gen"
    subtitles = next(iter((job / "09_subtitle_gen").glob("*.srt"))).name
    mux = [
        *FFMPEG,
        "-i",
        media,
        "-i",
        f"{text}/{subtitles}",
        "-map",
        "0",
        "-map",
        "1",
        "-c",
        "copy",
    ]
    return {
        "01_demux": _pair(mounts, demux, "01_demux", job),
        "10_mux": _pair(mounts, [*mux, "/made/bare.mkv"], "10_mux", job),
    }


def _subtitles_of_a_clip(job: Path) -> None:
    """Of half a minute of speech; the time of a mux depends on the film."""
    _stagerun("run", str(job), "--upto", "09_subtitle_gen", "--set", "CLIP_END=30")
    _stagerun("run", str(job), "--upto", "01_demux")


def _pair(mounts: list[str], words: list[str], stage: str, job: Path) -> list[Command]:
    docker = ["docker", "run", "--rm", "--user", f"{os.getuid()}:{os.getgid()}"]
    return [
        Command(
            name="docker run --rm, bare ffmpeg",
            words=[*docker, *mounts, IMAGE, *words],
            folder=ROOT,
        ),
        Command(
            name=f"stagerun {stage}", words=[str(STAGERUN), stage, str(job), "--force"], folder=ROOT
        ),
    ]


def _docker(words: list[str]) -> None:
    user = ["--user", f"{os.getuid()}:{os.getgid()}", "--network", "none"]
    subprocess.run(["docker", "run", "--rm", *user, *words], check=True)


def _stagerun(*words: str) -> None:
    subprocess.run([str(STAGERUN), *words], cwd=ROOT, env=environment(), check=True)
