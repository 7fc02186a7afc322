#!/usr/bin/env python3
"""Stage 02, tmdb: finds out what film it is and who is in it."""

from __future__ import annotations

import json
import logging
import os
import sys
from pathlib import Path
from typing import Tuple

from film_details import Details, DetailsError, details_document, read_details
from film_lookup import LookUp, look_up
from film_search import Wanted
from lookup_errors import NoDetailsError, NotAskedError, WrongSettingError
from site_network import TMDB, check_may_have_token, check_url

from shared.config import Config, load_config
from shared.errors import ConfigError, SecretMissingError
from shared.stage_utils import StageIO
from shared.stage_warnings import warn

_KEYS = ("TMDB_TITLE", "TMDB_YEAR", "TMDB_ID", "TMDB_LANGUAGE", "TMDB_TIMEOUT", "TMDB_ATTEMPTS")


def run_stage(job_dir: Path, stage_name: str = "02_tmdb") -> int:
    """Writes enrichment.json: the film's titles, people and keywords.

    Without details the stage is skipped. Returns 0 then and on success, 1 on failure.
    """
    io = StageIO(stage_name, job_dir, enable_manifest=True)
    logger = io.get_stage_logger()
    try:
        details, source = _find_details(io, logger, load_config())
        output = io.output("enrichment")
        document = json.dumps(details_document(details, source), indent=1, ensure_ascii=False)
        output.write_text(document + "\n", encoding="utf-8")
        logger.info("%s (%s), %d roles", details.title, details.year, len(details.cast))
        io.finalize(status="success", source=source, roles=len(details.cast))
        return 0
    except NoDetailsError as error:  # a film can be subtitled without
        reason = f"{error} The job goes on without TMDB."
        warn(io, reason)
        io.finalize(status="skipped", reason=reason, outcome=error.outcome)
        return 0
    except (DetailsError, WrongSettingError, ConfigError) as error:  # the user's to mend
        logger.error("%s", error)
        io.add_error(str(error), error)
        io.finalize(status="failed")
        return 1
    except Exception as error:
        logger.exception("Unexpected error: %s", error)
        io.add_error(str(error), error)
        io.finalize(status="failed")
        return 1


def _find_details(io: StageIO, logger: logging.Logger, config: Config) -> Tuple[Details, str]:
    """The details and where they are from: the user's file, else TMDB."""
    io.set_config({key: config.get(key) for key in _KEYS})
    file = io.input("details")
    if file is not None:
        return read_details(file), "file"
    task = _task(io, logger, config)
    result = look_up(task)
    if result.doubt:
        warn(io, result.doubt)
    return result.details, "tmdb"


def _task(io: StageIO, logger: logging.Logger, config: Config) -> LookUp:
    wanted = Wanted(
        id=config.get("TMDB_ID", "").strip(),
        title=config.get("TMDB_TITLE", "").strip(),
        year=config.get_int("TMDB_YEAR", None),
        file_name=_file_name(io),
    )
    wanted.check()
    url, warning = check_url(config.get("TMDB_URL", TMDB).strip())
    io.set_config({"TMDB_URL": url})
    token = _token(io)
    check_may_have_token(url, config.source("TMDB_URL") or "")
    if not wanted.id:
        wanted.names()  # says so before anything is sent if there is nothing to look for
    if warning:
        warn(io, warning)
    return LookUp(
        wanted=wanted,
        url=url,
        language=config.get("TMDB_LANGUAGE", "en-US"),
        timeout=config.get_float("TMDB_TIMEOUT", 10.0),
        attempts=config.get_int("TMDB_ATTEMPTS", 3),
        token=token,
        tell=lambda text: logger.info("%s", text),
    )


def _token(io: StageIO) -> str:
    try:
        token = io.secret("tmdb").strip()
    except SecretMissingError:
        token = ""
    if token:
        return token
    message = (
        "There is neither a file with the film's details (stagerun init JOB --input tmdb=FILE) nor"
        " a TMDB token (stagerun.yaml, secrets: tmdb)."
    )
    raise NotAskedError(message)


def _file_name(io: StageIO) -> str:
    """The name of the film's file, as an earlier stage noted it."""
    probe = io.input("probe")
    if probe is None:
        return ""
    try:
        title = json.loads(probe.read_text(encoding="utf-8"))["title"]
    except (ValueError, KeyError, TypeError, RecursionError):  # the user's own file, perhaps
        return ""
    return title if isinstance(title, str) else ""


def main() -> int:
    """Runs the stage on the job that OUTPUT_DIR names."""
    return run_stage(Path(os.environ.get("OUTPUT_DIR", "out")))


if __name__ == "__main__":
    sys.exit(main())
