"""What glossaries of every form say, and what is told to people whose file is none."""

from __future__ import annotations

from pathlib import Path

import pytest
from glossary_entries import Entry, LeftOut, Reading, read_entries
from glossary_table import GlossaryFileError, read_rows

FILM = Reading("film")


def write(folder: Path, text: str | bytes, name: str = "glossary.tsv") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def read(path: Path, reading: Reading = FILM) -> tuple[list[Entry], list[LeftOut]]:
    left_out: list[LeftOut] = []
    return list(read_entries(path, reading, left_out.append)), left_out


def refusal(path: Path, reading: Reading = FILM) -> str:
    with pytest.raises(GlossaryFileError) as caught:
        read(path, reading)
    return str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "source\tes\tca\nThe Raven\tEl Cuervo\tEl Corb\n",
        "source,es,ca\nThe Raven,El Cuervo,El Corb\n",
        "Source; ES ;ca\r\nThe Raven; El Cuervo ;El Corb\r\n",
        '\ufeffsource, es, ca\r\n"The Raven", "El Cuervo", "El Corb"',
        "# ours\n\n source\tes\tca\t\n\n\t\t\nThe  Raven \tEl Cuervo\tEl Corb\t\n",
        "source\tes\tca\rThe Raven\tEl Cuervo\tEl Corb\r",
    ],
    ids=["tabs", "commas", "semicolons", "mark-and-quotes", "comments-and-blanks", "old-mac"],
)
@pytest.mark.parametrize("name", ["glossary.tsv", "glossary.csv", "glossary"])
def test_tables_are_told_apart_by_what_they_hold(tmp_path: Path, text: str, name: str) -> None:
    ((entry,), left_out) = read(write(tmp_path, text, name))
    assert (entry.source, entry.targets) == ("The Raven", {"es": "El Cuervo", "ca": "El Corb"})
    assert left_out == []


def test_the_first_form_of_the_earlier_system(tmp_path: Path) -> None:
    text = (
        "term\tenglish\talternatives\tcontext\tconfidence\tsource\tfrequency\tnotes\n"
        "yaar\tbuddy\tyar | yaara|\tfriends\t0.9\tmanual\t12\twarm\n"
    )
    ((entry,), _) = read(write(tmp_path, text))
    assert (entry.source, entry.aliases, entry.targets) == (
        "yaar",
        ("yar", "yaara"),
        {"en": "buddy"},
    )
    assert str(entry.place) == "glossary.tsv, line 2"


def test_the_second_form_of_the_earlier_system(tmp_path: Path) -> None:
    text = 'source,preferred_english,notes,context\nbhai,bro,"as in, friend",street\n'
    ((entry,), _) = read(write(tmp_path, text))
    assert (entry.source, entry.targets) == ("bhai", {"en": "bro"})


def test_names_and_terms_that_stay_are_marked(tmp_path: Path) -> None:
    text = "source\tname\tkeep\taliases\nMaren\tyes\t\tMarion|Karen\nloch\tno\tx\t\nhill\t\t\t\n"
    (maren, loch, hill), _ = read(write(tmp_path, text))
    assert (maren.is_name, maren.stays, maren.aliases) == (True, False, ("Marion", "Karen"))
    assert (loch.is_name, loch.stays) == (False, True)
    assert (hill.is_name, hill.stays) == (None, False)


def test_a_column_target_is_for_the_one_language_that_is_wanted(tmp_path: Path) -> None:
    path = write(tmp_path, "source\ttarget\nriver\trío\n")
    assert read(path, Reading("film", targets=("es",)))[0][0].targets == {"es": "río"}
    assert read(path)[0][0].targets == {}
    told = refusal(path, Reading("film", targets=("es", "ca")))
    assert "line 1: a column 'target' is for one language, and TARGET_LANGUAGES has 2" in told


def test_languages_are_named_as_the_translation_names_them(tmp_path: Path) -> None:
    path = write(tmp_path, "source\tspa\tpt_br\nriver\trío\trio\n")
    assert read(path, Reading("film", targets=("es",)))[0][0].targets == {
        "es": "río",
        "pt-BR": "rio",
    }


