"""What the stages decide before they start anything."""

from __future__ import annotations

import json
from pathlib import Path

from sentence import as_sentence

from shared.languages import bibliographic, same_language, terminologic
from shared.transcript import Transcript, Word, write_transcript


def test_languages_have_two_codes() -> None:
    assert (terminologic("de"), bibliographic("de")) == ("deu", "ger")
    assert (terminologic("chi"), bibliographic("zh-Hant")) == ("zho", "chi")
    assert bibliographic("yue") == "yue"
    assert (bibliographic("und"), terminologic("english")) == (None, None)
    assert same_language("ger", "deu")
    assert not same_language("", "")


def test_a_sentence_has_a_capital_and_a_full_stop_in_text_and_words() -> None:
    said = ["so", "i", "think", "i'm", "right"]
    segment = as_sentence([Word(word, n, n + 1, 0.5) for n, word in enumerate(said)])
    assert segment.text == "So I think I'm right."
    assert [word.word for word in segment.words] == segment.text.split()
    assert (segment.start, segment.end, segment.confidence) == (0, 5, 0.5)


def test_a_transcript_is_written_in_the_shared_shape(tmp_path: Path) -> None:
    segment = as_sentence([Word("yes", 0.5, 1.0, 0.9)])
    write_transcript(Transcript("en", (segment,)), tmp_path / "segments.json")
    word = {"word": "Yes.", "start": 0.5, "end": 1.0, "confidence": 0.9, "timing": "recognised"}
    assert json.loads((tmp_path / "segments.json").read_text()) == {
        "language": "en",
        "segments": [
            {"start": 0.5, "end": 1.0, "text": "Yes.", "confidence": 0.9, "words": [word]}
        ],
    }
