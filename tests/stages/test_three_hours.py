"""Stages on three hours, nearly all of them silent: in bounded memory, and right to the very end.

A bound is for the largest of a stage's processes, far below what the sound would take as a whole;
all of them together have the memory limit of stage.yaml. What holds for texts is tested with as
many as are said in three hours. Three hours of stage 07 are in test_alignment_stage.py.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from tests.stages.asr_kit import make_models, put_speech, transcript
from tests.stages.containers import PLAIN, Ended, Setup, Stages, new_job
from tests.stages.long_sound import LENGTH, PLACES, SECONDS, late_by, write_long_sounds
from tests.stages.muxed_films import film_of
from tests.stages.subtitle_readers import read_srt
from tests.stages.translation_jobs import new_translation_job, segments_of

pytestmark = [pytest.mark.images, pytest.mark.engine]

MILLISECOND: Final = 0.001
NEAR: Final = 5
SENTENCES: Final = SECONDS // 2  # one every two seconds
FILMS: Final = f"""
cd /films
ffmpeg="ffmpeg -nostdin -v error"
$ffmpeg -i stereo.wav -ar 22050 stereo.flac
$ffmpeg -i surround.wav surround.flac
$ffmpeg -f lavfi -i color=black:s=64x36:r=1:d={SECONDS} -i stereo.flac \
  -c:v libx264 -preset ultrafast -pix_fmt yuv420p -g 25 -c:a copy film.mkv
$ffmpeg -i film.mkv -i mono.wav -map 0:v -map 1:a -c copy large.mkv
"""


@dataclass(frozen=True)
class Measured:
    """Runs stages, and notes what each took."""

    stages: Stages
    test: str
    note: Callable[[str, object], None]

    def run(
        self, stage: str, job: Path, setup: Setup = PLAIN, /, *, below: int, **config: str
    ) -> Ended:
        """Runs the stage, none of whose processes may take so many MiB."""
        started = time.monotonic()
        ended = self.stages.run(stage, job, setup, **config)
        seconds = time.monotonic() - started
        assert ended.exit_code == 0, ended.output
        used = ended.manifest["resources"]
        processor, memory = used["cpu_time_seconds"], used["memory_mb"]
        figures = f"{seconds:.0f} s, {processor:.0f} s of processor time, {memory:.0f} MiB"
        self.note(f"3 hours in {stage}, {self.test}", figures)
        assert memory < below
        return ended


@pytest.fixture
def measured(
    stages: Stages,
    request: pytest.FixtureRequest,
    record_property: Callable[[str, object], None],
    tmp_path: Path,
) -> Iterator[Measured]:
    name: str = request.node.name
    yield Measured(stages, name, record_property)
    shutil.rmtree(tmp_path)  # a third of a gigabyte


@pytest.fixture(scope="module")
def media(stages: Stages, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Sounds and films: film.mkv has a picture a second, and large.mkv as much as mono.wav too."""
    folder = tmp_path_factory.mktemp("media")
    write_long_sounds(folder)
    stages.in_ffmpeg_image(["sh", "-ec", FILMS], folder)
    yield folder
    shutil.rmtree(folder)


def demuxed(job: Path, media: Path, surround: str = "") -> Path:
    """A job as stage 01 leaves it."""
    (job / "01_demux").mkdir()
    os.link(media / "mono.wav", job / "01_demux" / "audio.wav")
    if surround:
        os.link(media / surround, job / "01_demux" / "surround.flac")
    return job


def same_at_each_place(moments: list[float]) -> bool:
    """Whether the same number of moments lies near each place, and as far from it."""
    far: dict[float, list[float]] = {place: [] for place in PLACES}
    for moment in moments:
        nearest = min(PLACES, key=lambda place: abs(moment - place))
        far[nearest].append(moment - nearest)
    first = far[PLACES[0]]
    assert max(map(abs, first), default=0.0) < NEAR
    return all(here == pytest.approx(first, abs=0.05) for here in far.values())


def test_demux_keeps_sound_in_step_to_the_end(
    media: Path, measured: Measured, tmp_path: Path
) -> None:
    ended = measured.run("01_demux", new_job(tmp_path / "job", media / "film.mkv"), below=100)
    assert late_by(ended.folder / "audio.wav") == pytest.approx([0, 0, 0], abs=MILLISECOND)
    probe = measured.stages.probe(ended.folder / "surround.flac")
    assert float(probe["format"]["duration"]) == pytest.approx(SECONDS, abs=MILLISECOND)


