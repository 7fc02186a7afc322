"""Files that are no stage's code: told in one sentence each, and never taken for good ones."""

import os
from pathlib import Path

import pytest

from runner.compliance.checking import Checked, check
from runner.compliance.targets import gather
from runner.errors import UsageError
from tests.unit.compliance.examples import checked, inside, page_spec


def only(found: Checked) -> str:
    (finding,) = found.findings
    return f"{finding.rule} {finding.message}"


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"\xff\xfe\x00", "ST001 is no Python"),
        (b"# coding: nonsense\n", "ST001 is no Python"),
        (b"a = '\xe9'\n", "ST001 is no Python"),
        (b"x" + b".a" * 50_000, "ST001 is "),
        (b"\0", "ST001 is no Python"),
    ],
)
def test_what_is_no_python_is_one_error(tmp_path: Path, data: bytes, told: str) -> None:
    (tmp_path / "stage.py").write_bytes(data)
    assert only(check(gather([tmp_path / "stage.py"]))).startswith(told)


def test_an_empty_file_by_itself_is_none_of_the_rules_business(tmp_path: Path) -> None:
    assert checked(tmp_path, "", spec="").findings == ()


def test_an_empty_stage_has_no_stage_io(tmp_path: Path) -> None:
    rules = {finding.rule for finding in checked(tmp_path, "").findings}
    assert rules == {"ST201", "ST402"}


def test_a_file_of_ten_thousand_lines_is_checked_to_its_end(tmp_path: Path) -> None:
    lines = "\n".join(f"logger.info('{number}')" for number in range(10_000))
    (finding,) = checked(tmp_path, inside(f"{lines}\nprint('the end')")).findings
    assert (finding.rule, finding.text.strip()) == ("ST101", "print('the end')")


def test_what_is_written_in_other_letters_is_pointed_at_where_it_stands(tmp_path: Path) -> None:
    (finding,) = checked(tmp_path, inside("text = 'ñandú'; print(text)")).findings
    assert finding.text[finding.column - 1 : finding.end_column - 1] == "print"


def test_a_folder_that_leads_to_itself_is_looked_through_once(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("print(1)\n")
    (tmp_path / "again").symlink_to(tmp_path)
    assert check(gather([tmp_path])).files == 1


def test_a_fifo_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "stage.py")
    assert check(gather([tmp_path])).files == 0


def test_a_path_where_nothing_is_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such file or folder"):
        gather([tmp_path / "gone.py"])


def test_a_spec_that_does_not_fit_is_told_and_the_code_is_checked_all_the_same(
    tmp_path: Path,
) -> None:
    found = checked(tmp_path, inside("print(1)"), spec=page_spec() + "colour: red\n")
    assert [finding.rule for finding in found.findings] == ["ST101", "ST002"]
    assert "colour" in found.findings[1].message


def test_a_parent_image_that_is_not_there_is_told(tmp_path: Path) -> None:
    found = checked(tmp_path, inside("pass"), spec=page_spec().replace("base", "nobody"))
    assert "no parent image 'nobody'" in only(found)


def test_a_stage_that_does_not_fit_its_project_is_told(tmp_path: Path) -> None:
    found = checked(tmp_path, inside("pass"), spec=page_spec().replace("input/text", "49_x/text"))
    assert only(found).startswith("ST002")


def test_a_dockerfile_that_is_no_text_is_told(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_bytes(b"\xff\xfe")
    assert only(check(gather([tmp_path / "Dockerfile"]))).startswith("ST001 cannot be read")
