"""``stagerun init --have``: a user's own file takes the place of a stage's output."""

import json
from pathlib import Path
from typing import Any

import pytest

from runner.cli.clean import command as clean
from runner.cli.init import command
from runner.cli.restore import command as restore
from runner.cli.run import command as run
from runner.cli.run import stage_command
from runner.cli.status import command as status
from runner.cli.validate import command as validate
from runner.cli.why import command as why
from runner.job.folder import Job, find_job
from runner.job.job_manifest import read_entries
from tests.unit.cli.bench import LAST, NEXT, PROBE, Bench, fail

SEVERAL = """\
    summary: Writes several things
    parent: base
    inputs: {text: input/text}
    outputs:
      copy: {file: copy.txt, type: text}
      pages: {file: "page_*.json", type: report}
      facts: {file: facts.json, type: metadata, schema: facts}
"""
FACTS = {
    "description": 'facts such as {"size": 5}',
    "required": ["size"],
    "properties": {"size": {"type": "number"}},
}


@pytest.fixture(autouse=True)
def in_the_project(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(bench.kit.root)


def mine(name: str = "mine.txt", text: str = "my own\n") -> Path:
    path = Path(name)
    path.write_text(text)
    return path


def make(bench: Bench, *words: str) -> Job:
    said = bench.say(command, "out/new", *words)
    assert said.code == 0, said.text
    return find_job(Path("out/new"))


def given(bench: Bench) -> Job:
    """A job without any input, which begins with the result of the second stage."""
    mine()
    return make(bench, "--have", "51_next/copy=mine.txt")


def facts_schema(bench: Bench) -> None:
    (bench.kit.root / "schemas").mkdir()
    (bench.kit.root / "schemas" / "facts.json").write_text(json.dumps(FACTS))


def entry(job: Job, stage: str) -> dict[str, Any]:
    return read_entries(job)[stage]


def test_what_follows_runs_from_the_given_file_and_nothing_before_it(bench: Bench) -> None:
    job = given(bench)
    said = bench.say(run, "out/new")
    assert said.code == 0, said.text
    assert "given: mine.txt" in said.text
    assert (job.root / LAST / "copy.txt").read_text() == "my own\n"
    assert not (job.root / PROBE).exists()
    assert len(bench.engine.created) == 1
    assert "cached" in bench.say(run, "out/new").text


def test_the_job_manifest_and_the_record_say_where_a_file_came_from(bench: Bench) -> None:
    job = given(bench)
    found = entry(job, NEXT)
    source = str(Path("mine.txt").absolute())
    assert found["given"] == [{"name": "copy", "path": "51_next/copy.txt", "source": source}]
    assert (found["verdict"], found["good_is"]) == ("success", "in place")
    record = json.loads((job.root / found["record"]).read_text())
    assert record["given"] == found["given"]
    manifest = json.loads((job.root / NEXT / "manifest.json").read_text())
    assert (manifest["stage"], manifest["run_id"]) == ("next", found["run_id"])
    assert json.loads(job.manifest_file.read_text())["job"] == "new"


def test_reports_know_a_given_result(bench: Bench) -> None:
    given(bench)
    rows = bench.say(status, "out/new").text.splitlines()
    assert [row.split()[:2] for row in rows[1:]] == [[NEXT, "success"], [LAST, "not"]]
    assert "given: mine.txt" in rows[1]
    text = bench.say(why, NEXT, "out/new").text
    assert text.startswith("up to date: you gave this result")
    assert "The user gave this result" in text
    checked = bench.say(validate, "out/new")
    assert checked.code == 0, checked.text
    assert "given result" in checked.text
    assert "nothing to clean" in bench.say(clean, "out/new").text


def test_a_dry_run_starts_from_it(bench: Bench) -> None:
    given(bench)
    steps = bench.say(run, "out/new", "--dry-run", "--json").document["jobs"][0]["stages"]
    assert [(step["stage"], step["answer"]) for step in steps] == [
        (NEXT, "up_to_date"),
        (LAST, "would_run"),
    ]


def test_forcing_a_job_keeps_what_was_given(bench: Bench) -> None:
    job = given(bench)
    bench.say(run, "out/new")
    assert bench.say(run, "out/new", "--force").code == 0
    assert entry(job, NEXT)["given"]
    assert len(bench.engine.created) == 2


def test_a_stage_that_ran_itself_is_given_no_longer(bench: Bench) -> None:
    mine()
    text = mine("text.txt", "moving")
    job = make(bench, "--have", "51_next/copy=mine.txt", "--input", f"text={text}")
    bench.say(stage_command("probe"), "out/new")
    assert bench.say(stage_command("next"), "out/new").code == 0
    assert entry(job, NEXT)["given"] == []
    assert (job.root / NEXT / "copy.txt").read_text() == "moving"
    assert bench.say(run, "out/new").code == 0
    assert entry(job, NEXT)["given"] == []


def test_a_failed_attempt_keeps_what_was_given_for_restore(bench: Bench) -> None:
    mine()
    text = mine("text.txt", "moving")
    job = make(bench, "--have", "51_next/copy=mine.txt", "--input", f"text={text}")
    bench.say(stage_command("probe"), "out/new")
    bench.does(NEXT, fail)
    assert bench.say(stage_command("next"), "out/new").code != 0
    assert bench.say(restore, NEXT, "out/new").code == 0
    assert entry(job, NEXT)["given"]
    assert bench.say(run, "out/new").code == 0
    assert (job.root / LAST / "copy.txt").read_text() == "my own\n"


def test_a_given_file_that_was_changed_is_not_used(bench: Bench) -> None:
    job = given(bench)
    (job.root / NEXT / "copy.txt").write_text("changed")
    said = bench.say(run, "out/new")
    assert said.code == 4
    assert "was changed after it was given" in said.text
    assert bench.say(validate, "out/new").code == 3
    assert "was changed" in bench.say(why, NEXT, "out/new").text


def test_a_given_result_survives_that_its_stage_is_switched_off(bench: Bench) -> None:
    mine()
    text = mine("text.txt", "moving")
    job = make(bench, "--have", "51_next/copy=mine.txt", "--input", f"text={text}")
    plain = job.file.read_text()
    job.file.write_text(f"{plain}stages: {{{NEXT}: {{enabled: false}}}}\n")
    assert bench.say(run, "out/new").code == 4
    assert entry(job, NEXT)["verdict"] == "skipped"
    job.file.write_text(plain)
    said = bench.say(run, "out/new")
    assert said.code == 0, said.text
    assert "given: mine.txt" in said.text
    assert entry(job, NEXT)["given"]


def test_the_same_job_is_there_already_and_a_different_one_is_refused(bench: Bench) -> None:
    given(bench)
    words = ("out/new", "--have", "51_next/copy=mine.txt")
    assert "is there already, and the same" in bench.say(command, *words).text
    other = mine("other.txt", "another")
    said = bench.say(command, "out/new", "--have", f"51_next/copy={other}")
    assert said.code == 2
    assert "another file as 51_next/copy.txt" in said.text
    said = bench.say(command, *words, "--have", f"50_probe/copy={other}")
    assert said.code == 2
    assert "other results of the user's own (51_next/copy.txt)" in said.text


def test_a_file_that_fits_its_schema_is_taken(bench: Bench) -> None:
    bench.kit.spec(PROBE, SEVERAL)
    facts_schema(bench)
    mine("own.json", '{"size": 5, "more": null}')
    job = make(bench, "--have", "50_probe/facts=own.json")
    assert (job.root / PROBE / "facts.json").read_text() == '{"size": 5, "more": null}'


def test_a_schema_that_the_project_lacks_is_named_with_its_place(bench: Bench) -> None:
    bench.kit.spec(PROBE, SEVERAL)
    mine("own.json", "{}")
    said = bench.say(command, "out/new", "--have", "50_probe/facts=own.json")
    assert said.code == 2
    assert str(bench.kit.root / "schemas" / "facts.json") in said.text
    assert not Path("out/new").exists()


def test_several_files_of_a_pattern_keep_their_names_and_other_outputs_may_be_absent(
    bench: Bench,
) -> None:
    bench.kit.spec(PROBE, SEVERAL)
    mine("page_1.json", "{}")
    mine("page_2.json", "{}")
    words = [word for n in (1, 2) for word in ("--have", f"50_probe/pages=page_{n}.json")]
    job = make(bench, *words)
    paths = [output["path"] for output in entry(job, PROBE)["outputs"]]
    assert paths == ["50_probe/page_1.json", "50_probe/page_2.json"]
    checked = bench.say(validate, "out/new")
    assert checked.code == 0, checked.text
    said = bench.say(run, "out/new")
    assert said.code == 4
    assert "50_probe was given without it" in said.text


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["51_next=mine.txt"], "write a stage, its output and a file"),
        (["51_next/copy="], "write a stage, its output and a file"),
        (["51_nxt/copy=mine.txt"], "did you mean 51_next?"),
        (["51_next/copies=mine.txt"], "it has: copy"),
        (["51_next/copy=absent.txt"], "cannot be used"),
        (["51_next/copy=out"], "is a directory"),
        (["51_next/copy=empty"], "the file is empty"),
        (["51_next/copy=mine.txt", "next/copy=stagerun.yaml"], "have the same place"),
        (["50_probe/facts=mine.txt"], "is not JSON"),
        (["50_probe/facts=page_1.json"], "'size' is missing. Wanted: facts such as"),
        (["50_probe/facts=page_2.json"], 'size: "5" is no number. Wanted: facts such as'),
        (["50_probe/pages=page_1.json", "50_probe/facts=page_2.json"], "facts=page_2.json: size"),
        (["51_next/copy=latin"], "line 1 is not in UTF-8"),
        (["50_probe/facts=list.json"], "must hold a JSON object"),
        (["50_probe/pages=list.json"], "are named page_*.json, and list.json is not"),
    ],
)
def test_what_cannot_be_such_a_result_is_refused_before_a_job_is_made(
    bench: Bench, words: list[str], problem: str
) -> None:
    bench.kit.spec(PROBE, SEVERAL)
    facts_schema(bench)
    mine()
    mine("empty", "")
    mine("page_1.json", "{}")
    mine("page_2.json", '{"size": "5"}')
    Path("latin").write_bytes(b"gar\xe7on")
    mine("list.json", "[]")
    said = bench.say(command, "out/new", *(part for word in words for part in ("--have", word)))
    assert said.code == 2
    assert problem in said.text
    assert not Path("out/new").exists()