def test_quotes_emoji_and_right_to_left_are_kept(tmp_path: Path) -> None:
    texts = [
        'the "Raven"',
        "a\u200db 👩‍🚀 {\\an8} <i>&",
        "\u200f\u05e9\u05dc\u05d5\u05dd\u200f",
        "سلام",
        "ม้า",
    ]
    rows = "\n".join('"' + text.replace('"', '""') + '","x, y"' for text in texts)
    entries, _ = read(write(tmp_path, "source,es\n" + rows))
    assert [entry.source for entry in entries] == texts
    assert {entry.targets["es"] for entry in entries} == {"x, y"}


def test_a_text_over_several_lines_is_one_line_and_the_next_has_its_own_number(
    tmp_path: Path,
) -> None:
    (first, second), _ = read(write(tmp_path, 'source,es\n"two\nlines",x\nmore,y\n'))
    assert (first.source, first.place.line) == ("two lines", 2)
    assert second.place.line == 4


def test_rows_that_are_no_terms_are_left_out_by_line(tmp_path: Path) -> None:
    text = f"source\tes\naa\tx\n\ty\n{'b' * 100_000}\tz\ncc\t{'d' * 301}\n"
    entries, left_out = read(write(tmp_path, text))
    assert [entry.source for entry in entries] == ["aa"]
    assert [(row.place.line, row.reason[:40]) for row in left_out] == [
        (3, "the row has no term"),
        (4, "a text has more than 300 letters: 'bbbbb"),
        (5, "a text has more than 300 letters: 'cc'"),
    ]


def test_learned_terms_have_to_be_sure_enough(tmp_path: Path) -> None:
    path = write(tmp_path, "term\tconfidence\nsure\t0.55\nunsure\t0.54\nby hand\t\n")
    entries, left_out = read(path, Reading("learned", least_confidence=0.55))
    assert [entry.source for entry in entries] == ["sure", "by hand"]
    assert [row.reason for row in left_out] == ["confidence below 0.55"]


@pytest.mark.parametrize("text", ["", "\ufeff", "\n\n", "# nothing yet\n", "source\tes\n"])
def test_nothing_in_a_glossary_is_no_fault(tmp_path: Path, text: str) -> None:
    assert read(write(tmp_path, text)) == ([], [])


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("source\tes".encode("utf-16"), "line 1: the file is written in UTF-16. Save it as UTF-8"),
        (b"source\tes\nr\xedo\tx\n", "is not UTF-8"),
        (b"\x1aE\xdf\xa3\0\0", "line 1: this is no text file. Expected is a table"),
        ("village\taldea\n", "line 1: the first line has to name the columns, and 'village', 'a"),
        (
            "# x\nsource\tcolour\n",
            "line 2: the first line has to name the columns, and 'colour' is",
        ),
        ("es\tca\n", "line 1: no column holds the terms. Expected are source (or term) and any"),
        ("source\tes\tspa\n", "line 1: two columns mean the same: es, spa."),
        ("source\tsource\n", "line 1: two columns mean the same: source."),
        ("source\tes\na\tb\nc\td\te\n", "line 3: the row has 3 cells, and the header 2"),
        ('source,es\na,b\n"c"d,e\nf,g\n', "line 3: the quotes here do not fit"),
        ('source\tes\na\tb\n"c\td\ne\tf\n', "line 3: the quotes here do not fit"),
        ("source\tconfidence\na\thigh\n", "line 2: the confidence is 'high'. Expected is a number"),
        ("source\tconfidence\na\tnan\n", "line 2: the confidence is 'nan'"),
        ("source\tkeep\na\tmaybe\n", "line 2: the column keep has 'maybe'. Expected is yes or no"),
    ],
)
def test_what_is_no_glossary_is_refused_by_file_and_line(
    tmp_path: Path, text: str | bytes, told: str
) -> None:
    message = refusal(write(tmp_path, text), Reading("film", targets=("es",)))
    assert message.startswith("glossary.tsv, line ")
    assert told in message


def test_a_huge_file_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "big.tsv").open("wb") as file:
        file.truncate(17 * 1024 * 1024)
    with pytest.raises(GlossaryFileError, match="a glossary may have"):
        next(read_rows(tmp_path / "big.tsv"))
