"""``stagerun test``, with an engine in memory."""

from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from runner.cli.test import command
from runner.host.engine_fake import FakeProcess
from tests.project_kit import STAGES, Kit
from tests.unit.cli.bench import NEXT, PROBE, Bench, copy_input, fail

FIXTURE = "input: {text: text.txt}\n"
GOOD = """\
outputs: {copy: {files: 1, contains: hello}}
bad:
  nothing to read: {leave_out: [text], verdict: input_missing, says: names no such file}
"""


def give_fixture(kit: Kit, expect: str = GOOD, fixture: str = FIXTURE, stage: str = PROBE) -> Path:
    folder = kit.root / "stages" / stage / "fixture"
    folder.mkdir()
    (folder / "fixture.yaml").write_text(fixture)
    (folder / "expect.yaml").write_text(expect)
    (folder / "text.txt").write_text("Hello.\n")
    return folder


def jobs_left(bench: Bench) -> list[str]:
    return [path.name.partition("-")[0] for path in (bench.kit.root / "out/test").iterdir()]


def test_a_stage_that_does_as_expected_passes_and_leaves_nothing(bench: Bench) -> None:
    give_fixture(bench.kit)
    said = bench.say(command, PROBE)
    assert said.code == 0, said.text
    assert " ✓ 50_probe               fixture" in said.text
    assert " ✓ 50_probe               nothing to read" in said.text
    assert "50_probe  passed  2 cases" in said.text
    assert jobs_left(bench) == []


def test_a_fact_that_does_not_hold_fails_the_stage_and_its_job_stays(bench: Bench) -> None:
    give_fixture(bench.kit, "outputs: {copy: {files: 2, contains: [goodbye]}}\n")
    said = bench.say(command, PROBE)
    assert said.code == 1
    assert "copy: 1 file, not 2" in said.text
    assert 'copy.txt does not hold "goodbye"' in said.text
    assert "job: " in said.text
    assert jobs_left(bench) == [PROBE]


def test_a_stage_that_fails_is_shown_with_its_own_reason(bench: Bench) -> None:
    give_fixture(bench.kit)
    bench.does(PROBE, fail)
    said = bench.say(command, PROBE)
    assert said.code == 1
    assert "ended as stage_failed, not success" in said.text
    assert "film" in said.text
    assert "\x1b" not in said.text


def test_a_bad_input_must_end_as_the_fixture_says(bench: Bench) -> None:
    give_fixture(bench.kit, "bad: {an odd text: {verdict: stage_failed, says: odd}}\n")
    said = bench.say(command, PROBE)
    assert said.code == 1
    assert "ended as success, not stage_failed" in said.text


def test_a_failure_must_say_what_the_fixture_says(bench: Bench) -> None:
    give_fixture(bench.kit, "verdict: stage_failed\nbad: {x: {verdict: stage_failed, says: sea}}\n")
    bench.does(PROBE, fail)
    said = bench.say(command, PROBE)
    assert said.code == 1
    assert 'does not say "sea"' in said.text


def test_a_setting_that_is_refused_can_be_expected(bench: Bench) -> None:
    give_fixture(bench.kit, "bad: {x: {config: {ODD: a}, verdict: refused, says: no stage}}\n")
    said = bench.say(command, PROBE)
    assert said.code == 0, said.text


def test_a_stage_without_a_fixture_fails_and_is_told_what_to_write(bench: Bench) -> None:
    said = bench.say(command, PROBE)
    assert said.code == 1
    assert "50_probe has no fixture" in said.text
    assert "fixture/expect.yaml" in said.text


@pytest.mark.parametrize(
    ("fixture", "expect", "said"),
    [
        ("inputs: {}\n", GOOD, "fixture.yaml, line 1, column 1: there is no key 'inputs'"),
        (FIXTURE, "outputs: {copy: [}\n", "expect.yaml, line 1"),
        (FIXTURE, "bad: {x: {verdict: broken}}\n", "expect.yaml, line 1"),
        ("input: {text: other.txt}\n", GOOD, "other.txt is not there"),
        ("have: {49_none/text: text.txt}\n", "{}\n", 'no stage "49_none"'),
        ("input: {text: //gone.txt}\n", GOOD, "gone.txt is not there"),
    ],
)
def test_a_broken_fixture_is_told_with_file_and_reason(
    bench: Bench, fixture: str, expect: str, said: str
) -> None:
    give_fixture(bench.kit, expect, fixture)
    result = bench.say(command, PROBE)
    assert result.code == 1
    assert said in result.text


