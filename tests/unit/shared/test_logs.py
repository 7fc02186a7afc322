"""Which line goes where, and that none is lost, doubled or torn."""

import logging
import os
import re
import uuid
from pathlib import Path

import pytest

from shared.logger import EARLY_LINES, LogDesk, get_logger
from shared.stage_utils import StageIO


def pipeline_log(job: Path) -> str:
    (path,) = (job / "logs").glob("99_pipeline_*.log")
    return path.read_text()


def own_handlers(logger: logging.Logger) -> int:
    return sum(isinstance(handler, LogDesk) for handler in logger.handlers)


def test_every_level_goes_where_the_card_says(
    job: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    io = StageIO("asr", job)
    logger = io.get_stage_logger()
    logger.debug("Detailed step")
    logger.info("Progress update")
    logger.warning("Warning message")
    logger.error("Error occurred")
    console = capsys.readouterr().err
    for place in (io.stage_log.read_text(), pipeline_log(job), console):
        for text in ("Progress update", "Warning message", "Error occurred"):
            assert place.count(text) == 1
    assert "Detailed step" in io.stage_log.read_text()
    assert "Detailed step" not in pipeline_log(job)
    assert "Detailed step" not in console


def test_lines_have_the_two_documented_forms(job: Path) -> None:
    io = StageIO("asr", job)
    io.get_stage_logger().info("hello")
    moment = r"\[\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\]"
    assert re.fullmatch(moment + r" \[stage\.asr\] \[INFO\] hello\n", io.stage_log.read_text())
    assert re.fullmatch(moment + r" \[asr\] \[INFO\] hello\n", pipeline_log(job))


def test_the_logger_is_named_after_the_stage(job: Path) -> None:
    assert StageIO("06_asr", job).get_stage_logger().name == "stage.asr"
    assert StageIO("your_stage", job).get_stage_logger().name == "stage.your_stage"


def test_asking_twice_for_the_logger_doubles_no_line(job: Path) -> None:
    io = StageIO("asr", job)
    logger = io.get_stage_logger()
    assert io.get_stage_logger() is logger
    StageIO("asr", job).get_stage_logger().info("once")
    logger.info("twice")
    text = io.stage_log.read_text()
    assert (text.count("once"), text.count("twice")) == (1, 1)
    assert own_handlers(logger) == 1


def test_the_name_of_the_pipeline_log_says_when_and_which_process(job: Path) -> None:
    StageIO("asr", job)
    (path,) = (job / "logs").iterdir()
    assert re.fullmatch(rf"99_pipeline_\d{{8}}T\d{{6}}Z_{os.getpid()}\.log", path.name)


def test_one_process_writes_one_pipeline_log_per_job(job: Path) -> None:
    for name in ("demux", "asr"):
        io = StageIO(name, job)
        io.get_stage_logger().info("line of %s", name)
        io.finalize()
    assert "[demux] [INFO] line of demux" in pipeline_log(job)
    assert "[asr] [INFO] line of asr" in pipeline_log(job)


def test_lines_after_the_end_still_reach_the_logs(job: Path) -> None:
    io = StageIO("asr", job)
    logger = io.get_stage_logger()
    io.finalize(status="success")
    logger.info("Stage complete")
    assert "Stage complete" in io.stage_log.read_text()
    assert "Stage complete" in pipeline_log(job)


def test_lines_of_a_stage_reach_its_own_log_while_another_is_open(job: Path) -> None:
    first = StageIO("demux", job)
    logger = first.get_stage_logger()
    second = StageIO("asr", job)
    logger.info("from demux")
    second.get_stage_logger().info("from asr")
    assert "from demux" in first.stage_log.read_text()
    assert "from asr" not in first.stage_log.read_text()
    assert "from demux" not in second.stage_log.read_text()


def test_a_traceback_is_in_both_logs(job: Path) -> None:
    io = StageIO("asr", job)
    try:
        msg = "boom"
        raise RuntimeError(msg)
    except RuntimeError:
        io.get_stage_logger().error("failed", exc_info=True)
    for text in (io.stage_log.read_text(), pipeline_log(job)):
        assert "RuntimeError: boom" in text
        assert "Traceback" in text


def test_arguments_are_formatted_and_odd_text_is_written(job: Path) -> None:
    io = StageIO("asr", job)
    io.get_stage_logger().info("%s of %d", "año \ud83d", 3)
    assert "año \\ud83d of 3" in io.stage_log.read_text(encoding="utf-8")


def test_a_line_that_cannot_be_formatted_does_not_end_the_stage(
    job: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    io = StageIO("asr", job)
    get_logger(f"odd_{uuid.uuid4().hex}").info("%d", "no number")
    assert "no number" in capsys.readouterr().err
    io.finalize()


def test_early_lines_reach_the_console_at_once_and_the_log_later(
    job: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = f"early_{uuid.uuid4().hex}"
    logger = get_logger(name)
    StageIO("demux", job).finalize()  # whatever waited so far is written there
    # A fresh process has no stage; here one has ended, so lines go to it until the next opens.
    logger.debug("straight to the log")
    assert logger.name == name
    text = (job / "01_demux" / "stage.log").read_text()
    assert f"[{name}] [DEBUG] straight to the log" in text
    assert "straight" not in capsys.readouterr().err


def test_the_buffer_for_early_lines_is_bounded() -> None:
    assert EARLY_LINES <= 10_000


def test_a_logger_keeps_its_given_name_in_the_log(job: Path) -> None:
    io = StageIO("asr", job)
    get_logger("my.module").info("line")
    assert "[my.module] [INFO] line" in io.stage_log.read_text()
    assert "[asr] [INFO] line" in pipeline_log(job)


def test_parents_and_children_among_loggers_double_no_line(job: Path) -> None:
    io = StageIO("asr", job)
    get_logger("family")
    get_logger("family.child").info("line")
    assert io.stage_log.read_text().count("line") == 1


def test_loggers_of_other_libraries_are_left_alone(job: Path) -> None:
    other = logging.getLogger(f"library_{uuid.uuid4().hex}")
    before = (list(logging.getLogger().handlers), logging.getLogger().level)
    io = StageIO("asr", job)
    other.warning("not ours")
    assert (other.handlers, other.level, other.propagate) == ([], logging.NOTSET, True)
    assert (list(logging.getLogger().handlers), logging.getLogger().level) == before
    assert "not ours" not in io.stage_log.read_text()


def test_a_level_that_the_stage_sets_is_kept(job: Path) -> None:
    io = StageIO("asr", job)
    logger = get_logger(f"quiet_{uuid.uuid4().hex}")
    logger.setLevel(logging.ERROR)
    get_logger(logger.name).info("too quiet")
    assert "too quiet" not in io.stage_log.read_text()


def test_a_logger_without_a_name_is_refused() -> None:
    with pytest.raises(ValueError, match="__name__"):
        get_logger("")


def test_unwritable_logs_cost_one_warning_and_not_the_run(job: Path) -> None:
    (job / "logs").write_text("a file where the folder should be")
    io = StageIO("asr", job)
    logger = io.get_stage_logger()
    logger.info("one")
    logger.info("two")
    io.finalize()
    assert io.manifest is not None
    assert len(io.manifest.document()["warnings"]) == 1
    assert io.stage_log.read_text().count("[WARNING]") == 1
    assert "two" in io.stage_log.read_text()


def test_many_objects_leave_no_descriptor_and_no_handler_behind(tmp_path: Path) -> None:
    def descriptors() -> int:
        return len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - iterdir() holds one open itself

    logger = StageIO("asr", tmp_path / "warm").get_stage_logger()
    before = descriptors()
    for number in range(1_000):
        io = StageIO("asr", tmp_path / str(number % 20), enable_manifest=number % 3 > 0)
        logger = io.get_stage_logger()
        logger.debug("line")
        if number % 2:
            io.finalize()
    assert descriptors() <= before + 1
    assert own_handlers(logger) == 1


def test_many_unfinished_stages_leave_no_descriptor_behind(tmp_path: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - iterdir() holds one open itself
    stages = [StageIO("asr", tmp_path / str(number)) for number in range(100)]
    assert len(os.listdir("/proc/self/fd")) <= before + 3  # noqa: PTH208 - the same
    assert len(stages) == 100


def test_progress_without_a_runner_is_for_the_stages_log_alone(
    job: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    io = StageIO("asr", job)
    io.progress(12.5, 29.0, "s")
    io.progress(3)
    text = io.stage_log.read_text()
    assert "[DEBUG] progress: 12.5 of 29 s" in text
    assert "[DEBUG] progress: 3\n" in text
    assert capsys.readouterr().err == ""


def test_progress_is_thinned_out(job: Path) -> None:
    io = StageIO("asr", job)
    for done in range(5_000):
        io.progress(done, 10_000)
    io.progress(10_000, 10_000)
    lines = io.stage_log.read_text().splitlines()
    assert len(lines) < 200
    assert lines[-1].endswith("10000 of 10000")


def test_senseless_progress_is_ignored(job: Path) -> None:
    io = StageIO("asr", job)
    io.progress(float("nan"), 10)
    io.progress("much", 10)  # type: ignore[arg-type]  # the mistake under test
    assert io.stage_log.read_text() == ""
