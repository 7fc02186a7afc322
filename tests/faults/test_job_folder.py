"""Job directories that cannot be used, or that are named as nobody expects."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults.calls import call, program
from tests.faults.small_disk import NEEDS_ROOT, small_disk
from tests.project_kit import STAGERUN, Kit, make_kit

ODD_NAMES = {
    "blanks": "two  words ",
    "quotes": 'it\'s "quoted" `so` $HOME',
    "line break": "first\nsecond\ttab",
    "unicode": "ünïcødé 影片 🎬",
    "leading dash": "-rf",
    "comma": "this, that",
    "colon": "this: that",
    "punctuation": "a,b:c=d;e&f|g*h?[i]{j}\\k#l%m!",
    "dots": "...",
    "long": "x" * 240,
}


# Podman has no way to say a comma and a colon at once: it refuses, which is tested with it.
PUNCTUATION = pytest.param("punctuation", marks=pytest.mark.docker)


def quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


@pytest.mark.engine
@pytest.mark.parametrize("kind", [*sorted(ODD_NAMES.keys() - {"punctuation"}), PUNCTUATION])
def test_a_job_and_an_input_of_any_name_can_be_run(real_kit: Kit, kind: str) -> None:
    name = ODD_NAMES[kind]
    job = real_kit.job(name)
    (job / "input/text.txt").rename(job / "input" / name)
    (job / "job.yaml").write_text(f"input: {{text: {quoted(name)}}}\n")

    outcome = call(real_kit, job)

    assert outcome.code == 0, outcome.text
    assert (job / "50_probe/copy.txt").read_text() == "hello\n"
    assert outcome.record is not None
    assert outcome.record["inputs"][0]["path"] == f"input/{name}"


@pytest.mark.engine
def test_a_job_in_the_current_folder_may_begin_with_a_dash(real_kit: Kit) -> None:
    real_kit.job("job").rename(real_kit.root / "-job")

    finished = real_kit.run("50_probe", "--dev", "--", "-job")

    assert finished.returncode == 0, finished.stderr
    assert (real_kit.root / "-job/50_probe/copy.txt").read_text() == "hello\n"


@pytest.mark.engine
@pytest.mark.parametrize("kind", ["quotes", "line break", "comma", "colon", PUNCTUATION])
def test_a_file_of_any_name_can_be_mounted_by_reference(real_kit: Kit, kind: str) -> None:
    far = real_kit.root / ODD_NAMES[kind]
    far.write_text("from afar\n")
    job = real_kit.job(text="")
    (job / "job.yaml").write_text(
        f"input: {{text: text.txt}}\nreferences: {{text: {quoted(str(far))}}}\n"
    )

    outcome = call(real_kit, job)

    assert outcome.code == 0, outcome.text
    assert (job / "50_probe/copy.txt").read_text() == "from afar\n"
    assert (job / "input/text.txt").read_text() == ""


@pytest.mark.engine
@pytest.mark.parametrize("target", ["far", "nowhere"])
def test_a_link_in_place_of_a_stage_folder_is_set_aside_and_never_followed(
    real_kit: Kit, job: Path, target: str
) -> None:
    (real_kit.root / "far").mkdir()
    (real_kit.root / "far/precious.txt").write_text("mine")
    shutil.rmtree(job / "50_probe")
    (job / "50_probe").symlink_to(real_kit.root / target)
    real_kit.code("50_probe", program())

    outcomes = [call(real_kit, job, "--force"), call(real_kit, job, "--force")]

    assert [outcome.code for outcome in outcomes] == [0, 0], outcomes[0].text
    assert not (job / "50_probe").is_symlink()
    assert [path.name for path in (real_kit.root / "far").iterdir()] == ["precious.txt"]


def test_a_job_directory_that_is_not_there_is_refused(kit: Kit) -> None:
    finished = kit.run("50_probe", "out/nothing", "--dev")

    assert finished.returncode == 2
    assert "out/nothing is not there" in finished.stderr
    assert "stagerun init" in finished.stderr
    assert not (kit.root / "out/nothing").exists()


def test_a_file_in_place_of_the_job_directory_is_refused(kit: Kit) -> None:
    (kit.root / "film.txt").write_text("no job")

    finished = kit.run("50_probe", "film.txt", "--dev")

    assert finished.returncode == 2
    assert "film.txt is a file" in finished.stderr


def test_a_folder_without_job_yaml_is_refused_and_stays_as_it_is(kit: Kit) -> None:
    (kit.root / "out/other").mkdir(parents=True)

    finished = kit.run("50_probe", "out/other", "--dev")

    assert finished.returncode == 2
    assert "it has no job.yaml" in finished.stderr
    assert list((kit.root / "out/other").iterdir()) == []


def test_a_name_that_is_no_text_is_refused(kit: Kit) -> None:
    job = kit.job()
    odd = os.fsencode(job.parent) + b"/\xff\xfe"
    job.rename(os.fsdecode(odd))

    finished = subprocess.run(
        [os.fsencode(STAGERUN), b"50_probe", odd, b"--dev"],
        cwd=kit.root,
        capture_output=True,
        timeout=60,
        check=False,
    )

    assert finished.returncode == 2, finished.stderr
    assert b"cannot be used" in finished.stderr
    assert b"Traceback" not in finished.stderr


@pytest.mark.root
@NEEDS_ROOT
def test_a_job_directory_that_may_not_be_written_is_refused(
    open_folder: Path,
) -> None:
    kit = make_kit(open_folder / "project")
    place = kit.job()

    finished = subprocess.run(
        ["setpriv", "--reuid=12345", "--regid=12345", "--clear-groups",
         sys.executable, STAGERUN, "50_probe", place, "--dev"],
        capture_output=True, text=True, timeout=60, check=False, cwd=kit.root,
        env={"PATH": os.environ["PATH"], "HOME": str(open_folder)},
    )  # fmt: skip

    assert finished.returncode == 2, finished.stderr
    assert "you may not write to the job directory" in finished.stderr
    assert "it belongs to uid 0 and you are uid 12345" in finished.stderr
    assert sorted(path.name for path in place.iterdir()) == ["input", "job.yaml"]


@pytest.mark.root
@NEEDS_ROOT
@pytest.mark.parametrize("verb", [["status"], ["run", "--dev"]])
def test_a_job_that_may_not_be_read_hides_none_of_the_others(
    open_folder: Path, verb: list[str]
) -> None:
    kit = make_kit(open_folder / "project")
    closed, junk = kit.job("closed"), kit.root / "junk"
    closed.chmod(0)

    finished = subprocess.run(
        ["setpriv", "--reuid=12345", "--regid=12345", "--clear-groups",
         sys.executable, STAGERUN, *verb, closed, junk],
        capture_output=True, text=True, timeout=60, check=False, cwd=kit.root,
        env={"PATH": os.environ["PATH"], "HOME": str(open_folder)},
    )  # fmt: skip

    text = finished.stdout + finished.stderr
    assert finished.returncode == 2, text
    assert "the job directory 'out/closed' cannot be used" in text
    assert "the job directory junk is not there" in text


@pytest.mark.root
@NEEDS_ROOT
def test_a_job_with_another_file_system_inside_is_refused(kit: Kit) -> None:
    job = kit.job()
    (job / "input/more space").mkdir()

    with small_disk(job / "input/more space", "1m"):
        finished = kit.run("50_probe", job, "--dev")

    assert finished.returncode == 2
    assert "another file system is mounted inside the job directory" in finished.stderr
    assert "input/more space" in finished.stderr
