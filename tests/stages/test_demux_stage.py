"""Stage 01 on real films, in its parent image."""

from __future__ import annotations

import array
import json
import wave
from pathlib import Path

import pytest

from tests.media.recipes import BEEP_AT, LATE_BY, ODD_NAMES, SECONDS
from tests.stages.containers import Ended, Stages, new_job

pytestmark = [pytest.mark.images, pytest.mark.engine]

RATE = 16000
LOUD = 3000
ENCODER_DELAY = 0.03  # AAC moves sound by a packet


def demux(stages: Stages, tmp_path: Path, film: Path, **config: str) -> Ended:
    return stages.run("01_demux", new_job(tmp_path / "job", film), **config)


def samples(ended: Ended) -> array.array[int]:
    with wave.open(str(ended.folder / "audio.wav")) as sound:
        assert sound.getparams()[:3] == (1, 2, RATE)
        return array.array("h", sound.readframes(sound.getnframes()))


def beep_seconds(ended: Ended) -> float:
    return next(n for n, value in enumerate(samples(ended)) if abs(value) > LOUD) / RATE


def test_sound_that_starts_late_stays_late(stages: Stages, films: Path, tmp_path: Path) -> None:
    ended = demux(stages, tmp_path, films / "late.mkv")
    assert ended.exit_code == 0, ended.output
    assert beep_seconds(ended) == pytest.approx(LATE_BY + BEEP_AT, abs=ENCODER_DELAY)


def test_probe_tells_later_stages_what_they_need(
    stages: Stages, films: Path, tmp_path: Path
) -> None:
    ended = demux(stages, tmp_path, films / "extras.mp4")
    probe = json.loads((ended.folder / "probe.json").read_text())
    assert (probe["title"], probe["clip"]) == ("extras", None)
    assert probe["duration"] == pytest.approx(SECONDS, abs=0.1)
    assert probe["format"]["filename"] == "extras.mp4"
    assert [chapter["tags"]["title"] for chapter in probe["chapters"]] == [
        "First half",
        "Second half",
    ]


def test_default_track_is_taken_and_its_channels_are_kept(
    stages: Stages, films: Path, tmp_path: Path
) -> None:
    ended = demux(stages, tmp_path, films / "tracks.mkv")
    probe = stages.probe(ended.folder / "surround.flac")
    assert [stream["channels"] for stream in probe["streams"]] == [6]
    assert json.loads((ended.folder / "probe.json").read_text())["audio_track"]["language"] == "spa"
    assert {entry["path"] for entry in ended.manifest["outputs"]} == {
        f"01_demux/{name}" for name in ("audio.wav", "surround.flac", "probe.json")
    }


@pytest.mark.parametrize("wish", ["en", "0"])
def test_a_track_can_be_picked(stages: Stages, films: Path, tmp_path: Path, wish: str) -> None:
    ended = demux(stages, tmp_path, films / "tracks.mkv", AUDIO_TRACK=wish)
    assert json.loads((ended.folder / "probe.json").read_text())["audio_track"]["language"] == "eng"
    assert not (ended.folder / "surround.flac").exists()


def test_a_clip_is_cut_to_the_sample(stages: Stages, films: Path, tmp_path: Path) -> None:
    clip = {"CLIP_START": "0.6", "CLIP_END": "0:02.35"}
    ended = demux(stages, tmp_path, films / "late.mkv", **clip)
    assert len(samples(ended)) == 1.75 * RATE
    assert beep_seconds(ended) == pytest.approx(LATE_BY + BEEP_AT - 0.6, abs=ENCODER_DELAY)
    probe = json.loads((ended.folder / "probe.json").read_text())
    assert probe["clip"] == {"start": 0.6, "end": 2.35}


def test_the_same_film_gives_the_same_bytes(stages: Stages, films: Path, tmp_path: Path) -> None:
    results = []
    for name in ("one", "two"):
        ended = demux(stages, tmp_path / name, films / "tracks.mkv")
        files = ("audio.wav", "surround.flac", "probe.json")
        results.append([(ended.folder / file).read_bytes() for file in files])
    assert results[0] == results[1]


def test_the_length_of_the_sound_is_logged(stages: Stages, films: Path, tmp_path: Path) -> None:
    ended = demux(stages, tmp_path, films / "film.mp4")
    assert ended.exit_code == 0
    assert "4.0 s of sound" in (ended.folder / "stage.log").read_text()


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("silent_film.mp4", "no audio track"),
        ("text.mp4", "not a media file"),
        ("empty.mkv", "is empty"),
        ("cut_off_film.mkv", "is cut off: it announces 4.0 s"),
        ("cut_off_film.mp4", "is cut off: it announces 4.0 s"),
        ("no_index.mp4", "not a media file that ffmpeg can read, or it is cut off"),
    ],
)
def test_a_bad_film_fails_with_its_name_and_a_way_out(
    stages: Stages, films: Path, tmp_path: Path, name: str, reason: str
) -> None:
    ended = demux(stages, tmp_path, films / name)
    assert (ended.exit_code, ended.manifest["status"]) == (1, "failed")
    assert name in ended.errors
    assert reason in ended.errors
    assert "Traceback" not in ended.output


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        ({"AUDIO_TRACK": "de"}, "It has: 0 (eng, 1 channels), 1 (spa, 6 channels)"),
        ({"CLIP_START": "soon"}, "CLIP_START is 'soon'"),
        ({"CLIP_START": "3", "CLIP_END": "2"}, "does not come after CLIP_START"),
        ({"CLIP_START": "100"}, "yields no sound from second 100 on"),
    ],
)
def test_a_wrong_setting_fails_with_its_name(
    stages: Stages, films: Path, tmp_path: Path, config: dict[str, str], reason: str
) -> None:
    ended = demux(stages, tmp_path, films / "tracks.mkv", **config)
    assert (ended.exit_code, ended.manifest["status"]) == (1, "failed")
    assert reason in ended.errors


