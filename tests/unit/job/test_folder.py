"""The job directory: what is refused before anything runs, and files that are never half there."""

import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from runner.errors import JobFileError, JobFolderError
from runner.job.folder import Job, find_job, mount_points, open_job
from runner.job.removal import remove_folder

NOBODY = 65534


@pytest.fixture
def unprivileged() -> Iterator[Path]:
    """A folder of nobody's, with the rights of nobody: to root every folder is writable."""
    place = Path(tempfile.mkdtemp())
    if os.geteuid() != 0:
        yield place
    else:
        os.chown(place, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, 0)
        try:
            yield place
        finally:
            os.setresuid(0, 0, 0)
    for folder in (place, *place.rglob("*")):
        if folder.is_dir():
            folder.chmod(0o700)
    remove_folder(place)


def test_a_job_that_is_not_there_is_refused_with_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(JobFolderError, match=r"is not there. Make one with: stagerun init"):
        open_job(tmp_path / "job1")


def test_a_file_in_place_of_a_job_is_refused(tmp_path: Path) -> None:
    (tmp_path / "job1").write_text("")
    with pytest.raises(JobFolderError, match="is a file"):
        open_job(tmp_path / "job1")


def test_a_folder_without_job_file_is_no_job(tmp_path: Path) -> None:
    with pytest.raises(JobFolderError, match=r"has no job\.yaml"):
        open_job(tmp_path)


def test_a_job_file_with_a_mistake_is_refused_before_anything_runs(job: Job) -> None:
    job.file.write_text("inputs: {}\n")
    with pytest.raises(JobFileError, match=r"did you mean 'input'\?"):
        open_job(job.root)


def test_a_path_that_leads_round_in_circles_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(JobFolderError):
        open_job(tmp_path / "a")


def test_a_path_that_no_manifest_can_hold_is_refused(job: Job) -> None:
    odd = job.root.with_name(os.fsdecode(b"job\xff"))
    job.root.rename(odd)
    with pytest.raises(JobFolderError, match="cannot be used"):
        open_job(odd)


