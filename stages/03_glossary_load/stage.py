#!/usr/bin/env python3
"""Stage 03, glossary load: gathers the names and terms that a film needs."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from film_people import EnrichmentError
from gathering import Glossary, Sources, gather
from glossary_table import GlossaryFileError

from shared.config import Config, load_config
from shared.errors import ConfigError
from shared.glossary import write_names, write_terms
from shared.stage_utils import StageIO
from shared.stage_warnings import warn

_NOTHING = (
    "There is neither a glossary (stagerun init JOB --input glossary=FILE, glossary_master or"
    " glossary_learned) nor a film's details from 02_tmdb."
)


def run_stage(job_dir: Path, stage_name: str = "03_glossary_load") -> int:
    """Writes names.json, terms.json and report.json; skipped without any list to read.

    Returns 0 then and on success, 1 on failure.
    """
    io = StageIO(stage_name, job_dir, enable_manifest=True)
    logger = io.get_stage_logger()
    try:
        sources = _sources(io, load_config())
        if not (sources.film or sources.enrichment or sources.master or sources.learned):
            logger.info("%s", _NOTHING)
            io.finalize(status="skipped", reason=_NOTHING)
            return 0
        glossary = gather(sources)
        _write(io, glossary)
        warn(io, *glossary.warnings())
        logger.info("%d names and %d terms", len(glossary.names), len(glossary.terms))
        io.finalize(status="success", names=len(glossary.names), terms=len(glossary.terms))
        return 0
    except (GlossaryFileError, EnrichmentError, ConfigError) as error:  # the user's to mend
        logger.error("%s", error)
        io.add_error(str(error), error)
        io.finalize(status="failed")
        return 1
    except Exception as error:
        logger.exception("Unexpected error: %s", error)
        io.add_error(str(error), error)
        io.finalize(status="failed")
        return 1


def _sources(io: StageIO, config: Config) -> Sources:
    targets = config.get_list("TARGET_LANGUAGES")
    least = config.get_float("GLOSSARY_MIN_CONFIDENCE", 0.55)
    language = config.get("SOURCE_LANGUAGE", "en")
    io.set_config({"SOURCE_LANGUAGE": language, "TARGET_LANGUAGES": targets})
    io.set_config({"GLOSSARY_MIN_CONFIDENCE": least})
    return Sources(
        film=io.inputs("film"),
        enrichment=io.inputs("enrichment"),
        master=io.inputs("master"),
        learned=io.inputs("learned"),
        language=language,
        targets=targets,
        least_confidence=least,
    )


def _write(io: StageIO, glossary: Glossary) -> None:
    write_names([name.text for name in glossary.names], io.output("names"))
    write_terms([term.term() for term in glossary.terms], io.output("terms"))
    report = io.output("report")
    with report.open("w", encoding="utf-8", errors="backslashreplace") as file:
        json.dump(glossary.report(), file, indent=1, ensure_ascii=False)
        file.write("\n")


def main() -> int:
    """Runs the stage on the job that OUTPUT_DIR names."""
    return run_stage(Path(os.environ.get("OUTPUT_DIR", "out")))


if __name__ == "__main__":
    sys.exit(main())
