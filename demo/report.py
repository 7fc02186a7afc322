"""Says how good the demo's film has become: python demo/report.py out/demo"""

import json
import re
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import jiwer

SPOKEN = Path(__file__).with_name("spoken.txt")


def bare(text: str) -> str:
    """Lower case without punctuation, as word error rates are counted."""
    return " ".join(re.sub(r"[^a-z' ]", " ", text.lower()).split())


def report(job: Path) -> Iterator[str]:
    """The report's lines."""
    spoken = bare(SPOKEN.read_text(encoding="utf-8"))
    transcript = read(job / "07_alignment" / "segments.json")
    heard = bare(" ".join(segment["text"] for segment in transcript["segments"]))
    yield f"words heard wrongly   {jiwer.wer(spoken, heard):.1%} of {len(spoken.split())}"
    separation = read(job / "04_source_separation" / "separation.json")
    yield f"separation            {separation['method']}: {separation['reason']}"
    for language, counts in read(job / "09_subtitle_gen" / "quality.json")["languages"].items():
        yield f"subtitles {language:<12}{describe(counts)}"
    film, work = seconds_of_film(job), seconds_of_work(job)
    yield f"speed                 {film / work:.1f} x real time: {film:.0f} s in {work:.0f} s"


def describe(counts: dict[str, Any]) -> str:
    """How many cues there are, and which rules could not be kept."""
    broken = [f"{count} {rule}" for rule, count in counts["rules"].items() if count]
    return f"{counts['cues']} cues, {', '.join(broken) or 'every rule kept'}"


def seconds_of_film(job: Path) -> float:
    """How long the film lasts."""
    return float(read(job / "01_demux" / "probe.json")["format"]["duration"])


def seconds_of_work(job: Path) -> float:
    """From the start of the first stage to the end of the last."""
    entries = read(job / "manifest.json")["stages"].values()
    ends = [datetime.fromisoformat(entry["completed_at"]) for entry in entries]
    starts = [
        end - timedelta(seconds=entry["duration_seconds"] or 0)
        for end, entry in zip(ends, entries, strict=True)
    ]
    return (max(ends) - min(starts)).total_seconds()


def read(path: Path) -> Any:
    """The content of a JSON file."""
    return json.loads(path.read_text(encoding="utf-8"))


def main() -> int:
    """Prints the report of the job that is the only argument."""
    for line in report(Path(sys.argv[1])):
        print(f"   {line}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
