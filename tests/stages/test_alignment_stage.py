"""Stage 07 on speech whose words have known times, in its parent image."""

from __future__ import annotations

import array
import json
import statistics
import wave
from pathlib import Path
from typing import Any, Final

import pytest

from tests.stages.alignment_kit import (
    RATE,
    english,
    failure,
    give,
    give_text,
    off,
    pause,
    result,
    said,
    samples,
    segment,
    words,
    write_sound,
)
from tests.stages.containers import Stages

pytestmark = [pytest.mark.images, pytest.mark.engine]

HUMAN: Final = ("0870", "0880", "0890", "0920", "0930")


@pytest.fixture(scope="module")
def word_by_word(stages: Stages, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A job with sentences whose every word has a known beginning and end."""
    made = tmp_path_factory.mktemp("made")
    stages.in_ffmpeg_image(["python3", "/media/spoken_words.py", "/films"], made)
    job = tmp_path_factory.mktemp("word-by-word")
    (job / "01_demux").mkdir()
    (made / "words.wav").rename(job / "01_demux" / "audio.wav")
    sentences = json.loads((made / "words.json").read_text())
    (job / "known.json").write_text(json.dumps(sentences))
    speech = [(row["words"][0]["start"], row["words"][-1]["end"]) for row in sentences]
    give(job, "05_vad", {"segments": [{"start": s, "end": e} for s, e in speech]})
    return job


@pytest.fixture(scope="module")
def people(stages: Stages, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A job with five utterances of a person; human.json has their places."""
    job, track, starts = tmp_path_factory.mktemp("people"), pause(), []
    for name in HUMAN:
        starts.append(len(track) / RATE)
        track += samples(name) + pause()
    write_sound(job, track)
    (job / "starts.json").write_text(json.dumps(starts))
    assert stages is not None  # asked for because it skips where there is none
    return job


def known_words(job: Path) -> list[dict[str, Any]]:
    return words(json.loads((job / "known.json").read_text()))


def test_words_of_a_users_text_begin_within_50_ms_of_when_they_are_said(
    stages: Stages, word_by_word: Path
) -> None:
    known = json.loads((word_by_word / "known.json").read_text())
    give_text(word_by_word, "\n".join(row["text"] for row in known))
    ended = stages.run("07_alignment", word_by_word)
    found = result(ended)
    assert [entry["text"] for entry in found] == [row["text"] for row in known]
    starts = off((w["start"] for w in words(found)), (w["start"] for w in words(known)))
    ends = off((w["end"] for w in words(found)), (w["end"] for w in words(known)))
    assert {word["timing"] for word in words(found)} == {"aligned"}
    assert statistics.median(starts) < 0.05
    assert starts[len(starts) * 95 // 100] < 0.15
    assert statistics.median(ends) < 0.05
    text = (ended.folder / "transcript.txt").read_text()
    assert text == "".join(f"{row['text']}\n" for row in known)


def test_a_word_that_the_engine_does_not_know_is_put_between_its_neighbours(
    stages: Stages, word_by_word: Path
) -> None:
    known = known_words(word_by_word)
    strange = {1: "Zxqvtr", 12: "4711", 13: "שלום", 27: "«Brzk»"}
    text = [strange.get(place, word["word"]) for place, word in enumerate(known)]
    give_text(word_by_word, " ".join(text))
    found = words(result(stages.run("07_alignment", word_by_word)))
    assert {n for n, word in enumerate(found) if word["timing"] == "interpolated"} == set(strange)
    for place in strange:
        assert found[place]["start"] < known[place]["end"]
        assert found[place]["end"] > known[place]["start"]
    aligned = [place for place in range(len(known)) if place not in strange]
    starts = off((found[n]["start"] for n in aligned), (known[n]["start"] for n in aligned))
    assert statistics.median(starts) < 0.05


def test_the_users_spelling_stays_while_the_engine_gets_its_own(
    stages: Stages, people: Path
) -> None:
    text = "“And” MISTER <i>John</i> Dashwood—  had, then leisure; to consider how much"
    text += " there might be prudently in his power to do for them…\n\nHe was not an ill-disposed"
    text += " young man!"
    give_text(people, text)
    found = result(stages.run("07_alignment", people, ALIGN_ENGINE="pocketsphinx"))
    assert [entry["text"] for entry in found] == [
        "“And” MISTER <i>John</i> Dashwood— had, then leisure; to consider how much there might be"
        " prudently in his power to do for them…",
        "He was not an ill-disposed young man!",
    ]
    assert {word["timing"] for word in words(found)} == {"aligned"}
    (people / "input" / "transcript.txt").unlink()


def human_segments(job: Path) -> tuple[list[dict[str, Any]], list[float]]:
    starts = json.loads((job / "starts.json").read_text())
    texts = [said(name) for name in HUMAN]
    segments = [
        segment(start, start + text["d"], text["t"])
        for start, text in zip(starts, texts, strict=True)
    ]
    known = [
        start + word["b"] for start, text in zip(starts, texts, strict=True) for word in text["w"]
    ]
    return segments, known


def test_segments_without_words_get_them(stages: Stages, people: Path) -> None:
    segments, known = human_segments(people)
    give(people, "06_asr", english(*segments))
    found = result(stages.run("07_alignment", people))
    starts = off((word["start"] for word in words(found)), known)
    assert statistics.median(starts) < 0.05
    assert {word["timing"] for word in words(found)} == {"aligned"}
    assert [entry["start"] for entry in found] == [entry["words"][0]["start"] for entry in found]


def test_a_segment_does_not_depend_on_those_before_it(stages: Stages, people: Path) -> None:
    segments, _ = human_segments(people)
    give(people, "06_asr", english(*segments))
    whole = result(stages.run("07_alignment", people))
    give(people, "06_asr", english(segments[-1]))
    assert result(stages.run("07_alignment", people)) == whole[-1:]


def test_words_that_have_times_keep_them_unless_the_text_was_edited(
    stages: Stages, people: Path
) -> None:
    segments, _ = human_segments(people)
    heard = [
        {"word": word, "start": place / 10, "end": (place + 1) / 10, "confidence": 0.5}
        for place, word in enumerate(segments[0]["text"].split())
    ]
    kept = {**segments[0], "suspect": "doubtful", "confidence": 0.4, "words": heard}
    edited = {**segments[1], "words": heard[:3]}
    give(people, "06_asr", english(kept, edited))
    first, second = result(stages.run("07_alignment", people))
    assert first == {**kept, "words": [{**word, "timing": "given"} for word in heard]}
    assert {word["timing"] for word in second["words"]} == {"aligned"}
    first, second = result(stages.run("07_alignment", people, ALIGN_ENGINE="pocketsphinx"))
    assert {word["timing"] for word in words([first, second])} == {"aligned"}
    assert (first["suspect"], first["confidence"]) == ("doubtful", 0.4)


def test_a_text_that_is_not_what_is_said_is_spread_and_reported(
    stages: Stages, people: Path
) -> None:
    segments, _ = human_segments(people)
    wrong = "Wherefore supplementary thermodynamics bewilder kangaroos"
    give(
        people, "06_asr", english({**segments[4], "end": segments[4]["start"] + 1.2, "text": wrong})
    )
    ended = stages.run("07_alignment", people)
    (found,) = result(ended)
    assert {word["timing"] for word in found["words"]} == {"interpolated"}
    assert found["words"][0]["start"] == pytest.approx(segments[4]["start"], abs=0.001)
    assert found["words"][-1]["end"] == pytest.approx(segments[4]["start"] + 1.2, abs=0.001)
    assert "does not fit the sound in 1 places" in ended.warnings


def test_the_first_word_does_not_take_the_music_in_front_of_it(
    stages: Stages, tmp_path: Path
) -> None:
    tone = array.array("h", (round(6000 * ((n * 440 // RATE) % 2) - 3000) for n in range(RATE)))
    write_sound(tmp_path, tone + samples("0880") + tone)
    give(tmp_path, "06_asr", english(segment(0.5, 4.5, said("0880")["t"])))
    give(tmp_path, "05_vad", {"segments": [{"start": 1.2, "end": 3.75}]})
    (found,) = result(stages.run("07_alignment", tmp_path))
    assert found["start"] >= 1.2
    assert found["end"] <= 3.75


def test_three_hours_are_aligned_by_what_was_recognised(
    stages: Stages, word_by_word: Path, tmp_path: Path
) -> None:
    """Every third word was recognised as another; the speech lies an hour apart."""
    with wave.open(str(word_by_word / "01_demux" / "audio.wav")) as file:
        speech = file.readframes(file.getnframes())
    places = (600.0, 5400.0, 10700.0)
    write_sound(tmp_path, pause())
    with (tmp_path / "01_demux" / "audio.wav").open("r+b") as sound:
        header, size = sound.read(44), round(3 * 3600 * RATE) * 2
        sound.seek(0)
        sound.write(header[:4] + (size + 36).to_bytes(4, "little") + header[8:40])
        sound.write(size.to_bytes(4, "little"))
        for place in places:
            sound.seek(44 + round(place * RATE) * 2)
            sound.write(speech)
        sound.truncate(44 + size)
    known = known_words(word_by_word)
    heard = [
        {**word, "word": "uh" if n % 3 == 0 else word["word"].lower(), **at(word, place)}
        for place in places
        for n, word in enumerate(known)
    ]
    give(
        tmp_path,
        "06_asr",
        english(segment(0, 10000, " ".join(w["word"] for w in heard), words=heard)),
    )
    give(tmp_path, "05_vad", {"segments": [{"start": p + 1, "end": p + 35} for p in places]})
    give_text(tmp_path, " ".join(word["word"] for word in known * 3))
    found = words(result(stages.run("07_alignment", tmp_path)))
    expected = [word["start"] + place for place in places for word in known]
    assert statistics.median(off((word["start"] for word in found), expected)) < 0.05
    assert {word["timing"] for word in found} == {"aligned"}
    give(tmp_path, "06_asr", english())
    ended = stages.run("07_alignment", tmp_path)
    found = words(result(ended))
    assert statistics.median(off((word["start"] for word in found), expected)) < 0.05
    assert "cut into" not in ended.warnings  # there are long pauses, but not much speech


def at(word: dict[str, Any], place: float) -> dict[str, float]:
    return {"start": word["start"] + place, "end": word["end"] + place}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b"", "has no words"),
        (b"\xef\xbb\xbf \n\t\n", "has no words"),
        (b"abc\0def", "zero bytes"),
        (b"\xff\xfe\x00\x01", "no text in UTF-8"),
        (b"1\n00:00:01,000 --> 00:00:02,000\nYes\n", "subtitle file"),
    ],
)
def test_what_is_no_transcript_is_refused(
    stages: Stages, people: Path, text: bytes, says: str
) -> None:
    give_text(people, text)
    assert says in failure(stages.run("07_alignment", people), "UserTextError")
    (people / "input" / "transcript.txt").unlink()
