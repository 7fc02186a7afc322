"""Measures what the pipeline's stages understand, and writes docs/quality.md.

    python -m benchmarks.quality

Everything happens in a folder below out/, which is removed at the end. It takes some minutes.
"""

import json
import shutil
import subprocess
import sys
from typing import Any, Final

from benchmarks.machine import machine_line
from benchmarks.quality_jobs import ROOT, Done, Workshop
from benchmarks.quality_metrics import chrf, offsets, precision_and_recall, word_error_rate
from benchmarks.quality_page import Heard, Page, Timed, Translated, Voiced, pins
from runner.host.engine import DockerEngine

PAGE: Final = ROOT / "docs" / "quality.md"
SENTENCES: Final = ROOT / "benchmarks" / "quality_sentences.tsv"
TRANSCRIBE: Final = ("run", "--upto", "07_alignment")
# Each recording, and whether it is heard with 04_source_separation, without it, or both.
RECORDINGS: Final = {
    "slt-clean": (True,),
    "mixed-clean": (True,),
    "slt-bed": (True,),
    "slt-5.1": (True, False),
    "slt-wide": (True, False),
    "slt-wide-loud": (True, False),
}
WITH_WORD_TIMES: Final = ("words", "human-clean")


def main() -> int:
    """Measure, print and write the page."""
    folder = ROOT / "out" / "quality"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        workshop = Workshop(folder)
        workshop.make_recordings()
        page = Page(demo=run_demo(workshop))
        for name, ways in RECORDINGS.items():
            for separates in ways:
                listen(workshop, name, page, separates=separates)
        for name in WITH_WORD_TIMES:
            listen_and_align(workshop, name, page)
        translate(workshop, page)
        text = page.text(machine())
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    PAGE.write_text(text, encoding="utf-8")
    print(text)
    return 0


def machine() -> str:
    """When and where this was measured, and with which engines."""
    return f"{machine_line(DockerEngine().facts())}; {', '.join(pins())}"


def listen(workshop: Workshop, name: str, page: Page, *, separates: bool) -> None:
    """What is heard of a recording, and where speech is found in it."""
    inputs = {"media": workshop.recording(name)}
    job = f"{name}-{'with' if separates else 'without'}"
    done = workshop.job(job, run=TRANSCRIBE, inputs=inputs, separates=separates)
    add_heard(workshop, name, page, done)


def listen_and_align(workshop: Workshop, name: str, page: Page) -> None:
    """The same where the time of each word is known, and the text handed in as the user's own."""
    inputs = {"media": workshop.recording(name)}
    inputs["transcript"] = workshop.recording(name).with_suffix(".txt")
    done = workshop.job(name, run=TRANSCRIBE, inputs=inputs)
    add_heard(workshop, name, page, done)
    said = [word for entry in workshop.said(name)["sentences"] for word in entry["words"]]
    for stage in ("06_asr", "07_alignment"):
        page.timed.append(Timed(name, stage, len(said), offsets(said, done.words(stage))))


def add_heard(workshop: Workshop, name: str, page: Page, done: Done) -> None:
    """The word error rate, and the precision and recall of the voice detector."""
    said = workshop.said(name)
    text = " ".join(entry["text"] for entry in said["sentences"])
    rate = word_error_rate(text, done.text("06_asr"))
    seconds = done.stages["06_asr"]["duration_seconds"]
    page.heard.append(
        Heard(name, done.separation, rate, len(text.split()), said["seconds"] / seconds)
    )
    speech = [span for entry in said["sentences"] for span in entry["speech"]]
    found = [(part["start"], part["end"]) for part in done.read("05_vad/segments.json")["segments"]]
    quality = precision_and_recall(speech, found, said["seconds"])
    page.voiced.append(Voiced(name, done.separation, *quality))


def translate(workshop: Workshop, page: Page) -> None:
    """How close the translation of our own sentences comes to our own translation."""
    lines = SENTENCES.read_text(encoding="utf-8").splitlines()
    pairs = [line.split("\t") for line in lines]
    segments = [
        {"start": 5 * place, "end": 5 * place + 4, "text": english}
        for place, (english, _) in enumerate(pairs)
    ]
    transcript = workshop.folder / "sentences.json"
    transcript.write_text(json.dumps({"language": "en", "segments": segments}))
    done = workshop.job(
        "sentences",
        *("--have", f"07_alignment/segments={transcript}", "--set", "TARGET_LANGUAGES=es"),
        run=("08_translation",),
    )
    found = done.read("08_translation/segments_es.json")["segments"]
    score = chrf([entry["text"] for entry in found], [spanish for _, spanish in pairs])
    missing = sum("untranslated" in entry for entry in found)
    page.translated.append(Translated("en", "es", score, len(pairs), missing))


def run_demo(workshop: Workshop) -> Done:
    """The demo's film through all ten stages."""
    film = workshop.folder / "demo.mkv"
    subprocess.run([sys.executable, str(ROOT / "demo" / "film.py"), str(film)], check=True)
    inputs: dict[str, Any] = {"media": film}
    inputs["tmdb"] = ROOT / "demo" / "tmdb.json"
    inputs["glossary"] = ROOT / "demo" / "glossary.tsv"
    return workshop.job("demo", "--set", "TARGET_LANGUAGES=es", run=("run",), inputs=inputs)


if __name__ == "__main__":
    sys.exit(main())
