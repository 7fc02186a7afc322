"""What stage 07 decides about texts and times before any engine listens."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from anchors import match
from passages import Passage, in_parts, of_segments, of_text
from speech_clock import SpeechClock, SpeechMap
from spelling import spellings
from user_text import UserTextError, read_sentences
from word_times import timed

from shared.speech import Speech
from shared.transcript import Segment, Word

NO_SPEECH = SpeechMap(())


def texts(text: str) -> list[str]:
    return text.split()


def row(text: str, step: float = 0.5) -> list[Word]:
    return [Word(word, n * step, n * step + 0.4) for n, word in enumerate(text.split())]


@pytest.mark.parametrize(
    ("word", "spelling"),
    [
        ("Hello,", ("hello",)),
        ("“Don\u2019t!”", ("don't",)),
        ("<i>Café</i>", ("cafe",)),
        ("'tis", ("'tis",)),
        ("Mr.", ("mr",)),
        ("U.S.", ("u.s",)),
    ],
)
def test_words_are_looked_up_without_what_surrounds_them(
    word: str, spelling: tuple[str, ...]
) -> None:
    assert spellings(word)[0] == spelling


def test_a_compound_is_known_by_its_parts() -> None:
    assert ("well", "known") in spellings("well-known")


@pytest.mark.parametrize(
    "word", ["1984", "…", "-", "[music]", "שלום", "映画", "🙂", "a" * 100_000, ""]
)
def test_what_no_dictionary_has_is_not_looked_up(word: str) -> None:
    assert spellings(word) == []


def test_lines_and_sentences_become_segments(tmp_path: Path) -> None:
    text = (
        "\ufeffMr. Dashwood came. “Did he?” Yes!\r\n\r\nA line without an end\nJ. Smith said 3.5 …"
    )
    (tmp_path / "transcript.txt").write_text(text)
    assert [" ".join(words) for words in read_sentences(tmp_path / "transcript.txt")] == [
        "Mr. Dashwood came.",
        "“Did he?”",
        "Yes!",
        "A line without an end",
        "J. Smith said 3.5 …",
    ]


def test_a_text_of_impossible_size_is_refused(tmp_path: Path) -> None:
    with (tmp_path / "transcript.txt").open("wb") as file:
        file.truncate(2**30)
    with pytest.raises(UserTextError, match="no film is said in so many"):
        read_sentences(tmp_path / "transcript.txt")


def test_words_are_found_among_those_that_were_recognised() -> None:
    said = texts("it was the best of times it was the worst of times")
    heard = texts("um it was a best of times it was the first of times")
    assert match(said, heard) == [1, 2, None, 4, 5, 6, 7, 8, 9, None, 11, 12]
    assert match(said, []) == [None] * len(said)
    assert match([], heard) == []


def test_a_text_of_three_hours_is_found_in_proportion_to_its_length() -> None:
    chance = random.Random(7)
    said = [str(chance.randrange(3000)) for _ in range(30_000)]
    heard = [word if chance.random() > 0.3 else "?" for word in said]
    found = match(said, heard)
    right = sum(place == other for place, other in enumerate(found))
    assert right > 0.65 * len(said)
    known = [place for place in found if place is not None]
    assert known == sorted(set(known))


def test_a_text_is_cut_in_pauses_between_words_that_were_recognised() -> None:
    heard = row("a b c d") + [Word(w.word, w.start + 8, w.end + 8) for w in row("e f g h")]
    found = list(of_text(texts("A b, c d. E f g h!"), heard, NO_SPEECH, 20.0))
    assert [passage.words for passage in found] == [
        ("A", "b,", "c", "d."),
        ("E", "f", "g", "h!"),
    ]
    assert 1.9 < found[0].end < 8


def test_a_passage_that_does_not_fit_as_a_whole_has_parts() -> None:
    later = [Word(w.word, w.start + 3, w.end + 3) for w in row("e f g h")]
    hints = (*row("a b c d"), *later)
    passage = Passage(0.0, 6.0, tuple("abcdefgh"), hints, owner=7)
    parts = in_parts(passage, NO_SPEECH)
    assert [("".join(part.words), part.owner) for part in parts] == [("abcd", 7), ("efgh", 7)]
    assert parts[0].sound == ((0.0, parts[1].start),)
    unheard = Passage(0.0, 6.0, tuple("abcdefgh"), (None,) * 8)
    assert [part.words for part in in_parts(unheard, NO_SPEECH)] == [unheard.words]


def test_without_anything_recognised_a_long_text_follows_the_speech() -> None:
    speech = SpeechMap((Speech(0, 200), Speech(300, 500)))
    found = list(of_text(["word"] * 1000, [], speech, 600.0))
    assert len(found) > 1
    assert sum(len(passage.words) for passage in found) == 1000
    before = [passage for passage in found if passage.end <= 300]
    assert sum(len(passage.words) for passage in before) == pytest.approx(500, abs=5)


def test_long_pauses_are_not_listened_to() -> None:
    speech = SpeechMap((Speech(10, 12), Speech(13, 14), Speech(5000, 5002)))
    assert speech.sound(0, 9000) == ((9.5, 14.5), (4999.5, 5002.5))
    assert speech.sound(20, 30) == ((20, 30),)


def test_the_clock_stands_still_in_pauses() -> None:
    clock = SpeechClock([(1.0, 2.0), (5.0, 6.0)])
    assert (clock.time(0.5), clock.time(1.0), clock.time(1.0, is_end=True)) == (1.5, 5.0, 2.0)
    assert (clock.spoken(3.0), clock.spoken(5.5), clock.seconds) == (1.0, 1.5, 2.0)


def test_air_around_a_segment_ends_at_its_neighbours() -> None:
    segments = [Segment(0, 1, "a"), Segment(1.1, 2, "b"), Segment(3, 4, "c")]
    found = list(of_segments(segments, [0, 1, 2], NO_SPEECH))
    assert [passage.sound for passage in found] == [((0, 1.1),), ((1, 2.25),), ((2.75, 4.25),)]


def test_without_alignment_recognised_words_keep_their_times() -> None:
    hint = Word("c", 4.0, 4.5, 0.9)
    passage = Passage(0.0, 10.0, ("Aa", "bb", "C.", "dd"), (None, None, hint, None))
    words = timed(passage, None, NO_SPEECH)
    assert words[2] == Word("C.", 4.0, 4.5, 0.9)
    assert [word.timing for word in words] == [
        "interpolated",
        "interpolated",
        "recognised",
        "interpolated",
    ]
    assert words[1].end == 4.0
    assert words[3].start == 4.5


def test_unknown_words_take_room_from_a_neighbour_that_swallowed_them() -> None:
    passage = Passage(0.0, 2.0, ("four", "4711", "five"), (None,) * 3)
    words = timed(passage, [(0.0, 1.0), None, (1.0, 2.0)], NO_SPEECH)
    assert [(word.start, word.end) for word in words] == [(0.0, 0.5), (0.5, 1.0), (1.0, 2.0)]
    first = timed(Passage(0.0, 2.0, ("42", "go"), (None,) * 2), [None, (0.0, 1.0)], NO_SPEECH)
    assert [(word.start, word.timing) for word in first] == [
        (0.0, "interpolated"),
        (0.5, "interpolated"),
    ]


def test_words_are_spread_over_speech_by_their_letters() -> None:
    speech = SpeechMap((Speech(1, 2), Speech(5, 6)))
    words = timed(Passage(0.0, 9.0, ("aaaa", "bbbb"), (None, None)), None, speech)
    assert [(word.start, word.end) for word in words] == [(1.0, 2.0), (5.0, 6.0)]


def test_a_word_is_cut_to_the_speech_that_it_touches() -> None:
    speech = SpeechMap((Speech(1, 2),))
    passage = Passage(0.0, 9.0, ("a", "b", "c"), (None,) * 3)
    words = timed(passage, [(0.2, 1.5), (1.5, 4.0), (5.0, 6.0)], speech)
    assert [(w.start, w.end) for w in words] == [(1.0, 1.5), (1.5, 2.0), (5.0, 6.0)]


def test_segments_without_time_give_words_without_time() -> None:
    words = timed(Passage(3.0, 3.0, ("no", "time"), (None, None)), None, NO_SPEECH)
    assert {(word.start, word.end) for word in words} == {(3.0, 3.0)}
