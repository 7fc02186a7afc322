"""Every event is one line of JSON that any program can read."""

import json
from io import StringIO
from typing import get_args

import pytest

from runner.errors import Verdict
from runner.events import Event, JobFinished
from runner.observers.jsonl import JsonLines
from runner.observers.stream import Stream
from tests.unit.observers.recorded import failed, finished, log_line, progress


def lines_of(*events: Event) -> list[str]:
    out = StringIO()
    observer = JsonLines(Stream(out), clock=lambda: "2026-11-21T09:14:03.123Z")
    for event in events:
        observer(event)
    return out.getvalue().splitlines()


def test_an_event_is_an_object_with_its_type_and_time() -> None:
    (line,) = lines_of(JobFinished(job="j", verdict=Verdict.TIMEOUT, exit_code=8, result=("a",)))
    assert json.loads(line) == {
        "type": "job_finished",
        "time": "2026-11-21T09:14:03.123Z",
        "job": "j",
        "verdict": "timeout",
        "exit_code": 8,
        "result": ["a"],
    }


def test_a_refusal_has_an_exit_code_and_no_verdict() -> None:
    (line,) = lines_of(finished(verdict=None, exit_code=2, run_id=None))
    event = json.loads(line)
    assert (event["verdict"], event["exit_code"]) == (None, 2)


def test_a_record_stays_whole() -> None:
    (line,) = lines_of(failed(record={"usage": {"memory_peak_bytes": 1}}))
    assert json.loads(line)["record"]["usage"]["memory_peak_bytes"] == 1


def test_every_event_of_a_job_names_it() -> None:
    out = StringIO()
    JsonLines(Stream(out)).of_job("/w/out/film", "film")(log_line("x"))
    assert json.loads(out.getvalue())["job"] == "/w/out/film"


@pytest.mark.parametrize("message", ["a\nb", "\x1b[31m", "\udcff", "字幕"])
def test_whatever_a_stage_says_stays_one_ascii_line(message: str) -> None:
    (line,) = lines_of(log_line(message))
    assert line.isascii()
    assert json.loads(line)["message"] == message


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_numbers_that_json_lacks_are_null(number: float) -> None:
    (line,) = lines_of(progress(1, number))
    assert json.loads(line, parse_constant=pytest.fail)["total"] is None


def test_every_kind_of_event_has_a_name_of_its_own() -> None:
    assert len({kind.__name__ for kind in get_args(Event)}) == len(get_args(Event))
