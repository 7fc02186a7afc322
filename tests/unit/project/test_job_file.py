"""job.yaml: what it may name, since its values become paths here and inside a container."""

from pathlib import Path

import pytest

from runner.errors import JobFileError
from runner.job.folder import Job
from runner.project.settings import switches_from


def job_with(folder: Path, text: str) -> Job:
    (folder / "job.yaml").write_text(text + "\n")
    return Job(folder)


@pytest.mark.parametrize("name", ["../film.mkv", "a/../../x", "/etc/shadow", '""', ".", '"a\\0b"'])
def test_an_input_that_would_not_lie_below_input_is_refused_with_its_place(
    tmp_path: Path, name: str
) -> None:
    with pytest.raises(JobFileError, match=r"job\.yaml, line 2, column 3: input\.media: "):
        _ = job_with(tmp_path, f"input:\n  media: {name}").inputs


@pytest.mark.parametrize("name", ["film.mkv", "sub/film.mkv", "a..b", ".hidden", "the film.mkv"])
def test_a_name_that_lies_below_input_is_taken_as_it_is(tmp_path: Path, name: str) -> None:
    assert job_with(tmp_path, f"input: {{media: {name}}}").inputs == {"media": name}


@pytest.mark.parametrize("place", ["film.mkv", "../film.mkv", "/a/../film.mkv", '""', '"/a\\0b"'])
def test_a_reference_that_is_no_absolute_path_is_refused_with_its_place(
    tmp_path: Path, place: str
) -> None:
    with pytest.raises(JobFileError, match=r"job\.yaml, line 2, column 3: references\.media: "):
        _ = job_with(tmp_path, f"references:\n  media: {place}").references


def test_a_stage_of_which_only_a_limit_is_set_is_neither_switched_on_nor_off(
    tmp_path: Path,
) -> None:
    document = job_with(tmp_path, "stages: {a: {memory: 1GiB}, b: {enabled: no}}").document
    switches = switches_from(document.data["stages"])
    assert (switches["a"].enabled, switches["b"].enabled) == (None, False)