def test_a_job_behind_a_link_is_opened_where_it_really_lies(job: Job, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(job.root)
    assert open_job(tmp_path / "link").root == job.root


def test_a_job_that_may_not_be_written_is_refused_with_the_owner(unprivileged: Path) -> None:
    (unprivileged / "job.yaml").write_text("")
    unprivileged.chmod(0o500)
    with pytest.raises(JobFolderError, match=r"belongs to uid \d+ and you are uid \d+"):
        open_job(unprivileged)


def test_a_job_that_may_not_even_be_looked_at_is_refused(unprivileged: Path) -> None:
    job = unprivileged / "job1"
    job.mkdir()
    (job / "job.yaml").write_text("")
    unprivileged.chmod(0)
    with pytest.raises(JobFolderError, match="cannot be used"):
        open_job(job)


def test_reading_a_job_writes_nothing_into_it(tmp_path: Path) -> None:
    (tmp_path / "job.yaml").write_text("")
    find_job(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["job.yaml"]


def test_opening_a_job_makes_the_runners_folders(job: Job) -> None:
    assert (job.private / "runs").is_dir()
    assert (job.private / "locks").is_dir()
    assert job.logs.is_dir()


RUNNER_FOLDERS = [
    "logs",
    ".stagerun",
    ".stagerun/locks",
    ".stagerun/runs",
    ".stagerun/previous",
]


@pytest.mark.parametrize("name", RUNNER_FOLDERS)
def test_a_job_whose_runner_folders_lead_elsewhere_is_refused(
    job: Job, tmp_path: Path, name: str
) -> None:
    place = job.root / name
    if place.exists():
        remove_folder(place)
    (tmp_path / "elsewhere").mkdir()
    place.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(JobFolderError, match="is a symbolic link"):
        open_job(job.root)


@pytest.mark.parametrize("name", RUNNER_FOLDERS)
def test_a_job_with_a_file_in_place_of_a_runner_folder_is_refused(job: Job, name: str) -> None:
    remove_folder(job.root / name)
    (job.root / name).write_text("")
    with pytest.raises(JobFolderError, match=rf"{name} is no folder"):
        open_job(job.root)


def test_a_file_system_inside_the_job_is_refused_since_it_would_stay_writable(job: Job) -> None:
    inside = job.root / "input" / "disk"
    with pytest.raises(JobFolderError, match="another file system") as caught:
        open_job(job.root, lambda: [Path("/"), inside])
    assert str(inside) in str(caught.value)


def test_a_job_that_is_a_file_system_itself_is_no_problem(job: Job) -> None:
    beside = job.root.with_name("job10")
    assert open_job(job.root, lambda: [Path("/"), job.root, beside, job.root.parent]) == job


def test_the_machines_own_mounts_are_found() -> None:
    assert Path("/") in mount_points()


def test_a_file_is_replaced_as_a_whole(job: Job) -> None:
    path = job.root / "x.json"
    job.write(path, "one")
    with path.open() as reader:
        job.write(path, "two")
        assert reader.read() == "one"
    assert path.read_text() == "two"
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


def test_a_file_that_cannot_be_written_leaves_the_old_one_and_nothing_else(job: Job) -> None:
    path = job.root / "x.json"
    job.write(path, "one")
    before = sorted(job.root.iterdir())
    with pytest.raises(UnicodeEncodeError):
        job.write(path, "\udcff")
    assert path.read_text() == "one"
    assert sorted(job.root.iterdir()) == before


def test_a_reference_is_resolved_to_the_file_itself(job: Job, tmp_path: Path) -> None:
    (tmp_path / "film.mkv").write_text("")
    (tmp_path / "link.mkv").symlink_to("film.mkv")
    job.file.write_text(f"references: {{media: {tmp_path}/link.mkv}}\n")
    assert Job(job.root).references == {"media": tmp_path / "film.mkv"}


def test_a_reference_that_leads_round_in_circles_is_no_fault_of_the_program(
    job: Job, tmp_path: Path
) -> None:
    (circle := tmp_path / "circle.mkv").symlink_to("circle.mkv")
    job.file.write_text(f"references: {{media: {circle}}}\n")
    assert open_job(job.root).references == {"media": circle}


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to give files away")
def test_what_a_root_runner_makes_belongs_to_the_jobs_owner(tmp_path: Path) -> None:
    (tmp_path / "job.yaml").write_text("")
    os.chown(tmp_path, 1234, 2345)
    job = open_job(tmp_path)
    job.write(job.root / "x.json", "{}")
    for path in (job.private, job.private / "runs", job.logs, job.root / "x.json"):
        assert (path.stat().st_uid, path.stat().st_gid) == (1234, 2345)
    assert job.owner == (1234, 2345)


@pytest.mark.skipif(os.geteuid() == 0, reason="root runs containers as the job's owner")
def test_a_container_runs_as_the_caller(job: Job) -> None:
    assert job.owner == (os.geteuid(), os.getegid())


def test_a_folder_whose_parts_may_not_be_written_is_removed(unprivileged: Path) -> None:
    folder = unprivileged / "06_asr"
    (folder / "a" / "b").mkdir(parents=True)
    (folder / "a" / "b" / "file").write_text("")
    for part in (folder / "a" / "b", folder / "a"):
        part.chmod(0o500)
    (folder / "closed").mkdir()
    (folder / "closed").chmod(0)
    remove_folder(folder)
    assert not list(unprivileged.iterdir())


def test_removing_a_folder_follows_no_link(tmp_path: Path) -> None:
    (tmp_path / "keep").mkdir()
    (tmp_path / "keep" / "file").write_text("")
    (tmp_path / "gone").mkdir()
    (tmp_path / "gone" / "link").symlink_to(tmp_path / "keep")
    (tmp_path / "gone" / "broken").symlink_to("nowhere")
    remove_folder(tmp_path / "gone")
    assert [path.name for path in tmp_path.iterdir()] == ["keep"]
    assert (tmp_path / "keep" / "file").exists()


def test_a_folder_nested_deeper_than_a_path_can_be_is_removed(tmp_path: Path) -> None:
    deep = tmp_path / "deep"
    deep.mkdir()
    descriptor = os.open(deep, os.O_RDONLY)
    for _ in range(40):
        os.mkdir("x" * 200, dir_fd=descriptor)
        inner = os.open("x" * 200, os.O_RDONLY, dir_fd=descriptor)
        os.close(descriptor)
        descriptor = inner
    os.close(descriptor)
    remove_folder(deep)
    assert not list(tmp_path.iterdir())


def test_removing_what_is_not_there_is_no_mistake(tmp_path: Path) -> None:
    remove_folder(tmp_path / "nothing")


def test_runs_are_listed_oldest_first(job: Job) -> None:
    for name in ("20261121-0915-aaaa", "20261121-0914-ffff"):
        job.run_folder(name).mkdir()
    (job.private / "runs" / "stray").write_text("")
    assert [path.name for path in job.runs()] == ["20261121-0914-ffff", "20261121-0915-aaaa"]
