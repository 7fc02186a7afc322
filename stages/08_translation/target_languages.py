"""From which language into which ones a job is translated."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import List, Optional, Sequence, Tuple

from shared.languages import same_language, terminologic

_TAG = re.compile(r"[a-z]{2,3}(-[a-z0-9]{1,8})*", re.IGNORECASE)
_LETTERS_OF_A_REGION = 2
_LETTERS_OF_A_SCRIPT = 4
_UNKNOWN = ("", "auto", "und")


class LanguageError(Exception):
    """A setting or the transcript names no language."""


@dataclass(frozen=True)
class Languages:
    """The source, the targets that are worth translating into, and what the user must know."""

    source: str
    targets: Tuple[str, ...]
    warnings: Tuple[str, ...]


def choose_languages(spoken: str, setting: str, wished: Sequence[str]) -> Languages:
    """The languages of a job from the transcript's own language, SOURCE_LANGUAGE and the wishes.

    The transcript's own language counts; the setting fills in where it has none. Raises
    LanguageError for what is no language.
    """
    source, warnings = _source(spoken, setting)
    targets: List[str] = []
    for wish in wished:
        target = language_tag(wish, "TARGET_LANGUAGES")
        if same_language(source, target):
            warnings.append(f"Nothing is translated into {target}: it is what is spoken.")
        elif any(_identity(target) == _identity(other) for other in targets):
            warnings.append(f"TARGET_LANGUAGES names {target} more than once.")
        else:
            targets.append(target)
    return Languages(source, tuple(targets), tuple(warnings))


def language_tag(text: str, origin: str) -> str:
    """A tag in the usual capitals: es, pt-BR, zh-Hant. Raises LanguageError naming the origin."""
    tag = text.strip().replace("_", "-")
    if _TAG.fullmatch(tag) and terminologic(tag) is not None:
        primary, *rest = tag.lower().split("-")
        return "-".join([primary, *map(_in_capitals, rest)])
    message = (
        f"{origin} names {text!r}, which is no language. Write codes such as es, ca or pt-BR,"
        " with blanks between them."
    )
    raise LanguageError(message)


def _source(spoken: str, setting: str) -> Tuple[str, List[str]]:
    if spoken.strip().lower() in _UNKNOWN:
        if setting.strip().lower() in _UNKNOWN:
            message = (
                "Neither the transcript nor SOURCE_LANGUAGE says which language is spoken. Set"
                " SOURCE_LANGUAGE."
            )
            raise LanguageError(message)
        return language_tag(setting, "SOURCE_LANGUAGE"), []
    source = language_tag(spoken, "The transcript")
    if setting.strip().lower() in _UNKNOWN or same_language(source, setting):
        return source, []
    warning = (
        f"The transcript says that its language is {source}, and SOURCE_LANGUAGE is {setting}: it"
        f" is translated from {source}."
    )
    return source, [warning]


def _in_capitals(subtag: str) -> str:
    if len(subtag) == _LETTERS_OF_A_REGION:
        return subtag.upper()
    is_script = len(subtag) == _LETTERS_OF_A_SCRIPT and subtag.isalpha()
    return subtag.title() if is_script else subtag


def _identity(tag: str) -> Tuple[Optional[str], Tuple[str, ...]]:
    return terminologic(tag), tuple(tag.split("-")[1:])
