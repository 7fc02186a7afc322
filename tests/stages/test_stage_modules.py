"""What the stages decide before they start anything."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from clip import Clip, ClipError, read_clip
from film import AudioTrack, Film, MediaError, choose_track
from muxing import Cut, mux_command
from plan import MKV, MP4, Container, Subtitle, choose_container, make_plan
from sentence import as_sentence
from streams import MediaFile, Stream

from shared.languages import bibliographic, same_language, terminologic
from shared.transcript import Transcript, Word, write_transcript

VIDEO = Stream(0, "video", "h264")
SOUND = Stream(1, "audio", "aac")
GERMAN = Stream(2, "subtitle", "subrip", language="ger", is_default=True)
COVER = Stream(3, "video", "mjpeg", is_cover=True)
FONT = Stream(4, "attachment", "ttf")
PICTURES = Stream(5, "subtitle", "hdmv_pgs_subtitle")
TITLES = Stream(6, "data", "bin_data")
SPANISH = Subtitle(Path("film.es.srt"), "es", cues=2)
NOTHING = Subtitle(Path("film.fr.srt"), "fr", cues=0)


def film_with(*tracks: AudioTrack) -> Film:
    return Film(Path("film.mkv"), {"streams": [{"codec_type": "video"}]}, 60.0, tracks)


def track(number: int, language: str, *, is_default: bool = False) -> AudioTrack:
    return AudioTrack(number, number + 1, "aac", 2, 48000, language, is_default)


def media(*streams: Stream, has_chapters: bool = False) -> MediaFile:
    return MediaFile(Path("/job/input/film.mkv"), streams, 60.0, has_chapters)


@pytest.mark.parametrize(
    ("start", "end", "clip"),
    [
        ("", "", Clip()),
        ("90", "1:31.5", Clip(90, 91.5)),
        (" 1:02:03 ", "", Clip(3723, None)),
        ("", "0.25", Clip(0, 0.25)),
    ],
)
def test_clip_times_are_seconds_or_minutes(start: str, end: str, clip: Clip) -> None:
    assert read_clip(start, end) == clip


@pytest.mark.parametrize("text", ["-1", "1:60", "1:75:00", "1m", "nan", "1e3", ":30"])
def test_what_is_no_time_is_refused_by_name(text: str) -> None:
    with pytest.raises(ClipError, match="CLIP_END is"):
        read_clip("", text)


def test_the_default_track_wins_over_the_first() -> None:
    film = film_with(track(0, "eng"), track(1, "spa", is_default=True))
    assert choose_track(film, "").number == 1
    assert choose_track(film_with(track(0, "eng"), track(1, "spa")), "").number == 0


@pytest.mark.parametrize("wish", ["1", "es", "spa", "es-MX", "ES"])
def test_a_track_is_found_by_number_and_by_any_spelling_of_its_language(wish: str) -> None:
    assert choose_track(film_with(track(0, "eng"), track(1, "spa")), wish).number == 1


def test_a_film_without_sound_says_what_it_has() -> None:
    with pytest.raises(MediaError, match=r"film\.mkv has no audio track; it holds: video"):
        choose_track(film_with(), "")


def test_languages_have_two_codes() -> None:
    assert (terminologic("de"), bibliographic("de")) == ("deu", "ger")
    assert (terminologic("chi"), bibliographic("zh-Hant")) == ("zho", "chi")
    assert bibliographic("yue") == "yue"
    assert (bibliographic("und"), terminologic("english")) == (None, None)
    assert same_language("ger", "deu")
    assert not same_language("", "")


@pytest.mark.parametrize(
    ("wish", "name", "container"),
    [
        ("auto", "a.mp4", MP4),
        ("auto", "a.M4V", MP4),
        ("auto", "a.mov", MKV),
        ("auto", "a", MKV),
        ("mkv", "a.mp4", MKV),
        ("mp4", "a.mkv", MP4),
    ],
)
def test_auto_keeps_mp4_and_makes_matroska_of_the_rest(
    wish: str, name: str, container: Container
) -> None:
    assert choose_container(wish, Path(name)) is container


def test_matroska_keeps_all_but_data() -> None:
    plan = make_plan(media(VIDEO, SOUND, GERMAN, COVER, FONT, PICTURES, TITLES), MKV, [SPANISH])
    assert plan.kept == (VIDEO, SOUND, GERMAN, FONT, PICTURES)
    assert (plan.covers, plan.left_out) == ((COVER,), (TITLES,))


def test_mp4_keeps_the_cover_as_a_stream_and_names_what_it_cannot_hold() -> None:
    plan = make_plan(media(VIDEO, SOUND, GERMAN, COVER, FONT, PICTURES), MP4, [SPANISH])
    assert plan.kept == (VIDEO, SOUND, GERMAN, COVER)
    assert (plan.covers, plan.left_out) == ((), (FONT, PICTURES))


def test_titles_of_chapters_are_not_reported_as_lost() -> None:
    plan = make_plan(media(VIDEO, TITLES, has_chapters=True), MKV, [SPANISH])
    assert (plan.kept, plan.left_out) == ((VIDEO,), ())


def test_a_subtitle_without_a_cue_becomes_no_track() -> None:
    assert make_plan(media(VIDEO), MKV, [NOTHING, SPANISH]).added == (SPANISH,)


def test_new_tracks_are_numbered_after_the_old_ones_and_the_first_is_the_default() -> None:
    plan = make_plan(media(VIDEO, SOUND, GERMAN), MKV, [SPANISH])
    command = " ".join(mux_command(plan, Cut(), [], Path("film.mkv.partial")))
    assert "-c:s:0 copy -disposition:s:0 -default" in command
    assert "-metadata:s:s:1 language=spa -disposition:s:1 default" in command


def test_without_a_new_track_the_old_default_stays() -> None:
    plan = make_plan(media(VIDEO, GERMAN), MKV, [NOTHING])
    assert "-disposition:s:0" not in mux_command(plan, Cut(), [], Path("film.mkv.partial"))


def test_only_the_film_is_cut_to_the_clip() -> None:
    command = mux_command(make_plan(media(VIDEO), MKV, [SPANISH]), Cut(10, 25), [], Path("x"))
    first, second = (
        command.index(name) for name in ("file:/job/input/film.mkv", "file:film.es.srt")
    )
    assert command[first - 5 : first - 1] == ["-ss", "10", "-t", "15"]
    assert command[second - 2 : second] == ["file:/job/input/film.mkv", "-i"]


def test_a_sentence_has_a_capital_and_a_full_stop_in_text_and_words() -> None:
    said = ["so", "i", "think", "i'm", "right"]
    segment = as_sentence([Word(word, n, n + 1, 0.5) for n, word in enumerate(said)])
    assert segment.text == "So I think I'm right."
    assert [word.word for word in segment.words] == segment.text.split()
    assert (segment.start, segment.end, segment.confidence) == (0, 5, 0.5)


def test_a_transcript_is_written_in_the_shared_shape(tmp_path: Path) -> None:
    segment = as_sentence([Word("yes", 0.5, 1.0, 0.9)])
    write_transcript(Transcript("en", (segment,)), tmp_path / "segments.json")
    word = {"word": "Yes.", "start": 0.5, "end": 1.0, "confidence": 0.9}
    assert json.loads((tmp_path / "segments.json").read_text()) == {
        "language": "en",
        "segments": [
            {"start": 0.5, "end": 1.0, "text": "Yes.", "confidence": 0.9, "words": [word]}
        ],
    }
