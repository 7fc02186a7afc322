"""Stage 04 on mixes with known voices in known places, and on what is no film's sound."""

from __future__ import annotations

import array
import json
import math
import shutil
import wave
from pathlib import Path

import pytest

from tests.media.voices import HALF
from tests.stages.containers import Stages
from tests.stages.separated_sound import (
    RATE,
    STAGE,
    level,
    likeness,
    looped,
    new_job,
    report,
    samples,
    separate,
)

pytestmark = [pytest.mark.images, pytest.mark.engine]

VOLUME = 0.4  # of the voices in all mixes


def test_wide_music_goes_and_the_voice_in_the_centre_stays(
    stages: Stages, mixes: Path, tmp_path: Path
) -> None:
    ended = separate(stages, tmp_path, mixes / "wide")
    found = report(ended)
    assert found["method"] == "centre-mask"
    assert found["measured"]["side_to_mid_db"] == pytest.approx(-3, abs=0.5)
    assert found["kept_as_it_was"]["passages"] == []
    speech, audio = ended.folder / "speech.wav", mixes / "wide" / "audio.wav"
    assert len(samples(speech)) == len(samples(audio))
    assert level(samples(speech, 0, 0.9)) < level(samples(audio, 0, 0.9)) - 12  # music alone
    voice = samples(mixes / "voices.wav", 1, 3)
    assert likeness(samples(speech, 1, 3), voice) > 0.95
    assert likeness(samples(audio, 1, 3), voice) < 0.9
    assert level(samples(speech, 1, 3)) == pytest.approx(
        level(voice) + 20 * math.log10(VOLUME), abs=1
    )
    again = speech.read_bytes()
    assert stages.run(STAGE, tmp_path).exit_code == 0
    assert speech.read_bytes() == again


def test_speech_keeps_its_time_and_its_sound_over_all_edges(
    stages: Stages, mixes: Path, tmp_path: Path
) -> None:
    ended = separate(stages, tmp_path, mixes / "opposed")
    assert report(ended)["method"] == "centre-mask"
    # Both sides are the same until HALF: there nothing may change, also where blocks of 10 s meet.
    speech = samples(ended.folder / "speech.wav", 0, HALF - 1)
    audio = samples(mixes / "opposed" / "audio.wav", 0, HALF - 1)
    difference = array.array("h", (a - b for a, b in zip(speech, audio, strict=True)))
    assert level(difference) < level(audio) - 30
    assert likeness(speech, audio) > max(likeness(speech, audio, 1), likeness(audio, speech, 1))


def test_the_centre_of_surround_sound_is_taken_as_it_is(
    stages: Stages, mixes: Path, tmp_path: Path
) -> None:
    ended = separate(stages, tmp_path, mixes / "surround")
    assert report(ended)["method"] == "centre-channel"
    speech = samples(ended.folder / "speech.wav")
    assert len(speech) == len(samples(mixes / "surround" / "audio.wav"))
    assert likeness(speech, samples(mixes / "voices.wav")) > 0.99


def test_surround_sound_may_end_where_a_block_of_it_ends(
    stages: Stages, mixes: Path, tmp_path: Path
) -> None:
    sound = tmp_path / "sound"
    sound.mkdir()
    for name in ("surround.flac", "audio.wav"):
        shutil.copy(mixes / "surround" / name, sound / f"whole_{name}")
        cut = f"-v error -i /films/whole_{name} -t 4 /films/{name}"
        stages.in_ffmpeg_image(["ffmpeg", "-nostdin", *cut.split()], sound)
    ended = separate(stages, tmp_path / "job", sound)
    assert report(ended)["method"] == "centre-channel"
    assert len(samples(ended.folder / "speech.wav")) == 4 * RATE


def test_the_stated_layout_wins_over_the_usual_one(
    stages: Stages, mixes: Path, tmp_path: Path
) -> None:
    job = new_job(tmp_path, mixes / "surround")
    streams = [{"index": 1, "channel_layout": "6.0(front)"}]
    probe = {"audio_track": {"stream": 1}, "streams": streams}
    (job / "01_demux" / "probe.json").write_text(json.dumps(probe))
    found = report(stages.run(STAGE, job))
    assert (found["layout"], found["method"]) == ("6.0(front)", "pass-through")


def test_a_front_pair_with_a_voice_in_its_middle_does_for_an_empty_centre(
    stages: Stages, mixes: Path, tmp_path: Path
) -> None:
    ended = separate(stages, tmp_path, mixes / "surround_front")
    assert report(ended)["method"] == "centre-mask"
    voice = samples(mixes / "voices.wav", 1, 3)
    assert likeness(samples(ended.folder / "speech.wav", 1, 3), voice) > 0.95