def test_sound_that_ends_early_is_a_warning_only(
    stages: Stages, films: Path, tmp_path: Path
) -> None:
    ended = demux(stages, tmp_path, films / "short_sound.mkv")
    assert ended.exit_code == 0
    assert "The sound ends 2.0 s before the film does" in ended.warnings


def test_loudness_is_in_probe_and_manifest(stages: Stages, films: Path, tmp_path: Path) -> None:
    ended = demux(stages, tmp_path, films / "tracks.mkv", MEASURE_TRUE_PEAK="true")
    loudness = json.loads((ended.folder / "probe.json").read_text())["loudness"]
    assert loudness == ended.manifest["loudness"]
    assert loudness["integrated_lufs"] == pytest.approx(-11.4, abs=1)
    assert loudness["sample_peak_dbfs"] == pytest.approx(-6, abs=1)
    assert loudness["true_peak_dbtp"] == pytest.approx(-6, abs=1)


def test_a_silent_minute_ends_well_and_is_said(stages: Stages, films: Path, tmp_path: Path) -> None:
    ended = demux(stages, tmp_path, films / "minute.mkv")
    assert ended.exit_code == 0, ended.output
    assert len(samples(ended)) == pytest.approx(60 * RATE, abs=RATE / 10)
    assert ended.manifest["loudness"]["integrated_lufs"] is None
    assert "is silent from beginning to end" in ended.warnings


def test_a_gap_stays_as_long_as_it_is(stages: Stages, films: Path, tmp_path: Path) -> None:
    ended = demux(stages, tmp_path, films / "gap.mkv")
    assert beep_seconds(ended) == pytest.approx(3.0, abs=ENCODER_DELAY)
    assert len(samples(ended)) == pytest.approx(SECONDS * RATE, abs=RATE / 10)


def test_a_broadcast_that_changes_to_surround_keeps_its_times(
    stages: Stages, films: Path, tmp_path: Path
) -> None:
    ended = demux(stages, tmp_path, films / "broadcast.ts", CLIP_START="4", CLIP_END="7")
    assert ended.exit_code == 0, ended.output
    assert len(samples(ended)) == 3 * RATE
    assert beep_seconds(ended) == pytest.approx(BEEP_AT, abs=ENCODER_DELAY)


@pytest.mark.parametrize("name", ["second.mkv", "song.mp3", "avi.avi", "web.webm"])
def test_short_and_unusual_films_simply_work(
    stages: Stages, films: Path, tmp_path: Path, name: str
) -> None:
    ended = demux(stages, tmp_path, films / name)
    assert ended.exit_code == 0, ended.output
    assert ended.warnings == ""


@pytest.mark.parametrize(
    ("name", "config"),
    [
        ("cut_off_film.mkv", {"CLIP_START": "1", "CLIP_END": "3.5"}),
        ("cut_off_tracks.mkv", {"AUDIO_TRACK": "en"}),
        ("cut_off_short_sound.mkv", {}),
        ("cut_off_attached.mkv", {}),
    ],
)
def test_a_cut_off_film_is_found_however_it_is_used(
    stages: Stages, films: Path, tmp_path: Path, name: str, config: dict[str, str]
) -> None:
    ended = demux(stages, tmp_path, films / name, **config)
    assert ended.exit_code == 1
    assert f"{name} is cut off: it announces 4.0 s" in ended.errors


def test_errors_that_the_decoder_gets_over_are_a_warning(
    stages: Stages, films: Path, tmp_path: Path
) -> None:
    ended = demux(stages, tmp_path, films / "damaged.mp3")
    assert ended.exit_code == 0, ended.output
    assert "damaged.mp3 is damaged; ffmpeg went on after" in ended.warnings


def test_a_clip_before_the_damage_can_be_used(stages: Stages, films: Path, tmp_path: Path) -> None:
    ended = demux(stages, tmp_path, films / "cut_off_film.mkv", CLIP_END="1.5")
    assert (ended.exit_code, len(samples(ended))) == (0, 1.5 * RATE)


@pytest.mark.parametrize("name", ODD_NAMES)
def test_odd_names_simply_work(stages: Stages, films: Path, tmp_path: Path, name: str) -> None:
    ended = demux(stages, tmp_path, films / "odd" / name)
    assert ended.exit_code == 0, ended.output
    assert beep_seconds(ended) == pytest.approx(BEEP_AT, abs=ENCODER_DELAY)
