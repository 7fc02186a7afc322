"""Jobs for stage 08: a transcript and terms in, translations out."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import docker
from docker.types import Mount

from shared.glossary import Term
from tests.stages.containers import LABEL, ROOT, Ended, Setup, Stages

# The models have 128 positions; this leaves room for a translation twice as long.
LONGEST: Final = "40"


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


def make_translation_models(folder: Path) -> Path:
    """A model store with a scripted model of each convention, and with several of Marian's."""
    recipe = "for kind in nllb m2m marian; do python3 /media/scripted_translator.py"
    recipe += " /models/translation/$kind $kind || exit; done"
    client = docker.from_env()
    try:
        client.containers.run(
            "stagerun/parent-mt-ct2:current",
            ["sh", "-c", recipe],
            mounts=[
                Mount("/models", str(folder), type="bind"),
                Mount("/media", str(ROOT / "tests" / "media"), type="bind", read_only=True),
            ],
            user=f"{os.getuid()}:{os.getgid()}",
            environment={"HOME": "/tmp", "PYTHONDONTWRITEBYTECODE": "1"},
            labels={LABEL: ""},
            network_mode="none",
            remove=True,
        )
    finally:
        client.close()
    for pair in ("en-es", "en-pt-BR"):
        translation = folder / "translation"
        shutil.copytree(translation / "marian", translation / "pairs" / pair)
    return folder


def translate(stages: Stages, models: Path, job: Path, **config: str) -> Ended:
    """Runs the stage with CTranslate2, with the NLLB model unless told otherwise."""
    settings = {
        "TRANSLATION_ENGINE": "ctranslate2",
        "TRANSLATION_MODEL": "nllb",
        "TRANSLATION_MAX_TOKENS": LONGEST,
        "TARGET_LANGUAGES": "es",
    }
    return stages.run(
        "08_translation", job, Setup(variant="cpu", models=models), **{**settings, **config}
    )


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
