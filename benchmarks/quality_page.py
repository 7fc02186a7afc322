"""The page docs/quality.md: every number in it comes from a measurement."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from benchmarks.quality_jobs import ROOT, Done
from benchmarks.quality_metrics import Offsets

RECORDINGS: Final = {
    "slt-clean": "synthesised, one voice (slt), clean",
    "mixed-clean": "synthesised, three voices in turn (slt, rms, awb), clean",
    "slt-bed": "synthesised (slt), mono, music 10 dB below the speech",
    "slt-5.1": "synthesised (slt) in the centre of 5.1, music at 0 dB in the other channels",
    "slt-wide": "synthesised (slt) in the middle of stereo, wide music at 0 dB",
    "slt-wide-loud": "the same, music as loud as the speech without its pauses",
    "words": "synthesised word by word (slt, rms), clean",
    "human-clean": "a person reading a novel of 1811, clean",
}
TIMED: Final = {"06_asr": "recognised (06_asr)", "07_alignment": "own text aligned (07_alignment)"}
INTRODUCTION: Final = """\
The embedded defaults, as they are on a fresh machine: pocketsphinx for words and times, silero for
speech, Apertium for translation. Synthesised speech is that of flite inside ffmpeg; the human
speech is described in `tests/media/speech/README.md`. Each recording goes through the real stages,
by the command line. The sets are small: differences of a few hundredths mean nothing.

Whisper is not in the tables. Its stage is tested with a small scripted model, which says always the
same and has no word error rate; measure the model that you use on speech that you know.
"""
HUMAN_TIMES: Final = """\
The human recordings' reference times were made with pocketsphinx, too, by its authors: they show
that nothing is lost on the way, not how good the times are. Those of `words` are exact by
construction. `compared` is the share of the words that were recognised and could be compared.
"""


@dataclass(frozen=True)
class Heard:
    """What was understood of a recording."""

    recording: str
    separation: str
    rate: float
    words: int
    speed: float


@dataclass(frozen=True)
class Voiced:
    """How well speech was found."""

    recording: str
    separation: str
    precision: float
    recall: float


@dataclass(frozen=True)
class Timed:
    """How exact the times of words are."""

    recording: str
    stage: str
    words: int
    offsets: Offsets


@dataclass(frozen=True)
class Translated:
    """How close a translation is to ours."""

    source: str
    target: str
    score: float
    sentences: int
    untranslated: int


@dataclass(frozen=True)
class Aim:
    """What was aimed at, and what came of it."""

    name: str
    aim: str
    measured: str
    met: bool


@dataclass
class Page:
    """All measurements, and the page made of them."""

    heard: list[Heard] = field(default_factory=list)
    voiced: list[Voiced] = field(default_factory=list)
    timed: list[Timed] = field(default_factory=list)
    translated: list[Translated] = field(default_factory=list)
    demo: Done | None = None

    def text(self, machine: str) -> str:
        """The page, which says on what machine it was measured."""
        return "\n".join(self._lines(machine)) + "\n"

    def _lines(self, machine: str) -> Iterator[str]:
        yield "# Quality"
        yield ""
        yield f"Written by `make quality`: {machine}. No number on this page is typed by hand."
        yield from ("", INTRODUCTION.rstrip(), "", "## Aims", "")
        yield from _table(
            ("aim", "wanted", "measured", "met"),
            [
                (aim.name, aim.aim, aim.measured, "yes" if aim.met else "**no**")
                for aim in self.aims()
            ],
        )
        yield from ("", "## Words", "", "`04` is what 04_source_separation did.", "")
        yield from _table(
            ("recording", "04", "word error rate", "words", "times real time (06_asr)"),
            [
                (RECORDINGS[row.recording], row.separation, f"{row.rate:.3f}", row.words,
                 f"{row.speed:.1f}")
                for row in self.heard
            ],
        )  # fmt: skip
        yield from ("", "## Times of words", "", HUMAN_TIMES.rstrip(), "")
        yield from _table(
            ("recording", "times", "words", "compared", "start, median", "start, p95",
             "end, median", "end, p95"),
            [_timed_row(row) for row in self.timed],
        )  # fmt: skip
        yield from (
            "",
            "## Finding speech",
            "",
            "Counted in frames of 10 ms, padding included.",
            "",
        )
        yield from _table(
            ("recording", "04", "precision", "recall"),
            [
                (RECORDINGS[row.recording], row.separation, f"{row.precision:.3f}",
                 f"{row.recall:.3f}")
                for row in self.voiced
            ],
        )  # fmt: skip
        yield from ("", "## Translation", "")
        yield from _table(
            ("from", "to", "chrF2", "sentences", "untranslated"),
            [
                (row.source, row.target, f"{row.score:.1f}", row.sentences, row.untranslated)
                for row in self.translated
            ],
        )
        yield from self._demo_lines()

    def _demo_lines(self) -> Iterator[str]:
        demo = self.demo
        if demo is None:
            return
        yield from ("", "## Subtitles of the demo", "")
        yield from _table(("language", "cues", "avoidable", *_rules(demo)), _layout_rows(demo))
        seconds = film_seconds(demo)
        yield from ("", f"## Speed and memory: the demo's film of {seconds:.0f} s", "")
        rows = [
            (stage, f"{took:.1f}", f"{seconds / took:.0f}" if took else "",
             f"{(entry['memory_peak_bytes'] or 0) / 1e6:.0f}")
            for stage, entry in sorted(demo.stages.items())
            for took in [entry["duration_seconds"] or 0.0]
        ]  # fmt: skip
        rows.append(
            ("all of `stagerun run`", f"{demo.seconds:.1f}", f"{seconds / demo.seconds:.1f}", "")
        )
        yield from _table(("stage", "s", "times real time", "peak MB"), rows)

    def aims(self) -> list[Aim]:
        """Each aim with what was measured."""
        clean = max(row.rate for row in self.heard if row.recording in {"slt-clean", "mixed-clean"})
        found = [
            _most("word error rate, synthesised and clean (the worse)", 0.10, clean),
            _most("word error rate, 5.1", 0.15, self._rate("slt-5.1")),
            _most("word error rate, wide stereo, music at 0 dB", 0.25, self._rate("slt-wide")),
            _most("word error rate, human", 0.32, self._rate("human-clean")),
        ]
        for row in self.timed:
            name = f"words begin, median ({row.recording}, {TIMED[row.stage]})"
            off = row.offsets.start_median
            found.append(Aim(name, "≤ 50 ms", f"{1000 * off:.0f} ms", off <= 0.05))  # noqa: PLR2004 (the aim)
        return found + self._demo_aims()

    def _demo_aims(self) -> list[Aim]:
        if self.demo is None:
            return []
        broken = avoidable(self.demo)
        speed = film_seconds(self.demo) / self.demo.seconds
        return [
            Aim("avoidable violations of the subtitles' layout", "0", str(broken), broken == 0),
            Aim(
                "ten stages on the demo's film",
                "> 1 times real time",
                f"{speed:.1f} times",
                speed > 1,
            ),
        ]

    def _rate(self, recording: str) -> float:
        """With separation, where there is any."""
        return next(row.rate for row in self.heard if row.recording == recording)


def _most(name: str, limit: float, measured: float) -> Aim:
    return Aim(name, f"≤ {limit:.2f}", f"{measured:.3f}", measured <= limit)


def _timed_row(row: Timed) -> tuple[object, ...]:
    off = row.offsets
    times = [
        f"{1000 * time:.0f} ms"
        for time in (off.start_median, off.start_p95, off.end_median, off.end_p95)
    ]
    return (RECORDINGS[row.recording], TIMED[row.stage], row.words, f"{off.share:.0%}", *times)


def film_seconds(demo: Done) -> float:
    """How long the demo's film lasts."""
    return float(demo.read("01_demux/probe.json")["format"]["duration"])


