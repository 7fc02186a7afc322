"""The tests of a stage's own code, which run inside its image."""

from collections.abc import Callable
from pathlib import Path

import pytest

from runner.fixture.case_run import CaseResult
from runner.fixture.logic_tests import has_tests, run_tests
from runner.host.engine_fake import FakeProcess
from tests.unit.cli.bench import PROBE, Bench

REPORT = """\
<testsuites><testsuite tests="2">
<testcase name="test_one" time="0.25"/>
<testcase name="test_two" time="0.5">
<failure message="assert 1 == 2">E  assert 1 == 2</failure></testcase>
</testsuite></testsuites>
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    folder = tmp_path / "place"
    folder.mkdir()
    return folder


def give_tests(bench: Bench) -> None:
    folder = bench.kit.root / "stages" / PROBE / "tests"
    folder.mkdir()
    (folder / "test_probe.py").write_text("def test_one():\n    pass\n")


def results(bench: Bench, place: Path, program: Callable[[FakeProcess], int]) -> list[CaseResult]:
    bench.does(PROBE, program)
    project = bench.project
    return run_tests(project.stages[PROBE], place, project, bench.host)


def test_only_a_folder_with_tests_counts(bench: Bench) -> None:
    assert not has_tests(bench.project.stages[PROBE])
    give_tests(bench)
    assert has_tests(bench.project.stages[PROBE])


def test_every_test_is_a_result_and_pytest_comes_from_this_machine(
    bench: Bench, place: Path
) -> None:
    give_tests(bench)
    seen: list[FakeProcess] = []

    def program(process: FakeProcess) -> int:
        seen.append(process)
        process.path("/report/junit.xml").write_text(REPORT)
        return 1

    found = results(bench, place, program)
    assert [(item.case, item.passed) for item in found] == [
        ("tests: test_one", True),
        ("tests: test_two", False),
    ]
    assert found[1].problems == ("E  assert 1 == 2",)
    (process,) = seen
    assert process.path("/pytest/pytest/__init__.py").is_file()
    assert process.path(f"/app/{PROBE}/tests/test_probe.py").is_file()
    assert process.spec.network == "none"


def test_what_keeps_tests_from_running_is_a_failure_with_its_last_lines(
    bench: Bench, place: Path
) -> None:
    give_tests(bench)

    def program(process: FakeProcess) -> int:
        process.print("no module named numpy")
        return 4

    (found,) = results(bench, place, program)
    assert found.problems == (
        "pytest ended with exit code 4, and reported no failure:\n  no module named numpy",
    )


def test_a_folder_in_which_no_test_is_found_fails(bench: Bench, place: Path) -> None:
    give_tests(bench)
    (found,) = results(bench, place, lambda _: 5)
    assert found.problems == ("there is no test in it",)


def test_without_an_image_the_tests_fail_with_what_to_do(bench: Bench, place: Path) -> None:
    give_tests(bench)
    bench.engine.images.clear()
    project = bench.project
    (found,) = run_tests(project.stages[PROBE], place, project, bench.host)
    assert "stagerun build 50_probe" in found.problems[0]
