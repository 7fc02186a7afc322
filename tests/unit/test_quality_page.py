"""How quality is counted, and the page that says it."""

import json
import re
from pathlib import Path

import pytest

from benchmarks.quality_jobs import Done
from benchmarks.quality_metrics import (
    Offsets,
    chrf,
    offsets,
    percentile,
    precision_and_recall,
    word_error_rate,
)
from benchmarks.quality_page import RECORDINGS, Heard, Page, Timed, Translated, Voiced
from tests.project_kit import ROOT


def test_case_and_punctuation_are_no_word_errors() -> None:
    assert word_error_rate("Well, it's late.", "well it's LATE") == 0
    assert word_error_rate("one two three four", "one too three") == 0.5


def test_times_are_compared_for_the_words_that_are_the_same() -> None:
    said = [{"word": w, "start": n, "end": n + 0.5} for n, w in enumerate("abcd")]
    found = [{"word": w, "start": n + 0.1, "end": n + 0.5} for n, w in enumerate("axc")]
    off = offsets(said, found)
    assert (off.share, off.end_median) == (0.5, 0)
    assert off.start_median == pytest.approx(0.1)


def test_the_percentile_is_a_value_of_the_row() -> None:
    assert percentile([float(n) for n in range(100)], 95) == 95
    assert percentile([1.0], 95) == 1.0


def test_precision_and_recall_count_time() -> None:
    assert precision_and_recall([(0, 2)], [(1, 3)], 10) == (0.5, 0.5)
    assert precision_and_recall([(0, 2)], [], 10) == (0, 0)
    assert precision_and_recall([(0, 2)], [(0, 1), (1, 2)], 10) == (1, 1)


def test_chrf_is_what_sacrebleu_counts() -> None:
    """The number is that of sacrebleu 2.6.0's corpus_chrf()."""
    ours = [
        "El tren a la costa sale temprano.",
        "Nadie sabe donde el capitán escondió dinero.",
    ]
    theirs = [
        "El tren a la costa sale temprano por la mañana.",
        "Nadie sabe dónde escondió el capitán el dinero.",
    ]
    assert chrf(ours, theirs) == pytest.approx(70.51631022159245)
    assert chrf(theirs, theirs) == pytest.approx(100)
    assert chrf(["abc"], ["xyz"]) == 0


def measured(tmp_path: Path) -> Page:
    """A page with a measurement for every line that there may be."""
    off = Offsets(1.0, 0.02, 0.08, 0.02, 0.08)
    page = Page(demo=demo(tmp_path))
    page.heard = [Heard(name, "off", 0.2, 100, 5.0) for name in RECORDINGS]
    page.voiced = [Voiced(name, "off", 0.9, 0.9) for name in RECORDINGS]
    page.timed = [Timed("words", "07_alignment", 100, off)]
    page.translated = [Translated("en", "es", 60.0, 24, 0)]
    return page


def demo(folder: Path) -> Done:
    """What the page reads of the demo's job."""
    files = {
        "manifest.json": {
            "stages": {"06_asr": {"duration_seconds": 8.0, "memory_peak_bytes": 2_000_000}}
        },
        "01_demux/probe.json": {"format": {"duration": "46.0"}},
        "09_subtitle_gen/quality.json": {
            "languages": {"en": {"cues": 20, "avoidable": 1, "rules": {"too_short": 3}}}
        },
    }
    for name, document in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(json.dumps(document))
    return Done(folder, 23.0)


def test_every_aim_says_whether_it_was_met(tmp_path: Path) -> None:
    found = {aim.name: (aim.measured, aim.met) for aim in measured(tmp_path).aims()}
    assert found["word error rate, 5.1"] == ("0.200", False)
    assert found["word error rate, human"] == ("0.200", True)
    assert found["words begin, median (words, own text aligned (07_alignment))"] == ("20 ms", True)
    assert found["avoidable violations of the subtitles' layout"] == ("1", False)
    assert found["ten stages on the demo's film"] == ("2.0 times", True)


def test_the_page_in_the_documentation_is_as_it_is_written_now(tmp_path: Path) -> None:
    def shape(text: str) -> list[str]:
        return re.findall(r"^(?:#.*|\| (?:aim|recording|from|stage) .*)$", text, re.MULTILINE)

    page = (ROOT / "docs" / "quality.md").read_text(encoding="utf-8")
    expected = shape(measured(tmp_path).text("machine"))
    assert [re.sub(r" of \d+ s$", "", line) for line in shape(page)] == [
        re.sub(r" of \d+ s$", "", line) for line in expected
    ]