def avoidable(demo: Done) -> int:
    """Broken rules of layout that the text would have allowed to keep."""
    return sum(counts["avoidable"] for counts in _languages(demo).values())


def _rules(demo: Done) -> list[str]:
    rules = next(iter(_languages(demo).values()))["rules"]
    return [rule.replace("_", " ") for rule in rules]


def _layout_rows(demo: Done) -> list[tuple[object, ...]]:
    return [
        (language, counts["cues"], counts["avoidable"], *counts["rules"].values())
        for language, counts in _languages(demo).items()
    ]


def _languages(demo: Done) -> dict[str, Any]:
    found: dict[str, Any] = demo.read("09_subtitle_gen/quality.json")["languages"]
    return found


def pins() -> Iterator[str]:
    """The engines' packages with their versions, from the images that have them."""
    for image, package in (("asr", "pocketsphinx"), ("vad", "silero-vad"), ("text", "pysubs2")):
        lock = (ROOT / "images" / image / "requirements.lock").read_text(encoding="utf-8")
        for name, version in re.findall(r"^([\w-]+)==(\S+)", lock, re.MULTILINE):
            if name == package:
                yield f"{name} {version}"


def _table(head: Sequence[object], rows: Sequence[Sequence[object]]) -> Iterator[str]:
    for row in (head, ["---"] * len(head), *rows):
        yield f"| {' | '.join(map(str, row))} |"
