"""Stages written as the two documents teach it, with every Python that this machine has."""

import json

from tests.contract.workplace import Ended, Workplace

CARD = '''
"""Stage: your_stage - by the card"""
import sys
from pathlib import Path
sys.path.insert(0, str(Path(__file__).parent.parent))
from shared.stage_utils import StageIO


def main():
    io = StageIO("your_stage")
    logger = io.get_stage_logger()
    try:
        logger.info("Begin")
        source = io.get_input_path("input.json")
        io.track_input(source, "json")
        output = io.get_output_path("output.json")
        BODY
        io.track_output(output, "json")
        io.finalize(status="success")
        logger.info("End")
        return 0
    except Exception as error:
        logger.error(f"Not done: {error}")
        io.finalize(status="failed")
        return 1


if __name__ == "__main__":
    sys.exit(main())
'''
GUIDE = '''
"""A stage by the guide"""
import os
import sys
from pathlib import Path
sys.path.insert(0, str(Path(__file__).parent.parent))
from shared.stage_utils import StageIO
from shared.config import load_config
from shared.logger import get_logger

logger = get_logger(__name__)
logger.info("module loaded")


def run_stage(job_dir: Path, stage_name: str = "XX_stage_name") -> int:
    io = StageIO(stage_name, job_dir, enable_manifest=True)
    logger = io.get_stage_logger()
    try:
        config = load_config()
        source = io.job_dir / "previous_stage" / "input.ext"
        if not source.exists():
            raise FileNotFoundError(f"There is no {source}")
        io.track_input(source, "file_type", format="ext")
        io.add_config("param_name", config.get("PARAM_NAME", "default"))
        output = io.stage_dir / "output.ext"
        logger.debug("copying")
        output.write_text(source.read_text())
        io.track_output(output, "file_type", format="ext")
        io.finalize(status="success")
        return 0
    except FileNotFoundError as error:
        logger.error(f"Not found: {error}", exc_info=True)
        io.add_error(str(error), error)
        io.finalize(status="failed")
        return 1


if __name__ == "__main__":
    sys.exit(run_stage(Path(os.environ.get("OUTPUT_DIR", "out")), "XX_stage_name"))
'''


def card(workplace: Workplace, body: str = "pass", **options: str) -> Ended:
    return workplace.run(CARD.replace("BODY", body), **options)


def test_the_cards_stage_succeeds_alone_even_if_it_writes_nothing(
    workplace: Workplace, python: str
) -> None:
    ended = card(workplace, python=python)
    assert ended.code == 0, ended.err
    manifest = ended.manifest("your_stage")
    assert manifest["status"] == "success"
    assert manifest["outputs"][0]["exists"] is False
    assert "[stage.your_stage] [INFO] End" in ended.stage_log("your_stage")
    assert "[your_stage] [INFO] End" in ended.pipeline_log()
    assert ended.out == ""
    assert sorted(path.name for path in workplace.job.iterdir()) == ["logs", "your_stage"]


def test_the_cards_stage_lists_what_its_body_writes(workplace: Workplace) -> None:
    ended = card(workplace, 'output.write_text("{}")')
    (entry,) = ended.manifest("your_stage")["outputs"]
    assert entry["path"] == "your_stage/output.json"
    assert entry["size_bytes"] == 2


def test_the_cards_stage_that_raises_has_failed_with_the_exception(workplace: Workplace) -> None:
    ended = card(workplace, 'raise RuntimeError("boom")')
    assert ended.code == 1
    manifest = ended.manifest("your_stage")
    assert manifest["status"] == "failed"
    assert manifest["errors"][0]["message"] == "boom"
    assert "boom" in ended.stage_log("your_stage")


def test_the_cards_stage_does_the_same_under_the_runner(workplace: Workplace) -> None:
    folder = workplace.job / ".stagerun" / "runs" / "run1"
    folder.mkdir(parents=True)
    request = {"run_id": "run1", "stage_id": "your_stage", "stages": ["your_stage"]}
    (folder / "request.json").write_text(json.dumps(request))
    around = {
        "STAGERUN_RUN_ID": "run1",
        "STAGERUN_STAGE": "your_stage",
        "OUTPUT_DIR": str(workplace.job),
    }
    ended = card(workplace, 'output.write_text("{}")', **around)
    assert ended.code == 0, ended.err
    manifest = ended.manifest("your_stage")
    assert (manifest["status"], manifest["run_id"]) == ("success", "run1")
    records = [json.loads(line) for line in ended.err.split("\x1e")[1:]]
    assert [record["message"] for record in records] == ["Begin", "End"]
    assert not (workplace.job / "logs").exists()


def test_the_guides_stage_succeeds(workplace: Workplace, python: str) -> None:
    source = workplace.job / "previous_stage" / "input.ext"
    source.parent.mkdir(parents=True)
    source.write_text("data")
    ended = workplace.run(GUIDE, python=python, PARAM_NAME="given")
    assert ended.code == 0, ended.err
    manifest = ended.manifest("XX_stage_name")
    assert manifest["status"] == "success"
    assert manifest["inputs"][0]["path"] == "previous_stage/input.ext"
    assert manifest["inputs"][0]["format"] == "ext"
    assert manifest["outputs"][0]["size_bytes"] == 4
    assert manifest["config"] == {"param_name": "given"}
    assert "[DEBUG] copying" in ended.stage_log("XX_stage_name")
    assert "copying" not in ended.pipeline_log() + ended.err


def test_a_line_from_before_the_stage_opened_is_on_the_console_and_in_the_log(
    workplace: Workplace,
) -> None:
    ended = workplace.run(GUIDE)
    assert ended.err.count("module loaded") == 1
    assert "[__main__] [INFO] module loaded" in ended.stage_log("XX_stage_name")
    assert ended.pipeline_log().count("module loaded") == 1


def test_the_guides_stage_without_its_input_has_failed_with_one_error(
    workplace: Workplace,
) -> None:
    ended = workplace.run(GUIDE)
    assert ended.code == 1
    manifest = ended.manifest("XX_stage_name")
    assert manifest["status"] == "failed"
    (error,) = manifest["errors"]
    assert error["exception_type"] == "FileNotFoundError"
    assert "Traceback" in error["traceback"]
    assert "Traceback" in ended.stage_log("XX_stage_name")
