"""Records for the runner: whole, small, numbered, and of INFO and above only."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from shared.logger import get_logger
from shared.records import LARGEST_BYTES, MOST_PARTS
from shared.stage_utils import StageIO

Start = Callable[..., Path]


def records(capfd: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    found = []
    for line in capfd.readouterr().err.split("\n")[:-1]:
        assert line[0] == "\x1e"
        assert line.isascii()
        assert len(line) + 1 <= LARGEST_BYTES
        found.append(json.loads(line[1:]))
    return found


def test_log_lines_are_records_with_a_sequence_from_one(
    runner: Start, capfd: pytest.CaptureFixture[str]
) -> None:
    runner()
    logger = StageIO().get_stage_logger()
    logger.info("año")
    logger.error("bad")
    first, second = records(capfd)
    assert set(first) == {"seq", "type", "time", "level", "logger", "message"}
    assert (first["seq"], first["type"], first["level"]) == (1, "log", "INFO")
    assert (first["logger"], first["message"]) == ("stage.asr", "año")
    assert first["time"].endswith("Z")
    assert (second["seq"], second["level"]) == (2, "ERROR")


def test_progress_shares_the_sequence(runner: Start, capfd: pytest.CaptureFixture[str]) -> None:
    runner()
    io = StageIO()
    io.get_stage_logger().info("line")
    io.progress(12.5, 29.0, "s")
    io.progress(3)
    _, first, second = records(capfd)
    assert (first["seq"], first["type"]) == (2, "progress")
    assert (first["done"], first["total"], first["unit"]) == (12.5, 29.0, "s")
    assert (second["seq"], second["total"], second["unit"]) == (3, None, "")


def test_debug_lines_stay_in_the_stages_log(
    runner: Start, capfd: pytest.CaptureFixture[str]
) -> None:
    runner()
    io = StageIO()
    io.get_stage_logger().debug("detail")
    assert records(capfd) == []
    assert "detail" in io.stage_log.read_text()


def test_lines_from_before_the_stage_opens_are_records_too(
    runner: Start, capfd: pytest.CaptureFixture[str]
) -> None:
    runner()
    get_logger("early.module").info("early")
    (record,) = records(capfd)
    assert (record["seq"], record["logger"]) == (1, "early.module")


@pytest.mark.parametrize(
    "message",
    [
        "x" * 50_000,
        'quotes " and \\ backslashes \n' * 2_000,
        "ñ" * 20_000,
        "😀" * 10_000,
        "\x00\x1e" * 5_000,
        "x" * (LARGEST_BYTES - 200) + "😀" * 50,
    ],
)
def test_long_messages_are_split_into_parts_that_join_again(
    runner: Start, capfd: pytest.CaptureFixture[str], message: str
) -> None:
    runner()
    StageIO().get_stage_logger().info("%s", message)
    parts = records(capfd)
    assert "".join(part["message"] for part in parts) == message
    assert [part["part"] for part in parts] == list(range(1, len(parts) + 1))
    assert {part["parts"] for part in parts} == {len(parts)}
    assert [part["seq"] for part in parts] == list(range(1, len(parts) + 1))
    assert {part["pid"] for part in parts} == {os.getpid()}


def test_a_message_without_end_is_cut_and_the_log_has_it_all(
    runner: Start, capfd: pytest.CaptureFixture[str]
) -> None:
    runner()
    io = StageIO()
    io.get_stage_logger().info("y" * 3_000_000)
    parts = records(capfd)
    assert len(parts) == MOST_PARTS + 1
    assert "stage.log" in parts[-1]["message"]
    assert io.stage_log.read_text().count("y") == 3_000_000


def test_a_level_of_the_stages_own_counts_as_the_next_lower_known_one(
    runner: Start, capfd: pytest.CaptureFixture[str]
) -> None:
    runner()
    logger = StageIO().get_stage_logger()
    for level in (20, 25, 35, 60):
        logger.log(level, "line")
    assert [r["level"] for r in records(capfd)] == ["INFO", "INFO", "WARNING", "CRITICAL"]


def test_a_very_long_logger_name_still_fits(
    runner: Start, capfd: pytest.CaptureFixture[str]
) -> None:
    runner()
    get_logger("n" * 5_000).info("line")
    assert records(capfd)[0]["message"] == "line"


def test_a_worker_process_sends_no_number(
    runner: Start, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    runner()
    # What a process finds whose parent sent the first record.
    monkeypatch.setenv("STAGERUN_RECORDS", f"{os.environ['STAGERUN_RUN_ID']} 1")
    get_logger("worker").info("line")
    assert records(capfd)[0]["seq"] is None


def test_the_runner_gets_no_pipeline_log_of_the_stages_own(
    runner: Start, capfd: pytest.CaptureFixture[str]
) -> None:
    job = runner()
    StageIO().get_stage_logger().info("line")
    assert not (job / "logs").exists()
    assert len(records(capfd)) == 1


def test_a_traceback_travels_in_the_message(
    runner: Start, capfd: pytest.CaptureFixture[str]
) -> None:
    runner()
    try:
        msg = "boom"
        raise RuntimeError(msg)
    except RuntimeError:
        StageIO().get_stage_logger().error("failed", exc_info=True)
    (record,) = records(capfd)
    assert record["message"].startswith("failed\nTraceback")