@pytest.mark.parametrize(
    ("mix", "reason"),
    [
        ("narrow", "Left and right are nearly the same"),
        ("left", "the voices are elsewhere"),
        ("left_in_music", "the voices are elsewhere"),
        ("surround_beside", "there is sound in others"),
        ("silent", "silent"),
    ],
)
def test_what_would_only_lose_is_passed_through(
    stages: Stages, mixes: Path, tmp_path: Path, mix: str, reason: str
) -> None:
    found = report(separate(stages, tmp_path, mixes / mix))
    assert found["method"] == "pass-through"
    assert reason in found["reason"]


@pytest.mark.parametrize("mix", ["moving", "surround_moving"])
def test_a_voice_that_leaves_the_centre_stays_audible(
    stages: Stages, mixes: Path, tmp_path: Path, mix: str
) -> None:
    ended = separate(stages, tmp_path, mixes / mix)
    [passage] = report(ended)["kept_as_it_was"]["passages"]
    assert passage["start"] == pytest.approx(HALF, abs=1)
    assert passage["end"] > 21
    speech, audio = ended.folder / "speech.wav", mixes / mix / "audio.wav"
    assert samples(speech, 13, 21) == samples(audio, 13, 21)
    assert samples(speech, 1, 10) != samples(audio, 1, 10)


def test_music_at_one_side_is_no_voice_that_must_be_kept(
    stages: Stages, mixes: Path, tmp_path: Path
) -> None:
    ended = separate(stages, tmp_path, mixes / "music_at_left")
    found = report(ended)
    assert found["method"] == "centre-mask"
    for said in json.loads((mixes / "voices.json").read_text()):
        for part in found["kept_as_it_was"]["passages"]:
            assert part["end"] <= said["start"] or said["end"] <= part["start"]
    speech, audio = ended.folder / "speech.wav", mixes / "music_at_left" / "audio.wav"
    voice = samples(mixes / "voices.wav", 1, 3)
    assert likeness(samples(speech, 1, 3), voice) > 0.95
    assert likeness(samples(audio, 1, 3), voice) < 0.9


def test_a_film_with_one_channel_is_passed_through(
    stages: Stages, mixes: Path, tmp_path: Path
) -> None:
    job = new_job(tmp_path, mixes / "wide")
    (job / "01_demux" / "surround.flac").unlink()
    found = report(stages.run(STAGE, job))
    assert found["reason"] == "The film's sound has one channel only."


def test_other_rates_and_short_films_keep_their_length_to_the_sample(
    stages: Stages, mixes: Path, tmp_path: Path
) -> None:
    sound = tmp_path / "sound"
    sound.mkdir()
    shutil.copy(mixes / "wide" / "surround.flac", sound / "whole.flac")
    for target, extra in (("surround.flac", "-ar 44100"), ("audio.wav", "-ar 16000 -ac 1")):
        cut = f"-v error -ss 1.5 -i /films/whole.flac -t 1.0001 {extra} /films/{target}"
        stages.in_ffmpeg_image(["ffmpeg", "-nostdin", *cut.split()], sound)
    (sound / "whole.flac").unlink()
    ended = separate(stages, tmp_path / "job", sound)
    assert report(ended)["sample_rate"] == 44100
    speech = samples(ended.folder / "speech.wav")
    assert len(speech) == len(samples(sound / "audio.wav"))
    assert likeness(speech, samples(mixes / "voices.wav", 1.5, 2.5)) > 0.95


def test_memory_does_not_grow_with_the_length(stages: Stages, mixes: Path, tmp_path: Path) -> None:
    sound = looped(stages, mixes / "wide", tmp_path / "sound", 10)
    short = separate(stages, tmp_path / "short", mixes / "wide")
    long = separate(stages, tmp_path / "long", sound)
    assert report(long)["method"] == report(short)["method"]
    used = [ended.manifest["resources"]["memory_mb"] for ended in (short, long)]
    assert used[1] < 140
    assert used[1] - used[0] < 30  # the sound itself would be 85 MB as floats


def test_sound_that_does_not_belong_to_the_recording_is_left_out_and_said(
    stages: Stages, mixes: Path, tmp_path: Path
) -> None:
    job = new_job(tmp_path, mixes / "wide")
    audio = job / "01_demux" / "audio.wav"
    audio.write_bytes(b"")
    with wave.open(str(audio), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(bytes(20 * RATE))
    ended = stages.run(STAGE, job)
    assert report(ended)["method"] == "pass-through"
    assert "22.4 s and the recording 10.0 s: they do not belong together" in ended.warnings


@pytest.mark.parametrize(("name", "said"), [("surround.flac", "cannot be read"), ("audio.wav", "")])
def test_what_is_no_sound_is_refused_by_name(
    stages: Stages, mixes: Path, tmp_path: Path, name: str, said: str
) -> None:
    job = new_job(tmp_path, mixes / "wide")
    (job / "01_demux" / name).write_text("This is no sound.\n" * 100)
    ended = stages.run(STAGE, job)
    assert (ended.exit_code, ended.manifest["status"]) == (1, "failed")
    assert name in ended.errors
    assert said in ended.errors
