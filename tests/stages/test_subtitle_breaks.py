"""Where a line of a subtitle may end."""

from __future__ import annotations

import pytest
from caption_text import pieces
from graphemes import graphemes, width
from hypothesis import given
from hypothesis import strategies as st
from line_breaking import break_lines
from number_bonds import are_bound
from phrasing import Phrasing


def broken(text: str, language: str = "en", columns: int = 42) -> tuple[str, ...]:
    return break_lines(pieces(text, columns), columns, Phrasing(language))


@pytest.mark.parametrize(
    ("language", "lines"),
    [
        ("en", ("The old bridge was closed", "because the water came up in the night.")),
        ("en", ("I know. The old bridge is closed", "since the night before Christmas.")),
        ("en", ("We went up to the house on the hill,", "but nobody in there heard us.")),
        ("en", ("They have been waiting the whole night", "in the kitchen of the old house.")),
        ("de", ("Die alte Brücke wurde gesperrt,", "weil das Wasser in der Nacht stieg.")),
        ("es", ("El viejo puente estaba cerrado", "porque el agua subió por la noche.")),
        ("fr", ("Le vieux pont était fermé", "parce que l'eau montait dans la nuit.")),
        ("it", ("Il vecchio ponte era chiuso", "perché l'acqua saliva nella notte.")),
        ("pt", ("A velha ponte estava fechada", "porque a água subiu durante a noite.")),
        ("nl", ("De oude brug was gesloten", "omdat het water in de nacht steeg.")),
        ("ca", ("El vell pont estava tancat", "perquè l'aigua va pujar a la nit.")),
        ("fi", ("Vanha silta oli suljettuna yöllä", "vedenpinnan nousun vuoksi kylässä")),
    ],
)
def test_lines_end_at_sentences_clauses_and_before_joining_words(
    language: str, lines: tuple[str, ...]
) -> None:
    assert broken(" ".join(lines), language) == lines


def test_a_text_that_fits_has_one_line() -> None:
    assert broken("Yes, but I do not know who that is.") == ("Yes, but I do not know who that is.",)


@pytest.mark.parametrize("ending", ["the", "of", "and", "my", "was", "Mr."])
def test_no_line_ends_with_a_word_that_leans_on_the_next(ending: str) -> None:
    text = f"Somebody told everyone {ending} Bloomingdale something else"
    first, _ = broken(text)
    assert not first.endswith(ending)


@pytest.mark.parametrize(
    "bound",
    [
        *(
            "10 km",
            "7 o'clock",
            "$ 5",
            "5 %",
            "Mr. Smith",
            "J. R. Tolkien",
            "10 000",
            "3,5 Millionen",
        ),
        *("seven o'clock", "twenty miles", "No. 5", "§ 12", "20 Uhr", "Señora García", "100 ° C"),
        *("10\u00a0km", "Quoi\u00a0?", "«\u202foui\u202f»", "US$ 20 million", "Dr. Ana"),
    ],
)
def test_what_belongs_together_is_on_one_line(bound: str) -> None:
    for before in range(1, 46):
        text = f"{'x' * before} {bound} {'y' * 30}"
        assert any(bound in line for line in broken(text)), text


@pytest.mark.parametrize(
    "words",
    [("So", "I"), ("in", "1984"), ("I.", "Then"), ("10", "people"), ("5,", "km"), ("a", "m")],
)
def test_what_does_not_belong_together_may_be_parted(words: tuple[str, str]) -> None:
    assert not are_bound(*words)


def test_a_bond_longer_than_a_line_is_parted_rather_than_the_line_too_long() -> None:
    assert max(map(len, broken("100000000 000 km", columns=10))) <= 10


def test_a_word_longer_than_a_line_has_a_line_for_itself() -> None:
    assert broken(f"short {'x' * 60}") == ("short", "x" * 60)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("3月5日", ["3月", "5日"]),
        ("「はい」と", ["「は", "い」", "と"]),
        ("コンピューター", ["コンピューター"]),
        ("行って", ["行っ", "て"]),
        ("well-known", ["well-known"]),
        ("yes—no", ["yes—", "no"]),
        ("ภาษา\u200bไทย", ["ภาษา\u200b", "ไทย"]),
        ("เป็นเพื่อน", ["เป็น", "เพื่อน"]),
        ("http://a.example/x-y", ["http://a.example/x-y"]),
    ],
)
def test_words_are_cut_only_where_their_script_allows(text: str, parts: list[str]) -> None:
    assert [piece.text for piece in pieces(text, 42)] == parts


@pytest.mark.parametrize(
    ("text", "letters", "columns"),
    [
        ("नमस्ते", 3, 3),
        ("क्षत्रिय", 3, 3),
        ("مَرْحَبًا", 5, 5),
        ("שָׁלוֹם", 4, 4),
        ("ที่นี่", 2, 2),
        ("น้ำ", 1, 1),
        ("e\u0301", 1, 1),
        ("👩‍👩‍👧", 1, 2),
        ("👍🏽", 1, 2),
        ("🇩🇪🇫🇷", 2, 4),
        ("漢字", 2, 4),
        ("\u1112\u1161\u11ab", 1, 2),
        ("a\u200eb", 3, 2),
    ],
)
def test_letters_are_counted_as_people_see_them(text: str, letters: int, columns: int) -> None:
    assert (len(graphemes(text)), width(text)) == (letters, columns)


@given(st.text(max_size=40))
def test_no_mark_is_parted_from_its_letter(text: str) -> None:
    assert "".join(graphemes(text)) == text
    words = " ".join(text.split())
    found = pieces(words, 10)
    assert "".join(piece.text for piece in found).replace(" ", "") == words.replace(" ", "")
    assert all(piece.text for piece in found)
