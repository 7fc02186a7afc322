"""How kinds of models are told their languages, and which files their folders hold."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import FrozenSet, List, Sequence, Tuple

from flores_codes import flores_codes
from translation_engine import EngineError

from shared.languages import same_language

NLLB, M2M, MARIAN = "nllb", "m2m", "marian"
_END = "</s>"
_SOURCE_VOCABULARIES = (
    "shared_vocabulary.json", "shared_vocabulary.txt", "source_vocabulary.json",
    "source_vocabulary.txt",
)  # fmt: skip
_PIECES = (
    "sentencepiece.bpe.model", "sentencepiece.model", "spiece.model", "spm.model",
    "flores200_sacrebleu_tokenizer_spm.model",
)  # fmt: skip
_OWN_PIECES = ("source.spm", "target.spm")
_NLLB_LANGUAGE = re.compile(r"[a-z]{3}_[A-Z][a-z]{3}")
_M2M_LANGUAGE = re.compile(r"__([a-z]{2,3})__")
_MOST_LISTED = 60


@dataclass(frozen=True)
class Frame:
    """Tokens around a source text, and those with which its translation must begin."""

    before: Tuple[str, ...] = ()
    behind: Tuple[str, ...] = (_END,)
    begins_with: Tuple[str, ...] = ()


@dataclass(frozen=True)
class ModelFolder:
    """The files of a model for a pair of languages, and what it wants to be told of them."""

    folder: Path
    source_pieces: Path
    target_pieces: Path
    vocabulary: FrozenSet[str]
    frame: Frame


def open_folder(folder: Path, convention: str, source: str, target: str) -> ModelFolder:
    """What CTranslate2 needs of a folder. Raises EngineError for what is missing or unfit."""
    kind = _kind(folder) if convention == "auto" else convention
    if kind == MARIAN:
        folder = _marian_folder(folder, source, target)
    vocabulary = _vocabulary(folder)
    first, other = _piece_files(folder, kind)
    return ModelFolder(folder, first, other, vocabulary, _frame(kind, vocabulary, source, target))


def _kind(folder: Path) -> str:
    if _has_own_pieces(folder) or (not (folder / "model.bin").exists() and _pairs(folder)):
        return MARIAN
    vocabulary = _vocabulary(folder)
    if any(map(_NLLB_LANGUAGE.fullmatch, vocabulary)):
        return NLLB
    return M2M if any(map(_M2M_LANGUAGE.fullmatch, vocabulary)) else MARIAN


def _frame(kind: str, vocabulary: FrozenSet[str], source: str, target: str) -> Frame:
    if kind == NLLB:
        spoken, wanted = (_nllb_token(tag, vocabulary) for tag in (source, target))
        return Frame(behind=(_END, spoken), begins_with=(wanted,))
    if kind == M2M:
        spoken, wanted = (_m2m_token(tag, vocabulary) for tag in (source, target))
        return Frame(before=(spoken,), begins_with=(wanted,))
    return Frame()


def _nllb_token(tag: str, vocabulary: FrozenSet[str]) -> str:
    for code in flores_codes(tag):
        if code in vocabulary:
            return code
    known = sorted(filter(_NLLB_LANGUAGE.fullmatch, vocabulary))
    raise EngineError(_unknown_language(tag, "NLLB", known))


def _m2m_token(tag: str, vocabulary: FrozenSet[str]) -> str:
    known = sorted(filter(_M2M_LANGUAGE.fullmatch, vocabulary))
    for token in known:
        if same_language(token.strip("_"), tag):
            return token
    raise EngineError(_unknown_language(tag, "M2M", known))


def _unknown_language(tag: str, kind: str, known: Sequence[str]) -> str:
    more = " …" if len(known) > _MOST_LISTED else ""
    return (
        f"The {kind} model has no language {tag}. It has {', '.join(known[:_MOST_LISTED])}{more}."
        " Choose other TARGET_LANGUAGES, or another TRANSLATION_MODEL."
    )


def _marian_folder(folder: Path, source: str, target: str) -> Path:
    """The folder of the pair below the model's, or the model's own where that is a model."""
    pairs = _pairs(folder)
    for name in pairs:
        for one, other in _splits(name):
            if same_language(one, source) and same_language(other, target):
                return folder / name
    if not pairs and (folder / "model.bin").exists():
        return folder
    message = (
        f"{folder} has no Marian model from {source} into {target}; it has"
        f" {', '.join(pairs) or 'none'}. Put the converted model into"
        f" {folder}/{source}-{target}, or choose other TARGET_LANGUAGES."
    )
    raise EngineError(message)


def _pairs(folder: Path) -> List[str]:
    """The folders below that are models, each for a pair of languages."""
    return sorted(path.name for path in folder.glob("*-*") if (path / "model.bin").exists())


def _splits(name: str) -> List[Tuple[str, str]]:
    """The pairs of tags that a folder's name may mean: en-pt-BR is en and pt-BR."""
    tags = name.split("-")
    return [
        ("-".join(tags[:index]), "-".join(tags[index:]))
        for index in range(1, len(tags))
        if len(tags[index]) in (2, 3) and tags[index].islower()
    ]


def _piece_files(folder: Path, kind: str) -> Tuple[Path, Path]:
    if kind == MARIAN and _has_own_pieces(folder):
        return folder / _OWN_PIECES[0], folder / _OWN_PIECES[1]
    both = _existing(folder, _PIECES, " with ".join(_OWN_PIECES) if kind == MARIAN else "")
    return both, both


def _has_own_pieces(folder: Path) -> bool:
    """Whether source and target have pieces of their own, as with Marian only."""
    return all((folder / name).is_file() for name in _OWN_PIECES)


def _vocabulary(folder: Path) -> FrozenSet[str]:
    path = _existing(folder, _SOURCE_VOCABULARIES)
    try:
        text = path.read_text(encoding="utf-8")
        tokens = json.loads(text) if path.suffix == ".json" else text.split("\n")
        return frozenset(map(str, tokens))
    except (OSError, ValueError, TypeError, RecursionError) as error:
        message = f"{path} is no vocabulary: {error}. Convert the model again."
        raise EngineError(message) from error


def _existing(folder: Path, names: Sequence[str], instead: str = "") -> Path:
    for name in names:
        if (folder / name).is_file():
            return folder / name
    wanted = " or ".join([*names, instead] if instead else names)
    message = (
        f"The model {folder} is incomplete: it lacks {wanted}. Put the file there, or choose"
        " another TRANSLATION_MODEL."
    )
    raise EngineError(message)
