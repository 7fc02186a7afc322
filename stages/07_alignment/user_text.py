"""A transcript that the user wrote: plain text, cut into sentences."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Iterator, List

# What a text may weigh; a film of three hours is said in 200 kB.
_LARGEST_BYTES = 16 * 2**20
_TIME_LINE = re.compile(r"^\s*(\d+:)?\d+:\d\d[.,]\d+\s*-->\s*(\d+:)?\d+:\d\d[.,]\d+", re.MULTILINE)
_SENTENCE_END = re.compile(r"[.!?…]+[\"'”’»)\]]*$|[。！？]+[」』”]*$")  # noqa: RUF001 (other scripts)
# A full stop behind one of these ends no sentence.
_ABBREVIATIONS = {"mr.", "mrs.", "ms.", "dr.", "st.", "prof.", "vs.", "sr.", "jr.", "capt.", "gen."}
_INITIAL = re.compile(r"^[\"'“(\[]*[^\W\d_]\.$")


class UserTextError(Exception):
    """The user's transcript cannot be used; the message says why and what to do."""


def read_sentences(path: Path) -> List[List[str]]:
    """The words of each sentence or line of a text file; no sentence is empty.

    Raises UserTextError for a file without text, or of another kind.
    """
    if path.stat().st_size > _LARGEST_BYTES:
        message = (
            f"{path.name} has {path.stat().st_size} bytes, and no film is said in so many. Give"
            " the transcript as a plain text file."
        )
        raise UserTextError(message)
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        message = f"{path.name} is no text in UTF-8: {error}. Save the transcript as UTF-8."
        raise UserTextError(message) from error
    _check(text, path)
    return [sentence for line in text.splitlines() for sentence in _sentences(line.split())]


def _check(text: str, path: Path) -> None:
    if not text.split():
        message = (
            f"{path.name} has no words. Write down what is said, or take the file out of the job's"
            " input to use what 06_asr recognises."
        )
        raise UserTextError(message)
    if "\0" in text:
        message = f"{path.name} is no text: it has zero bytes. Save the transcript as UTF-8."
        raise UserTextError(message)
    if _TIME_LINE.search(text):
        message = (
            f"{path.name} is a subtitle file with times of its own. Give the text alone, or start"
            " behind this stage with a transcript that has times."
        )
        raise UserTextError(message)


def _sentences(words: List[str]) -> Iterator[List[str]]:
    sentence: List[str] = []
    for word in words:
        sentence.append(word)
        if _ends_sentence(word):
            yield sentence
            sentence = []
    if sentence:
        yield sentence


def _ends_sentence(word: str) -> bool:
    if len(word) > 100:  # noqa: PLR2004 (an endless word is not worth the search)
        return False
    if word.lower() in _ABBREVIATIONS or _INITIAL.match(word):
        return False
    return _SENTENCE_END.search(word) is not None
