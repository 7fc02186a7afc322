"""What the tests of stage 10 share: jobs with subtitles, and a look at the finished film."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.stages.containers import Ended, Stages, new_job

# The last cue ends where no cut-off film still has a picture: it must not hide that.
CUES = (
    "1\n00:00:00,500 --> 00:00:01,500\nOne\n\n"
    "2\n00:00:01,600 --> 00:00:02,000\nTwo\n\n"
    "3\n00:00:03,000 --> 00:00:03,900\nThree\n\n"
)


def mux(
    stages: Stages,
    job: Path,
    film: Path,
    languages: str = "es fr",
    cues: str = CUES,
    /,
    **config: str,
) -> Ended:
    new_job(job, film)
    (job / "09_subtitle_gen").mkdir()
    for language in languages.split():
        (job / "09_subtitle_gen" / f"{film.stem}.{language}.srt").write_text(cues)
    (job / "01_demux").mkdir(exist_ok=True)
    return stages.run("10_mux", job, **config)


def film_of(ended: Ended) -> Path:
    """The finished film, beside which nothing was left."""
    assert ended.exit_code == 0, ended.output
    names = {path.name for path in ended.folder.iterdir()} - {"manifest.json", "stage.log"}
    (name,) = names - {".lock"}
    return ended.folder / name


def tracks(probe: dict[str, Any]) -> list[tuple[str, str, int]]:
    """Codec, language and default mark of each subtitle track."""
    return [
        (stream["codec_name"], stream["tags"]["language"], stream["disposition"]["default"])
        for stream in probe["streams"]
        if stream["codec_type"] == "subtitle"
    ]


def stream_hashes(stages: Stages, film: Path, *streams: str) -> str:
    """The digests of streams as they lie in a film; each is named as ffmpeg's ``-map`` has it."""
    maps = [word for stream in streams for word in ("-map", stream)]
    read = ["ffmpeg", "-v", "error", "-i", f"/films/{film.name}"]
    hashing = [*maps, "-c", "copy", "-f", "streamhash", "-"]
    hashes = stages.in_ffmpeg_image([*read, *hashing], film.parent)
    assert hashes.count("SHA256=") >= len(streams), hashes
    return hashes


def kinds(probe: dict[str, Any]) -> list[str]:
    return sorted(stream["codec_type"] for stream in probe["streams"])


def covers(probe: dict[str, Any]) -> int:
    return sum(stream["disposition"]["attached_pic"] for stream in probe["streams"])
