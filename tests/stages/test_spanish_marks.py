"""Where stage 08 opens Spanish questions and exclamations, as the Academy's rules have it."""

from __future__ import annotations

import pytest
from spanish_marks import with_opening_marks


@pytest.mark.parametrize(
    ("text", "opened"),
    [
        ("Hola. Dónde eres?", "Hola. ¿Dónde eres?"),
        ('{\\an8}<i>- "Espera!" 🙂</i>', '{\\an8}<i>- "¡Espera!" 🙂</i>'),
        ("U.S.A.? Sí.", "¿U.S.A.? Sí."),
        ("Qué?...", "¿Qué?..."),
        ("?! 12?", "?! 12?"),
        ("Nada.", "Nada."),
        ("", ""),
    ],
)
def test_questions_and_exclamations_are_opened(text: str, opened: str) -> None:
    assert with_opening_marks(text) == opened


@pytest.mark.parametrize(
    ("text", "opened"),
    [
        ("Qué?!", "¡¿Qué?!"),
        ("Qué!?", "¿¡Qué!?"),
        ("Traidor!!!", "¡¡¡Traidor!!!"),
    ],
)
def test_as_many_marks_open_as_close(text: str, opened: str) -> None:
    assert with_opening_marks(text) == opened


@pytest.mark.parametrize(
    "text", ["Hola, ¿dónde?", "¿Hola, dónde?", "¡Hola, dónde?", "Pero, ¿qué haces?", "¡¿Qué?!"]
)
def test_what_is_open_is_not_opened_again(text: str) -> None:
    assert with_opening_marks(text) == text


@pytest.mark.parametrize(
    ("text", "opened"),
    [
        ("¡Ay!, dónde está?", "¡Ay!, ¿dónde está?"),
        ("Quién es?, dónde vive?", "¿Quién es?, ¿dónde vive?"),
        ('"¡Ay!" Dónde está?', '"¡Ay!" ¿Dónde está?'),
        ('"Ay!", dónde está?', '"¡Ay!", ¿dónde está?'),
    ],
)
def test_a_mark_that_was_closed_opens_nothing_behind_it(text: str, opened: str) -> None:
    assert with_opening_marks(text) == opened


@pytest.mark.parametrize(
    ("text", "opened"),
    [
        ("Pero, qué haces?", "Pero, ¿qué haces?"),
        ("Mañana, con quién vienes?", "Mañana, ¿con quién vienes?"),
        ("Dime, Peter, qué haces, y dónde?", "Dime, Peter, ¿qué haces, y dónde?"),
        ("Peter, <i>cuántas tienes?</i>", "Peter, <i>¿cuántas tienes?</i>"),
        ("Qué quieres, Peter?", "¿Qué quieres, Peter?"),
        ("Qué quieres: café o té?", "¿Qué quieres: café o té?"),
        ("Quieres que yo, tu padre, sepa qué hacer?", "¿Quieres que yo, tu padre, sepa qué hacer?"),
        ("No sabes, porque nadie sabe cómo?", "¿No sabes, porque nadie sabe cómo?"),
    ],
)
def test_a_question_begins_at_the_clause_that_asks(text: str, opened: str) -> None:
    assert with_opening_marks(text) == opened


@pytest.mark.parametrize(
    ("text", "opened"),
    [
        ("Pero qué haces?", "Pero ¿qué haces?"),
        ("No sé, pero quién eres?", "No sé, pero ¿quién eres?"),
        ("Pero, te gusta?", "Pero, ¿te gusta?"),
        ("Y tú?", "¿Y tú?"),
        ("O no?", "¿O no?"),
        ("Pero vienes?", "Pero ¿vienes?"),
        ("Pero?", "¿Pero?"),
    ],
)
def test_a_conjunction_stays_before_the_mark(text: str, opened: str) -> None:
    assert with_opening_marks(text) == opened


@pytest.mark.parametrize(
    ("text", "source", "opened"),
    [
        ("Peter, eres loco?", "Peter, are you crazy?", "Peter, ¿eres loco?"),
        ("Eres loco, Peter?", "Are you crazy, Peter?", "¿Eres loco, Peter?"),
        ("Ana Duarte, ven!", "Ana Duarte, come!", "Ana Duarte, ¡ven!"),
        ("Entonces, Peter, vienes?", "So, Peter, will you come?", "Entonces, Peter, ¿vienes?"),
        ("Peter, John?", "Peter, John?", "¿Peter, John?"),
        ("Peter, Peter!", "Peter, Peter!", "¡Peter, Peter!"),
        ("Señor, tienes tiempo?", "Sir, do you have time?", "Señor, ¿tienes tiempo?"),
        ("Vienes, señor?", "Do you come, sir?", "¿Vienes, señor?"),
        ("Sí, señor!", "Yes, sir!", "¡Sí, señor!"),
        ("Vienes, hijo mío?", "Are you coming, my son?", "¿Vienes, hijo mío?"),
    ],
)
def test_who_is_addressed_stays_before_the_mark_and_after_what_is_asked(
    text: str, source: str, opened: str
) -> None:
    assert with_opening_marks(text, source) == opened


@pytest.mark.parametrize(
    ("text", "opened"),
    [
        ("Si quieres, vienes conmigo?", "Si quieres, ¿vienes conmigo?"),
        ("Aunque llueve, ven!", "Aunque llueve, ¡ven!"),
        ("En cuanto a Peter, viene?", "En cuanto a Peter, ¿viene?"),
        ("Bien, te gusta?", "Bien, ¿te gusta?"),
        ("Sí, o no?", "¿Sí, o no?"),
        ("Me pregunto: vendrá?", "Me pregunto: ¿vendrá?"),
        ("Café, té o agua?", "¿Café, té o agua?"),
    ],
)
def test_what_leads_to_a_question_stays_before_the_mark(text: str, opened: str) -> None:
    assert with_opening_marks(text) == opened


@pytest.mark.parametrize(
    ("text", "opened"),
    [
        ("Te gusta, no?", "Te gusta, ¿no?"),
        ("Peter, te gusta, verdad?", "Peter, te gusta, ¿verdad?"),
        ("Qué quieres, eh?", "¿Qué quieres, eh?"),
        ("No, no!", "¡No, no!"),
    ],
)
def test_a_statement_is_no_part_of_the_question_behind_it(text: str, opened: str) -> None:
    assert with_opening_marks(text) == opened


@pytest.mark.parametrize(
    ("text", "opened"),
    [
        ("Oh, qué bello!", "¡Oh, qué bello!"),
        ("Peter, oh, qué bello!", "Peter, ¡oh, qué bello!"),
        ("Pero, qué bello!", "Pero, ¡qué bello!"),
        ("Hola, Peter!", "¡Hola, Peter!"),
    ],
)
def test_an_exclamation_begins_with_its_interjection(text: str, opened: str) -> None:
    assert with_opening_marks(text) == opened


@pytest.mark.parametrize(
    ("text", "opened"),
    [
        ('Le pedí: "Por qué?"', 'Le pedí: "¿Por qué?"'),
        ("Preguntó «qué haces?» y calló.", "Preguntó «¿qué haces?» y calló."),
        ("Vino (con quién?)", "Vino (¿con quién?)"),
        ('Dijo "sí"?', '¿Dijo "sí"?'),
        ("O'Brien dijo 'vienes?'", "O'Brien dijo '¿vienes?'"),
        ('Vienes?"', '¿Vienes?"'),
    ],
)
def test_a_quoted_question_is_opened_within_its_quotes(text: str, opened: str) -> None:
    assert with_opening_marks(text) == opened
