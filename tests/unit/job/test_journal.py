"""The journal: what a later runner can still read of one that died."""

import json

import pytest

from runner.job.folder import Job
from runner.job.journal import CLOSED, CONTAINER, INTENT, Journal, journal_of, open_runs

RUN = "20261121-0914-7f3a"


@pytest.fixture
def journal(job: Job) -> Journal:
    job.run_folder(RUN).mkdir()
    journal = journal_of(job, RUN)
    journal.write(INTENT, stage_id="06_asr", run_id=RUN)
    return journal


def steps(journal: Journal) -> list[str]:
    return [step["step"] for step in journal.read()]


def test_steps_are_read_in_the_order_of_their_writing(journal: Journal) -> None:
    journal.write(CONTAINER, container_id="c")
    first, second = journal.read()
    assert (first["step"], first["stage_id"]) == (INTENT, "06_asr")
    assert (second["step"], second["container_id"]) == (CONTAINER, "c")
    assert first["time"] <= second["time"]


def test_a_journal_that_is_not_there_has_no_steps(job: Job) -> None:
    assert journal_of(job, "never").read() == []
    assert not journal_of(job, "never").is_closed


@pytest.mark.parametrize(
    "torn", ['{"step": "cont', '{"step": "container"', "\x00\x00", "1\n", "[]"]
)
def test_a_torn_line_is_a_step_that_did_not_happen(journal: Journal, torn: str) -> None:
    with journal.path.open("a") as file:
        file.write(torn)
    assert steps(journal) == [INTENT]


def test_a_step_written_after_a_torn_line_counts(journal: Journal) -> None:
    with journal.path.open("a") as file:
        file.write('{"step": "cont')
    journal.write(CLOSED)
    assert steps(journal) == [INTENT, CLOSED]
    assert journal.is_closed


def test_bytes_that_are_no_text_break_nothing(journal: Journal) -> None:
    with journal.path.open("ab") as file:
        file.write(b"\xff\xfe")
    assert steps(journal) == [INTENT]


def test_a_run_without_its_last_step_is_open(job: Job, journal: Journal) -> None:
    assert [run_id for run_id, _ in open_runs(job, "06_asr")] == [RUN]
    journal.write(CLOSED, verdict="success")
    assert open_runs(job, "06_asr") == []


def test_a_run_with_a_record_that_was_not_closed_is_open(job: Job, journal: Journal) -> None:
    (journal.path.parent / "record.json").write_text("{}")
    assert [run_id for run_id, _ in open_runs(job, "06_asr")] == [RUN]


def test_open_runs_of_other_stages_are_not_this_stages(job: Job, journal: Journal) -> None:
    assert journal.path.exists()
    assert open_runs(job, "07_alignment") == []


def test_a_run_that_never_wrote_its_intent_left_nothing_to_finish(job: Job) -> None:
    job.run_folder("20261121-0914-0000").mkdir()
    job.run_folder("20261121-0914-0001").mkdir()
    journal_of(job, "20261121-0914-0001").path.touch()
    assert open_runs(job, "06_asr") == []


def test_a_text_that_speaks_of_being_closed_closes_nothing(journal: Journal) -> None:
    journal.write(CONTAINER, reason='"step": "closed"')
    assert not journal.is_closed


def test_a_line_is_whole_json(journal: Journal) -> None:
    journal.write(CONTAINER, reason="two\nlines \ud83c\udfac")
    assert all(json.loads(line) for line in journal.path.read_text().splitlines())
