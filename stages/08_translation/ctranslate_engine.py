"""CTranslate2 with SentencePiece: neural models in a folder of the model store."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Dict, List, Sequence, Tuple

import ctranslate2
import sentencepiece
from model_conventions import ModelFolder
from text_pieces import has_words, undecorated
from translation_engine import AttemptError, Attempts, EngineError, Outcome, StandIns, codes

from shared.logger import get_logger

_LOGGER = get_logger(__name__)
# Fixed, because the order of additions, and with it the text, may depend on it; the stage has two.
_THREADS = 2
# Subtitles hardly grow in translation; what grows more is a model that repeats itself.
_GROWTH = 2
_ROOM = 32
# A shorter text may well be a brand or a greeting, which is alike in both languages.
_FEWEST_WORDS = 3
_FEWEST_LETTERS = 20  # where no spaces part the words
_WORD = re.compile(r"[^\W\d_]+")
# The rest are names of languages and the like.
_LEAST_SHARE = 0.8
_SIGNS = ("<s>", "</s>", "<pad>", "<unk>")
_BLANK = "▁"
# CTranslate2 names the type of what it does not compute in 8 bits, too.
_NAMES_OF_TYPES = {"int8": ("int8", "int8_float32")}


@dataclass(frozen=True)
class ModelSettings:
    """What CTranslate2 is told; sizes are in tokens."""

    device: str
    compute_type: str
    beam_size: int
    batch_tokens: int
    longest: int


class CTranslateEngine:
    """A model for a pair of languages."""

    at_once: int = 200

    def __init__(self, files: ModelFolder, settings: ModelSettings) -> None:
        self.stand_ins: Tuple[StandIns, ...] = (codes,)
        self.limit: int = settings.longest
        self._files = files
        self._settings = settings
        self._source = _pieces(files.source_pieces)
        self._target = _pieces(files.target_pieces)
        _check_pieces(files, (self._source, self._target))
        self._translator = _translator(files, settings)
        self._attempts = Attempts(self._run)

    def size(self, text: str) -> int:
        """The number of tokens."""
        return len(self._source.encode(text, out_type=str))

    def translate(self, texts: Sequence[str]) -> List[Outcome]:
        """Translates texts of one line. Raises EngineError when the model does not work at all."""
        # Models know hardly any emoji or tags, and lose or repeat what they do not know.
        decorated = [undecorated(text) for text in texts]
        said = [core for _, core, _ in decorated]
        reasons = self._unreadable(said)
        readable = [text for index, text in enumerate(said) if index not in reasons]
        translated = iter(self._attempts.translate(readable))
        outcomes = []
        for index, (before, core, behind) in enumerate(decorated):
            outcome = Outcome(reason=reasons.get(index))
            if index not in reasons:
                outcome = _judged(core, next(translated))
            text = before + outcome.text + behind
            outcomes.append(outcome if outcome.reason is not None else replace(outcome, text=text))
        return outcomes

    def _unreadable(self, texts: Sequence[str]) -> Dict[int, str]:
        reasons = {}
        for index, text in enumerate(texts):
            pieces = filter(has_words, self._source.encode(text, out_type=str))
            if not any(piece in self._files.vocabulary for piece in pieces):
                reasons[index] = "the model knows none of its characters"
        return reasons

    def _run(self, texts: Sequence[str]) -> List[Outcome]:
        frame, longest = self._files.frame, _GROWTH * self._settings.longest + _ROOM
        sources = [
            [*frame.before, *self._source.encode(text, out_type=str), *frame.behind]
            for text in texts
        ]
        try:
            results = self._translator.translate_batch(
                sources,
                target_prefix=[list(frame.begins_with)] * len(texts) if frame.begins_with else None,
                beam_size=self._settings.beam_size,
                max_batch_size=self._settings.batch_tokens,
                batch_type="tokens",
                max_input_length=0,  # else the rest is dropped without a word
                max_decoding_length=longest,
                disable_unk=True,
            )
        except (RuntimeError, ValueError) as error:
            message = f"CTranslate2 failed: {error}"
            raise AttemptError(message) from error
        return [self._outcome(result.hypotheses[0], longest) for result in results]

    def _outcome(self, tokens: Sequence[str], longest: int) -> Outcome:
        if len(tokens) >= longest:
            return Outcome(reason="the model did not come to an end")
        begun = len(self._files.frame.begins_with)
        pieces = [token for token in tokens[begun:] if token not in _SIGNS]
        # A piece that SentencePiece does not have keeps the mark of its blank.
        text = self._target.decode(pieces).replace(_BLANK, " ")
        return Outcome(" ".join(text.split()))


def _translator(files: ModelFolder, settings: ModelSettings) -> ctranslate2.Translator:
    try:
        translator = ctranslate2.Translator(
            str(files.folder),
            device=settings.device,
            compute_type=settings.compute_type,
            inter_threads=1,
            intra_threads=_THREADS,
        )
    except (RuntimeError, ValueError, MemoryError) as error:
        message = (
            f"CTranslate2 cannot load the model {files.folder}: {error}. Convert the model again,"
            " or copy it again if it was cut off; see also TRANSLATION_COMPUTE_TYPE."
        )
        raise EngineError(message) from error
    wanted = settings.compute_type
    if translator.compute_type not in _NAMES_OF_TYPES.get(wanted, (wanted,)):
        message = (
            f"TRANSLATION_COMPUTE_TYPE is {wanted}, and this processor computes with"
            f" {translator.compute_type} instead. Choose that."
        )
        raise EngineError(message)
    _LOGGER.info("%s computes with %s on %s", files.folder, wanted, translator.device)
    return translator


def _check_pieces(
    files: ModelFolder, processors: Sequence[sentencepiece.SentencePieceProcessor]
) -> None:
    """Raises EngineError for the pieces of another model: a file cut off is read as if whole."""
    known = {
        processor.id_to_piece(number)
        for processor in processors
        for number in range(processor.get_piece_size())
    }
    if len(known & files.vocabulary) < _LEAST_SHARE * len(files.vocabulary):
        message = (
            f"{files.source_pieces} does not have the pieces that the model {files.folder} is made"
            " of. It is cut off, or of another model: copy it again."
        )
        raise EngineError(message)


def _pieces(path: Path) -> sentencepiece.SentencePieceProcessor:
    try:
        return sentencepiece.SentencePieceProcessor(model_file=str(path))
    except (RuntimeError, OSError, ValueError) as error:
        message = f"SentencePiece cannot read {path}: {error}. Copy the model's file again."
        raise EngineError(message) from error


def _judged(text: str, outcome: Outcome) -> Outcome:
    """The outcome, unless it is the source text, told by its words alone.

    A name, or one word again and again (No, no, no!), is the same in many languages.
    """
    words = _words(text)
    is_long = len(words) >= _FEWEST_WORDS or sum(map(len, words)) >= _FEWEST_LETTERS
    is_name = all(map(str.istitle, words))
    is_one_word = len(words) > 1 and len({word.casefold() for word in words}) == 1
    can_be_told = is_long and not is_name and not is_one_word
    if outcome.reason is None and can_be_told and _words(outcome.text) == words:
        return Outcome(reason="the model gave it back as it was")
    return outcome


def _words(text: str) -> List[str]:
    return _WORD.findall(text)
