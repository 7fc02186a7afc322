"""Stage 08's languages, pieces, terms and reports, without any engine."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import pytest
from apertium_modes import find_modes
from segment_translation import Translation, translate_segments
from target_languages import LanguageError, choose_languages
from term_masking import TermFinder, mask
from text_pieces import cut, has_words, in_one_line, undecorated
from translation_engine import (
    AttemptError,
    Attempts,
    Engine,
    EngineError,
    Outcome,
    StandIns,
    translate_texts,
)

from shared.glossary import Term
from shared.transcript import Segment

MODES = ["cat-eng", "cat-eng_US", "eng-cat", "eng-cat_valencia", "eng-spa", "spa-eng", "en-gl"]
FRODO = Term("Frodo", aliases=("Mr. Underhill",), targets={"es": "Frodo Bolsón"})
RING = Term("ring bearer", targets={"pt": "portador", "pt-BR": "guardião", "zh-Hant": "持戒人"})


def names() -> Iterator[str]:
    return iter(("Peter", "John"))


class ShoutingEngine:
    """An engine for tests: shouts, after what `spoil` makes of the text."""

    def __init__(
        self,
        spoil: Callable[[str], str] = str,
        stand_ins: tuple[StandIns, ...] = (names,),
        limit: int = 1000,
    ) -> None:
        self.stand_ins: tuple[StandIns, ...] = stand_ins
        self.at_once: int = 3
        self.limit: int = limit
        self.heard: list[str] = []
        self._spoil = spoil

    def size(self, text: str) -> int:
        return len(text)

    def translate(self, texts: Sequence[str]) -> list[Outcome]:
        self.heard += texts
        return [
            Outcome(reason="it is unspeakable", is_failure=True)
            if "unspeakable" in text
            else Outcome(self._spoil(text).upper())
            for text in texts
        ]


def translate(
    texts: Sequence[str], engine: Engine, terms: Sequence[Term] = (), language: str = "es"
) -> Translation:
    segments = [Segment(number, number + 1, text) for number, text in enumerate(texts)]
    return translate_segments(segments, engine, TermFinder(terms, language), lambda _done: None)


def said(translation: Translation) -> list[str]:
    return [segment.text for segment in translation.segments]


def test_languages_are_written_in_the_usual_way_and_named_once() -> None:
    languages = choose_languages("en", "en", ["ES", "pt_br", "zh-hant", "ca-valencia", "spa"])
    assert languages.targets == ("es", "pt-BR", "zh-Hant", "ca-valencia")
    assert languages.warnings == ("TARGET_LANGUAGES names spa more than once.",)


def test_what_is_spoken_is_not_translated_into_itself() -> None:
    languages = choose_languages("en-GB", "auto", ["eng", "es"])
    assert languages.targets == ("es",)
    assert "Nothing is translated into eng" in languages.warnings[0]


def test_the_language_of_the_transcript_wins_over_the_setting() -> None:
    languages = choose_languages("fr", "en", ["en"])
    assert (languages.source, languages.targets) == ("fr", ("en",))
    assert "SOURCE_LANGUAGE is en" in languages.warnings[0]
    assert choose_languages("und", "de", []).source == "de"


@pytest.mark.parametrize("wish", ["../up", "spanish", "e", "es/ca", "und", "*"])
def test_no_file_is_named_after_what_is_no_language(wish: str) -> None:
    with pytest.raises(LanguageError, match="is no language"):
        choose_languages("en", "en", [wish])


def test_a_transcript_in_no_language_needs_the_setting() -> None:
    with pytest.raises(LanguageError, match="Set SOURCE_LANGUAGE"):
        choose_languages("auto", "auto", ["es"])


def test_pairs_are_found_by_any_spelling_and_by_variant() -> None:
    targets = ["es", "ca", "ca-valencia", "gl", "es-MX"]
    found = find_modes("en", targets, MODES)
    assert found == ["eng-spa", "eng-cat", "eng-cat_valencia", "en-gl", "eng-spa"]
    assert find_modes("ca", ["en-US", "en-GB"], MODES) == ["cat-eng_US", "cat-eng"]


def test_all_pairs_that_are_missing_are_named_with_those_there_are() -> None:
    with pytest.raises(
        EngineError, match=r"from en into fr, ja\. It has cat-eng, eng-cat, eng-spa"
    ):
        find_modes("en", ["fr", "es", "ja"], MODES)


def test_control_characters_and_lone_surrogates_become_harmless() -> None:
    assert in_one_line(" a\0b\nc\u2028d\ud800 \x1b ") == "a b c d�"
    assert in_one_line("👩\u200d🚀 नमस्ते") == "👩\u200d🚀 नमस्ते"
    assert not has_words("♪ 12:30 -- 🙂")
    assert has_words("こ")


def test_a_long_text_is_cut_at_sentences_then_clauses_then_words() -> None:
    text = "One two. Three, four five six seven! Eight."
    assert cut(text, len, 100) == [text]
    assert cut(text, len, 30) == ["One two.", "Three, four five six seven!", "Eight."]
    assert cut(text, len, 20) == ["One two.", "Three,", "four five six seven!", "Eight."]
    assert cut(text, len, 12) == ["One two.", "Three,", "four five", "six seven!", "Eight."]
    assert cut(text, len, 4) is None
    assert cut("你好。再見。", len, 3) == ["你好。", "再見。"]


def test_tags_and_emoji_around_what_is_said_are_set_apart() -> None:
    assert undecorated("{\\an8}<i>♪ Go! ♪</i> 🙂") == ("{\\an8}<i>♪ ", "Go!", " ♪</i> 🙂")
    assert undecorated("$5 < $6") == ("", "$5 < $6", "")
    assert undecorated("♪") == ("♪", "", "")


def test_a_text_too_long_comes_back_as_one_and_in_order() -> None:
    engine = ShoutingEngine(limit=12)
    outcomes = translate_texts(engine, ["One two. Three four.", "…", "x" * 13, "Five."])
    assert [outcome.text for outcome in outcomes] == ["ONE TWO. THREE FOUR.", "…", "", "FIVE."]
    assert outcomes[2].reason == "it has a word that is too long"
    assert engine.heard == ["One two.", "Three four.", "Five."]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("FRODO, go!", ["Frodo Bolsón"]),
        ("Frodos and frodo-like", ["Frodo Bolsón"]),
        ("Mr.  Underhill\N{RIGHT SINGLE QUOTATION MARK}s inn", ["Frodo Bolsón"]),
        ("Underhill", []),
        ("an unfrodo", []),
    ],
)
def test_terms_are_whole_words_in_any_capitals(text: str, found: list[str]) -> None:
    assert [match.translation for match in TermFinder([FRODO], "es").find(text)] == found


def test_the_longest_term_wins_and_the_first_of_equals() -> None:
    terms = [Term("York"), Term("New York", targets={"es": "Nueva York"}), Term("york")]
    matches = TermFinder(terms, "es").find("New York and york")
    assert [match.translation for match in matches] == ["Nueva York", "York"]


def test_terms_are_found_in_scripts_without_blanks_and_with_vowel_signs() -> None:
    assert TermFinder([Term("東京")], "es").find("私は東京に住む")[0].translation == "東京"
    assert not TermFinder([Term("राम")], "es").find("रामा")


@pytest.mark.parametrize(
    ("language", "translation"),
    [("pt-BR", "guardião"), ("pt-PT", "portador"), ("zh", "持戒人"), ("fr", "ring bearer")],
)
def test_the_text_of_the_nearest_language_is_taken(language: str, translation: str) -> None:
    (match,) = TermFinder([RING], language).find("the Ring Bearer")
    assert match.translation == translation


def test_terms_stand_in_the_translation_as_the_glossary_has_them() -> None:
    translation = translate(
        ["I saw frodo.", "Ring bearer! The ring bearer?"], ShoutingEngine(), [FRODO, RING], "pt"
    )
    assert said(translation) == ["I SAW Frodo.", "Portador! THE portador?"]
    assert translation.in_parts == 0


def test_a_stand_in_is_nothing_that_is_said() -> None:
    matches = TermFinder([FRODO], "es").find("Frodo and Peter")
    masked = mask("Frodo and Peter", matches, names())
    assert masked is not None
    assert masked.text == "John and Peter"
    assert mask("Frodo, Peter, John", matches, names()) is None


def drop(text: str) -> str:
    return text.replace("Peter", "")


def double(text: str) -> str:
    return text.replace("Peter", "Peter Peter")


def glue(text: str) -> str:
    return text.replace("Peter", "Peterha")


@pytest.mark.parametrize("spoil", [drop, double, glue])
def test_terms_that_an_engine_spoils_are_kept_by_translating_around_them(
    spoil: Callable[[str], str],
) -> None:
    translation = translate(["I saw Frodo, there.", "Where?"], ShoutingEngine(spoil), [FRODO])
    assert said(translation) == ["I SAW Frodo Bolsón, THERE.", "WHERE?"]
    assert translation.in_parts == 1


def test_another_kind_of_stand_in_is_tried_before_that() -> None:
    engine = ShoutingEngine(drop, (names, lambda: iter(["Zx0q"])))
    translation = translate(["I saw Frodo."], engine, [FRODO])
    assert said(translation) == ["I SAW Frodo Bolsón."]
    assert engine.heard == ["I saw Peter.", "I saw Zx0q."]
    assert translation.in_parts == 0


def test_particles_may_be_written_behind_a_stand_in() -> None:
    matches = TermFinder([FRODO], "es").find("Frodo is")
    masked = mask("Frodo is", matches, names())
    assert masked is not None
    assert masked.restore("Peter는 있다") == "Frodo Bolsón는 있다"


def test_what_is_not_translated_is_reported_and_never_the_source() -> None:
    translation = translate(
        ["Go!", "unspeakable words", "Stop!", "12:30", "♪\n♪"], ShoutingEngine()
    )
    assert said(translation) == ["GO!", "", "STOP!", "12:30", "♪\n♪"]
    (missing,) = translation.untranslated
    assert (missing.source_text, missing.untranslated) == ("unspeakable words", "it is unspeakable")


def test_an_engine_that_gives_nothing_back_is_reported() -> None:
    translation = translate(["Go!", "Stop!"], ShoutingEngine(lambda text: text.replace("Go", "")))
    assert [segment.untranslated for segment in translation.segments] == [
        "the engine gave nothing back",
        None,
    ]


def test_segments_keep_their_times_and_marks_and_lose_the_words_of_the_source() -> None:
    segment = Segment(1.5, 0.5, "Go!", 0.4, suspect="a loop")
    finder = TermFinder([], "es")
    (found,) = translate_segments([segment], ShoutingEngine(), finder, lambda _: None).segments
    assert found == Segment(1.5, 0.5, "GO!", 0.4, suspect="a loop", source_text="Go!")


def test_progress_is_told_after_each_group() -> None:
    segments = [Segment(0, 1, "Go!")] * 7
    told: list[int] = []
    translate_segments(segments, ShoutingEngine(), TermFinder([], "es"), told.append)
    assert told == [3, 6, 7]


def test_an_engine_that_fails_with_everything_fails_the_stage() -> None:
    with pytest.raises(EngineError, match="failed with all 2 segments: it is unspeakable"):
        translate(["unspeakable", "♪", "unspeakable too"], ShoutingEngine())


def test_a_batch_that_fails_is_tried_in_halves() -> None:
    def attempt(texts: Sequence[str]) -> list[Outcome]:
        if "bad" in texts:
            message = "it is bad"
            raise AttemptError(message)
        return [Outcome(text.upper()) for text in texts]

    outcomes = Attempts(attempt).translate(["a", "b", "bad", "c", "d"])
    assert [outcome.text for outcome in outcomes] == ["A", "B", "", "C", "D"]
    assert [outcome.reason for outcome in outcomes if outcome.is_failure] == ["it is bad"]
    with pytest.raises(EngineError, match="failed 20 times in a row, last because it is bad"):
        Attempts(attempt).translate(["bad"] * 100)
