"""Stage 04 on mixes with known voices in known places, and on what is no film's sound."""

from __future__ import annotations

import array
import json
import math
import shutil
import wave
from pathlib import Path
from typing import Any

import pytest

from tests.media.voices import HALF
from tests.stages.containers import PLAIN, Ended, Setup, Stages

pytestmark = [pytest.mark.images, pytest.mark.engine]

STAGE = "04_source_separation"
RATE = 16000
VOLUME = 0.4  # of the voices in all mixes
STAND_IN = Path(__file__).parent / "demucs_stand_in"


@pytest.fixture(scope="module")
def mixes(stages: Stages, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what tests/media/voices.py makes, mixes included."""
    folder = tmp_path_factory.mktemp("mixes")
    stages.in_ffmpeg_image(["python3", "/media/voices.py", "/films", "mixes"], folder)
    return folder


def new_job(job: Path, sound: Path) -> Path:
    shutil.copytree(sound, job / "01_demux")
    return job


def separate(
    stages: Stages, job: Path, sound: Path, setup: Setup = PLAIN, /, **config: str
) -> Ended:
    return stages.run(STAGE, new_job(job, sound), setup, **config)


def report(ended: Ended) -> dict[str, Any]:
    assert ended.exit_code == 0, ended.output
    found: dict[str, Any] = json.loads((ended.folder / "separation.json").read_text())
    assert (ended.folder / "speech.wav").exists() == (found["method"] != "pass-through")
    return found


def samples(path: Path, start: float = 0, end: float = math.inf) -> array.array[int]:
    with wave.open(str(path), "rb") as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, RATE)
        file.setpos(round(start * RATE))
        count = min(file.getnframes(), end * RATE) - round(start * RATE)
        return array.array("h", file.readframes(round(count)))


def level(sound: array.array[int]) -> float:
    """The root mean square in decibels of full scale."""
    return 10 * math.log10(max(1e-12, sum(x * x for x in sound) / len(sound) / 32768**2))


def likeness(first: array.array[int], second: array.array[int], lag: int = 0) -> float:
    """The correlation of two sounds, the second that much earlier."""
    pairs = list(zip(first, second[lag:] if lag >= 0 else second, strict=False))
    product = sum(a * b for a, b in pairs)
    return product / math.sqrt(sum(a * a for a, _ in pairs) * sum(b * b for _, b in pairs))


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
    sound = tmp_path / "sound"
    shutil.copytree(mixes / "wide", sound)
    for name in ("surround.flac", "audio.wav"):
        loop = f"-v error -stream_loop 9 -i /films/{name} /films/long_{name}"
        stages.in_ffmpeg_image(["ffmpeg", "-nostdin", *loop.split()], sound)
        (sound / f"long_{name}").replace(sound / name)
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


@pytest.fixture
def model(tmp_path: Path) -> Setup:
    """A model store with a model for the stand-in."""
    folder = tmp_path / "models" / "demucs" / "htdemucs"
    folder.mkdir(parents=True)
    (folder / "model.th").write_text('["drums", "vocals"]')
    return Setup(models=tmp_path / "models")


def by_model(stages: Stages, job: Path, sound: Path, setup: Setup) -> Ended:
    """The production engine's adapter on a stand-in for demucs and torch."""
    shutil.copytree(STAND_IN, job / "stand_in")
    path = "/app:/job/stand_in"
    config = {"SEPARATION_ENGINE": "demucs", "PYTHONPATH": path}
    return separate(stages, job, sound, setup, **config)


def test_a_model_gets_the_sound_in_chunks_and_gives_speech_in_time(
    stages: Stages, mixes: Path, tmp_path: Path, model: Setup
) -> None:
    sound = tmp_path / "sound"
    shutil.copytree(mixes / "wide", sound)
    for name in ("surround.flac", "audio.wav"):
        loop = f"-v error -stream_loop 2 -i /films/{name} /films/long_{name}"
        stages.in_ffmpeg_image(["ffmpeg", "-nostdin", *loop.split()], sound)
        (sound / f"long_{name}").replace(sound / name)
    ended = by_model(stages, tmp_path / "job", sound, model)
    assert report(ended)["method"] == "demucs"
    calls = [json.loads(line) for line in ended.output.splitlines() if line.startswith("{")]
    assert [call["seconds"] for call in calls] == [30, 30, pytest.approx(9.06, abs=0.01)]
    for call in calls:
        assert (call["channels"], call["shifts"], call["device"]) == (2, 0, "cpu")
        assert call["loudness"] == pytest.approx(1, abs=0.3)
    # The stand-in takes everything for a voice, so that a seam or a delay would be heard.
    speech, audio = samples(ended.folder / "speech.wav"), samples(sound / "audio.wav")
    difference = array.array("h", (a - b for a, b in zip(speech, audio, strict=True)))
    assert level(difference) < level(audio) - 30


def test_a_model_hears_all_channels_but_the_low_one_and_mono_too(
    stages: Stages, mixes: Path, tmp_path: Path, model: Setup
) -> None:
    ended = by_model(stages, tmp_path / "surround", mixes / "surround_moving", model)
    voice = samples(mixes / "voices.wav", 13, 16)
    assert report(ended)["method"] == "demucs"
    assert likeness(samples(ended.folder / "speech.wav", 13, 16), voice) > 0.6

    mono = tmp_path / "mono_sound"
    mono.mkdir()
    shutil.copy(mixes / "wide" / "audio.wav", mono)
    ended = by_model(stages, tmp_path / "mono", mono, model)
    speech, audio = samples(ended.folder / "speech.wav"), samples(mono / "audio.wav")
    assert len(speech) == len(audio)
    assert likeness(speech, audio) > 0.99


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("not a model", "is no model that demucs can load"),
        ('["drums", "bass"]', "separates drums, bass in 2 channels"),
    ],
)
def test_a_file_that_is_no_such_model_is_named(
    stages: Stages, mixes: Path, tmp_path: Path, model: Setup, content: str, said: str
) -> None:
    assert model.models is not None
    (model.models / "demucs" / "htdemucs" / "model.th").write_text(content)
    ended = by_model(stages, tmp_path / "job", mixes / "narrow", model)
    assert ended.exit_code == 1
    assert f"htdemucs/model.th {said}" in ended.errors