def test_a_stage_without_an_image_fails_and_is_told_how_to_build_it(bench: Bench) -> None:
    give_fixture(bench.kit, "outputs: {copy: 1}\n")
    bench.engine.images.clear()
    said = bench.say(command, PROBE)
    assert said.code == 1
    assert "stagerun build 50_probe" in said.text


def test_bytes_that_differ_from_run_to_run_are_found_with_twice(bench: Bench) -> None:
    give_fixture(bench.kit)
    runs: list[str] = []

    def flaky(process: FakeProcess) -> int:
        code = copy_input(process)
        runs.append("")
        process.path(f"/job/{PROBE}/copy.txt").write_text(f"hello\n{len(runs)}\n")
        return code

    bench.does(PROBE, flaky)
    assert bench.say(command, PROBE).code == 0
    said = bench.say(command, PROBE, "--twice")
    assert said.code == 1
    assert "50_probe/copy.txt differs between two runs: line 2" in said.text


def test_the_report_for_ci_has_every_case(bench: Bench, tmp_path: Path) -> None:
    give_fixture(bench.kit)
    bench.say(command, PROBE, NEXT, "--junit", tmp_path / "junit.xml")
    root = ET.parse(tmp_path / "junit.xml").getroot()
    assert [(suite.get("name"), suite.get("failures")) for suite in root] == [
        (PROBE, "0"),
        (NEXT, "1"),
    ]


def test_without_names_all_stages_are_tested_and_none_stops_the_others(bench: Bench) -> None:
    give_fixture(bench.kit)
    said = bench.say(command)
    assert said.code == 1
    assert [line.split()[1] for line in said.text.splitlines()[-3:]] == ["passed", "1", "1"]
    assert all(stage in said.text for stage in STAGES)


def test_the_results_can_be_had_as_json(bench: Bench) -> None:
    give_fixture(bench.kit)
    context_said = bench.say(command, PROBE, "--json")
    document = context_said.document
    assert (document["passed"], document["failed"]) == (2, 0)
    assert document["results"][0]["verdict"] == "success"


def test_an_image_that_is_older_than_the_stage_is_not_tested_in_its_place(bench: Bench) -> None:
    give_fixture(bench.kit)
    with (bench.kit.root / "stages" / PROBE / "stage.py").open("a") as file:
        file.write("raise SystemExit(9)\n")
    said = bench.say(command, PROBE)
    assert said.code == 1
    assert f"is older than stages/{PROBE}/stage.py" in said.text
    assert f"stagerun test {PROBE} --build" in said.text


@pytest.mark.parametrize(
    ("expect", "said"),
    [
        ("bad: {x: {leave_out: [texd], verdict: success}}\n", "leaves out 'texd'"),
        ("outputs: {copi: 1}\n", "no output 'copi'; did you mean copy?"),
        ("bad: {fixture: {verdict: success}}\n", "the name of the good one"),
    ],
)
def test_a_name_that_means_nothing_is_told(bench: Bench, expect: str, said: str) -> None:
    give_fixture(bench.kit, expect)
    result = bench.say(command, PROBE)
    assert result.code == 1
    assert said in result.text


def test_cases_may_have_any_names(bench: Bench) -> None:
    names = ["не", "но", "..", "made", "x" * 300]
    bad = "".join(f"  {name}: {{verdict: success}}\n" for name in names)
    give_fixture(bench.kit, f"bad:\n{bad}")
    said = bench.say(command, PROBE)
    assert said.code == 0, said.text


def test_a_failure_of_the_second_run_is_told_as_one(bench: Bench) -> None:
    give_fixture(bench.kit, "outputs: {copy: {contains: hello}}\n")
    runs: list[str] = []

    def flaky(process: FakeProcess) -> int:
        code = copy_input(process)
        runs.append("")
        if len(runs) > 1:
            process.path(f"/job/{PROBE}/copy.txt").write_text("another\n")
        return code

    bench.does(PROBE, flaky)
    said = bench.say(command, PROBE, "--twice")
    assert "the second of two runs is another one" in said.text
    assert "case-0-again" in said.text
