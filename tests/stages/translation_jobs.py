"""Jobs for stage 08: a transcript and terms in, translations out."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from shared.glossary import Term
from tests.stages.containers import Ended


def new_translation_job(
    job: Path, texts: Sequence[str], terms: Sequence[Term] = (), language: str = "en"
) -> Path:
    """A job with the texts as segments of 1.5 s, each 2 s after the one before."""
    segments = [
        {"start": 2.0 * number, "end": 2.0 * number + 1.5, "text": text, "words": []}
        for number, text in enumerate(texts)
    ]
    transcript = {"language": language, "segments": segments}
    _write(job, "06_asr", "segments", "segments.json", transcript)
    if terms:
        document = {"terms": [asdict(term) for term in terms]}
        _write(job, "03_glossary_load", "terms", "terms.json", document)
    return job


def segments_of(ended: Ended, language: str) -> list[dict[str, Any]]:
    """The translated segments, as they lie in the file."""
    assert ended.exit_code == 0, ended.output
    document = json.loads((ended.folder / f"segments_{language}.json").read_text())
    assert document["language"] == language
    found: list[dict[str, Any]] = document["segments"]
    return found


def texts_of(ended: Ended, language: str) -> list[str]:
    """The texts of the translated segments."""
    return [segment["text"] for segment in segments_of(ended, language)]


def _write(job: Path, stage: str, name: str, file: str, document: Mapping[str, Any]) -> None:
    (job / stage).mkdir(parents=True)
    (job / stage / file).write_text(json.dumps(document))
    outputs = [{"name": name, "path": f"{stage}/{file}"}]
    manifest = {"status": "success", "outputs": outputs}
    (job / stage / "manifest.json").write_text(json.dumps(manifest))
