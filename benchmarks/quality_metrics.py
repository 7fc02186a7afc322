"""How good words, times and translations are, in numbers."""

import re
import statistics
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any, Final

import jiwer

Span = Sequence[float]
FRAME_SECONDS: Final = 0.01
# The usual form of chrF: n-grams of up to six characters, recall counting twice.
CHRF_ORDERS: Final = 6
CHRF_BETA: Final = 2.0


@dataclass(frozen=True)
class Offsets:
    """How far times are from the truth, in seconds; `share` of the words could be compared."""

    share: float
    start_median: float
    start_p95: float
    end_median: float
    end_p95: float


def bare(text: str) -> str:
    """Lower case without punctuation, as word error rates are counted."""
    return " ".join(re.sub(r"[^a-z' ]", " ", text.lower()).split())


def word_error_rate(said: str, heard: str) -> float:
    """Words missing, added or wrong, by the number of words said."""
    return float(jiwer.wer(bare(said), bare(heard)))


def offsets(said: Sequence[dict[str, Any]], found: Sequence[dict[str, Any]]) -> Offsets:
    """The differences of the times of words that are the same in both, in order."""
    pairs = _same_words([bare(word["word"]) for word in said], [bare(w["word"]) for w in found])
    starts = sorted(abs(said[a]["start"] - found[b]["start"]) for a, b in pairs)
    ends = sorted(abs(said[a]["end"] - found[b]["end"]) for a, b in pairs)
    return Offsets(
        share=len(pairs) / len(said),
        start_median=statistics.median(starts),
        start_p95=percentile(starts, 95),
        end_median=statistics.median(ends),
        end_p95=percentile(ends, 95),
    )


def percentile(row: Sequence[float], percent: int) -> float:
    """The value that so many in a hundred do not exceed; the row is sorted."""
    return row[min(len(row) - 1, len(row) * percent // 100)]


def _same_words(said: Sequence[str], found: Sequence[str]) -> list[tuple[int, int]]:
    blocks = SequenceMatcher(None, said, found, autojunk=False).get_matching_blocks()
    return [(block.a + step, block.b + step) for block in blocks for step in range(block.size)]


def precision_and_recall(
    speech: Iterable[Span], found: Iterable[Span], seconds: float
) -> tuple[float, float]:
    """Of the time found how much is speech, and of the speech how much was found."""
    truth, guess = _frames(speech, seconds), _frames(found, seconds)
    both = len(truth & guess)
    return both / max(1, len(guess)), both / max(1, len(truth))


def _frames(spans: Iterable[Span], seconds: float) -> set[int]:
    last = round(seconds / FRAME_SECONDS)
    return {
        frame
        for start, end in spans
        for frame in range(round(start / FRAME_SECONDS), min(last, round(end / FRAME_SECONDS)))
    }


def chrf(translations: Sequence[str], references: Sequence[str]) -> float:
    """chrF2 of a set of sentences, from 0 to 100: the F-score of their character n-grams."""
    scores = []
    for order in range(1, CHRF_ORDERS + 1):
        matches = guessed = wanted = 0
        for one, other in zip(translations, references, strict=True):
            ours, theirs = _ngrams(one, order), _ngrams(other, order)
            matches += (ours & theirs).total()
            guessed += ours.total()
            wanted += theirs.total()
        if guessed and wanted:
            scores.append((matches / guessed, matches / wanted))
    precision, recall = (statistics.fmean(column) for column in zip(*scores, strict=True))
    weight = CHRF_BETA**2
    if not precision + recall:
        return 0.0
    return 100 * (1 + weight) * precision * recall / (weight * precision + recall)


def _ngrams(text: str, order: int) -> Counter[str]:
    letters = "".join(text.split())
    return Counter(letters[place : place + order] for place in range(len(letters) - order + 1))