@pytest.mark.parametrize(
    ("surround", "method"), [("stereo.flac", "centre-mask"), ("surround.flac", "centre-channel")]
)
def test_separation_keeps_speech_in_step_to_the_end(
    media: Path, measured: Measured, tmp_path: Path, surround: str, method: str
) -> None:
    job = demuxed(tmp_path, media, surround)
    ended = measured.run("04_source_separation", job, below=180)
    report = json.loads((ended.folder / "separation.json").read_text())
    assert report["method"] == method
    assert report["kept_as_it_was"]["passages"] == []
    assert late_by(ended.folder / "speech.wav") == pytest.approx([0, 0, 0], abs=MILLISECOND)


def test_vad_finds_all_that_is_said_and_nothing_else(
    media: Path, measured: Measured, tmp_path: Path
) -> None:
    ended = measured.run("05_vad", demuxed(tmp_path, media), below=100)
    found = json.loads((ended.folder / "segments.json").read_text())["segments"]
    assert same_at_each_place([part["start"] for part in found])
    assert same_at_each_place([part["end"] for part in found])


def heard(ended: Ended, *texts: str) -> list[dict[str, Any]]:
    """The segments, which say these texts at each place and are as far into it."""
    segments: list[dict[str, Any]] = transcript(ended)["segments"]
    assert [segment["text"] for segment in segments] == [*texts] * len(PLACES)
    assert same_at_each_place([w["start"] for segment in segments for w in segment["words"]])
    return segments


@pytest.mark.parametrize("has_vad", [True, False], ids=["with 05_vad", "without 05_vad"])
def test_pocketsphinx_hears_all_that_is_said_and_nothing_else(
    media: Path, measured: Measured, tmp_path: Path, *, has_vad: bool
) -> None:
    job = demuxed(tmp_path, media)
    if has_vad:
        put_speech(job, *((place, place + LENGTH) for place in PLACES))
    heard(measured.run("06_asr", job, below=200), "Go forward ten meters.")


@pytest.fixture(scope="module")
def whisper(stages: Stages, tmp_path_factory: pytest.TempPathFactory) -> Setup:
    assert stages is not None  # asked for because it skips where there is none
    models = make_models(tmp_path_factory.mktemp("store") / "models", small="")
    return Setup(variant="cpu", models=models)


@pytest.mark.parametrize("has_vad", [True, False], ids=["with 05_vad", "without 05_vad"])
def test_whisper_hears_all_that_is_said_and_nothing_else(
    media: Path, measured: Measured, tmp_path: Path, whisper: Setup, *, has_vad: bool
) -> None:
    job = demuxed(tmp_path, media)
    if has_vad:
        put_speech(job, *((place, place + LENGTH) for place in PLACES))
    ended = measured.run("06_asr", job, whisper, below=450, ASR_ENGINE="whisper")
    heard(ended, "Hello from the scripted model.", "This is a second segment.")


def test_every_sentence_is_translated_with_its_time(measured: Measured, tmp_path: Path) -> None:
    job = new_translation_job(tmp_path, ["The house is old."] * SENTENCES)
    ended = measured.run("08_translation", job, below=100, TARGET_LANGUAGES="es")
    found = segments_of(ended, "es")
    assert {segment["text"] for segment in found} == {"La casa es vieja."}
    assert [segment["start"] for segment in found] == [2.0 * n for n in range(SENTENCES)]


def test_every_sentence_is_shown_when_it_is_said(measured: Measured, tmp_path: Path) -> None:
    job = new_translation_job(tmp_path, ["The house is old."] * SENTENCES)
    ended = measured.run("09_subtitle_gen", job, below=64)
    cues = read_srt((ended.folder / "film.en.srt").read_text())
    assert [cue.start_ms for cue in cues] == [2000 * n for n in range(SENTENCES)]


def test_every_cue_gets_into_the_film_at_its_time(
    media: Path, measured: Measured, tmp_path: Path
) -> None:
    job = tmp_path / "job"
    (job / "input").mkdir(parents=True)
    os.link(media / "large.mkv", job / "input" / "large.mkv")
    (job / "09_subtitle_gen").mkdir()
    cues = "\n".join(map(cue, range(SENTENCES)))
    (job / "09_subtitle_gen" / "film.en.srt").write_text(cues)
    ended = measured.run("10_mux", job, below=100)
    film = film_of(ended)
    probe = measured.stages.probe(film)
    assert float(probe["format"]["duration"]) == pytest.approx(SECONDS, abs=0.1)
    again = ["ffmpeg", "-v", "error", "-i", f"/films/{film.name}", "-map", "0:s", "-f", "srt", "-"]
    assert measured.stages.in_ffmpeg_image(again, film.parent).strip() == cues.strip()


def cue(number: int) -> str:
    start = timedelta(seconds=2 * number)
    return f"{number + 1}\n0{start},000 --> 0{start},900\nYes.\n"
