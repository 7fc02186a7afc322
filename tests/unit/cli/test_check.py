"""``stagerun check``."""

import json
from pathlib import Path

import pytest

from runner.cli.check import command
from tests.project_kit import STAGES
from tests.unit.cli.bench import PROBE, Bench
from tests.unit.compliance.examples import inside

GOOD = '''\
"""Copies its input."""

import os
import shutil
import sys
from pathlib import Path

from shared.stage_utils import StageIO

DEFAULT = "out"


# What others call.
def run_stage(job_dir: Path, stage_name: str = "50_probe") -> int:
    """Copies its input."""
    io = StageIO(stage_name, job_dir)
    logger = io.get_stage_logger()
    try:
        shutil.copyfile(io.input("text"), io.output("copy"))
        io.finalize(status="success")
        return 0
    except Exception as error:
        logger.exception("%s", error)
        io.add_error(str(error), error)
        io.finalize(status="failed")
        return 1


def main() -> int:
    """Runs the stage on the job that OUTPUT_DIR names."""
    return run_stage(Path(os.environ.get("OUTPUT_DIR", DEFAULT)))


if __name__ == "__main__":
    sys.exit(main())
'''


def write(bench: Bench, code: str) -> Path:
    path = bench.kit.root / "stages" / PROBE / "stage.py"
    path.write_text(code)
    return path


def test_a_project_that_keeps_the_rules_is_good(bench: Bench) -> None:
    for stage in STAGES:
        (bench.kit.root / "stages" / stage / "stage.py").write_text(GOOD.replace(PROBE, stage))
    said = bench.say(command)
    assert said.code == 0, said.text
    assert "nothing found" in said.text


def test_a_finding_is_shown_with_its_place_its_line_and_a_caret(bench: Bench) -> None:
    path = write(bench, '"""Counts."""\nif __name__:\n    print(__name__)\n')
    said = bench.say(command, path)
    assert said.code == 1
    assert f"{path}:3:5: error: print() goes past stage.log" in said.text
    assert "[ST101 print]\n        print(__name__)\n        ^^^^^\n" in said.text
    assert said.text.endswith("1 file, 2 errors\n")


def test_warnings_fail_only_where_they_shall(bench: Bench) -> None:
    code = inside("pass").replace('    """Counts the words of a text."""\n', "")
    path = bench.kit.root / "lone.py"
    path.write_text(code)
    said = bench.say(command, path)
    assert (said.code, "1 warning" in said.text) == (0, True), said.text
    assert bench.say(command, path, "--strict").code == 1


def test_json_has_every_finding(bench: Bench) -> None:
    path = write(bench, '"""Counts."""\nprint(1)\n')
    found = json.loads(bench.say(command, "--json", path).text)
    assert (found["files"], found["errors"], found["warnings"]) == (1, 2, 0)
    assert found["findings"][0] == {
        "rule": "ST201", "name": "no-stage-io", "severity": "error", "path": str(path),
        "line": 1, "column": 1, "end_column": 2, "text": '"""Counts."""',
        "message": "no StageIO is made: without one there is neither manifest nor log",
    }  # fmt: skip


def test_what_a_file_says_does_not_steer_the_terminal(bench: Bench) -> None:
    path = write(bench, "print('\x1b[2J\u202e')\n")
    said = bench.say(command, path)
    assert "\x1b" not in said.text
    assert "\u202e" not in said.text


def test_the_checklist_of_a_stage_says_what_is_done_and_where(bench: Bench) -> None:
    path = write(bench, GOOD)
    (path.parent / "fixture").mkdir()
    said = bench.say(command, "--checklist", path.parent)
    assert said.code == 0, said.text
    line = next(line for line in said.text.splitlines() if "is there" in line)
    assert line.split() == [
        "✓", "run_stage(job_dir,", "stage_name)", "is", "there", "done", f"{path}:14",
    ]  # fmt: skip


def test_the_checklist_of_a_script_says_what_is_missing(bench: Bench) -> None:
    script = bench.kit.root / "old.py"
    script.write_text("import os\n\nprint(os.environ['A'])\n")
    said = bench.say(command, "--checklist", script)
    assert said.code == 1
    for text in (
        "inputs and outputs are declared",
        "StageIO is imported",
        "the stage's logger instead of print()",
    ):
        line = next(line for line in said.text.splitlines() if text in line)
        assert line.startswith(" ✗"), line
    assert "ST101 print() goes past stage.log" in said.text


def test_the_checklist_of_what_is_no_python_is_refused(bench: Bench) -> None:
    script = bench.kit.root / "old.py"
    script.write_text("def a(:\n")
    said = bench.say(command, "--checklist", script)
    assert said.code == 2
    assert "is no Python" in said.text


@pytest.mark.parametrize("words", [["gone.py"], ["--checklist", "gone.py"]])
def test_a_path_where_nothing_is_is_refused(bench: Bench, words: list[str]) -> None:
    said = bench.say(command, *words)
    assert said.code == 2
    assert "gone.py: there is no such file" in said.text


def in_sh(bench: Bench) -> Path:
    """The probe stage as a program in another language."""
    folder = bench.kit.root / "stages" / PROBE
    (folder / "stage.py").unlink()
    (folder / "run.sh").write_text("#!/bin/sh\n")
    spec = folder / "stage.yaml"
    spec.write_text(f"{spec.read_text()}command: [sh, ./run.sh]\n")
    return folder


def test_of_a_stage_in_another_language_the_spec_is_checked_and_the_check_says_so(
    bench: Bench,
) -> None:
    folder = in_sh(bench)
    said = bench.say(command, folder)
    assert (said.code, said.text.splitlines()[0]) == (
        0,
        f" – {folder}: no Python; of its files stage.yaml was checked",  # noqa: RUF001  # a dash
    )
    assert json.loads(bench.say(command, "--json", folder).text)["other_languages"] == [str(folder)]


@pytest.mark.parametrize("in_python", [True, False])
def test_a_stage_whose_program_is_not_there_is_an_error(bench: Bench, in_python: bool) -> None:
    folder = bench.kit.root / "stages" / PROBE if in_python else in_sh(bench)
    name = "stage.py" if in_python else "run.sh"
    (folder / name).unlink()
    said = bench.say(command, folder)
    assert said.code == 1
    assert f"and there is no {name}" in said.text
    assert "ST002 bad-spec" in said.text


def test_a_stage_in_another_language_has_no_checklist(bench: Bench) -> None:
    said = bench.say(command, "--checklist", in_sh(bench))
    assert said.code == 2
    assert "no Python is there" in said.text
