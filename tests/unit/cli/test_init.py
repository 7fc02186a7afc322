"""``stagerun init``: any name, whole or not at all, and never two films in one job."""

import os
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from runner.cli.init import command
from runner.errors import JobFolderError, UsageError
from runner.events import Copying, Event
from runner.job.creation import JobRequest, make_job, quoted
from runner.job.folder import open_job
from runner.job.input_files import Way, bring, same_content
from tests.unit.cli.bench import Bench

AWKWARD = (
    "a film.mkv",
    'it\'s "quoted".mkv',
    "-rf.mkv",
    "a: b #c, [d] {e} & *f !g |h >i %j @k.mkv",
    "字幕 – ñ 🎬.mkv",  # noqa: RUF001 - a dash is meant
    "back\\slash.mkv",
    "~",
    "null",
    "yes",
    "1:30",
    "e" * 255,
)


@pytest.fixture(autouse=True)
def in_the_project(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(bench.kit.root)


class Unusable(dict[str, str]):
    """Settings at which the making of a job breaks off."""

    def __bool__(self) -> bool:
        return bool(1 / 0)


def film(name: str = "film.mkv", text: str = "moving") -> Path:
    path = Path(name)
    path.write_text(text)
    return path


@pytest.mark.parametrize("name", AWKWARD)
def test_files_of_any_name_keep_it(bench: Bench, name: str) -> None:
    film(f"./{name}")
    said = bench.say(command, "out/new", "--input", f"text={name}")
    assert said.code == 0, said.text
    job = open_job(Path("out/new"))
    assert job.inputs == {"text": name}
    assert (job.input / name).samefile(Path(name))


@pytest.mark.parametrize(
    "name", ["two\nlines.mkv", "esc\x1b[2J.mkv", os.fsdecode(b"latin\xe9.mkv")]
)
def test_names_that_break_lists_are_made_tame(bench: Bench, name: str) -> None:
    film(name)
    assert bench.say(command, "out/new", "--input", f"text={name}").code == 0
    (inside,) = (open_job(Path("out/new")).input).iterdir()
    assert inside.name.isprintable()
    assert "_" in inside.name


@pytest.mark.parametrize("job", ["out/a b", "out/ünï", "-dash", "q\"u'o", "deep/er/still"])
def test_jobs_of_any_name_can_be_made(bench: Bench, job: str) -> None:
    film()
    said = bench.say(command, "--input", "text=film.mkv", "--", job)
    assert said.code == 0
    assert open_job(Path(job)).inputs == {"text": "film.mkv"}


def test_settings_and_workflow_are_kept_as_text(bench: Bench) -> None:
    bench.kit.spec(
        "50_probe",
        """\
        summary: Copies
        parent: base
        inputs: {text: input/text}
        outputs: {copy: {file: copy.txt, type: text}}
        config: {LANGUAGE: {type: str, help: Which}}
        """,
    )
    film()
    words = ("--input", "text=film.mkv", "--set", "LANGUAGE=no", "--workflow", "first")
    assert bench.say(command, "out/new", *words).code == 0
    job = open_job(Path("out/new"))
    assert job.layer.config == {"LANGUAGE": "no"}
    assert job.workflow == "first"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--input", "text=gone.mkv"), "No such file"),
        (("--input", "text=out"), "is a directory"),
        (("--input", "text=pipe"), "no regular file"),
        (("--input", "text=circle"), "circle"),
        (("--input", "film.mkv"), "--input media=film.mkv"),
        (("--input", "te xt=film.mkv"), "write a name and a file"),
        (("--input", "tekst=film.mkv"), "did you mean text?"),
        (("--input", "text=film.mkv", "--input", "text=film.mkv"), "twice"),
        (("--input", "text=film.mkv", "--set", "NOPE=1"), "NOPE"),
        (("--input", "text=film.mkv", "--workflow", "coppy"), "did you mean copy?"),
        ((), "a job needs a file"),
    ],
)
def test_what_cannot_become_a_job_is_refused_with_the_reason(
    bench: Bench, words: tuple[str, ...], told: str
) -> None:
    film()
    os.mkfifo("pipe")
    Path("circle").symlink_to("circle")
    said = bench.say(command, "out/new", *words)
    assert said.code == 2
    assert told in said.text
    assert not Path("out/new").exists()


def test_the_same_job_again_is_fine_and_another_one_is_not(bench: Bench) -> None:
    film()
    film("other.mkv", "moving otherwise")
    bench.say(command, "out/new", "--input", "text=film.mkv")
    again = bench.say(command, "out/new", "--input", "text=film.mkv")
    assert (again.code, "already, and the same" in again.text) == (0, True)
    for words in (("text=other.mkv",), ("text=film.mkv", "--by-reference")):
        said = bench.say(command, "out/new", "--input", *words)
        assert said.code == 2
        assert "is there already, with" in said.text


@pytest.mark.parametrize("name", ["folder", "file", "dangling"])
def test_a_place_that_is_taken_is_left_alone(bench: Bench, name: str) -> None:
    film()
    Path("folder").mkdir()
    Path("folder/mine").touch()
    Path("file").touch()
    Path("dangling").symlink_to("nowhere")
    said = bench.say(command, name, "--input", "text=film.mkv")
    assert said.code == 2
    assert Path("folder/mine").exists()


def test_an_empty_folder_may_become_the_job(bench: Bench) -> None:
    film()
    Path("empty").mkdir()
    assert bench.say(command, "empty", "--input", "text=film.mkv").code == 0


def test_the_file_behind_a_link_comes_into_the_job(bench: Bench) -> None:
    film("target.mkv")
    Path("link.mkv").symlink_to("target.mkv")
    bench.say(command, "out/new", "--input", "text=link.mkv")
    inside = Path("out/new/input/link.mkv")
    assert not inside.is_symlink()
    assert inside.samefile("target.mkv")


def test_a_file_can_stay_where_it_is(bench: Bench) -> None:
    film()
    said = bench.say(command, "out/new", "--input", "text=film.mkv", "--by-reference", "--json")
    assert said.document["inputs"] == {"text": "by reference"}
    job = open_job(Path("out/new"))
    assert job.references == {"text": Path("film.mkv").absolute()}
    assert (job.input / "film.mkv").stat().st_size == 0


def test_two_inputs_with_one_file_name_both_come_in(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "x.txt").write_text(folder)
    inputs = {"one": tmp_path / "a/x.txt", "two": tmp_path / "b/x.txt"}
    created = make_job(JobRequest(place=tmp_path / "job", inputs=inputs), print, elsewhere="")
    assert created.job.inputs == {"one": "x.txt", "two": "two-x.txt"}
    assert (created.job.input / "two-x.txt").read_text() == "b"


def test_what_a_container_could_not_read_is_copied_and_the_copy_says_so(tmp_path: Path) -> None:
    source, target = tmp_path / "mine", tmp_path / "copy"
    source.write_bytes(b"x" * 5_000_000)
    source.chmod(0o600)
    events: list[Event] = []
    way = bring(source, target, (12345, 12345), events.append)
    assert way in (Way.COPY, Way.REFLINK)
    assert target.read_bytes() == source.read_bytes()
    assert same_content(target, source, digest=lambda path: pytest.fail(str(path)))
    if way is Way.COPY:
        assert events[-1] == Copying(path=str(source), done=5_000_000, total=5_000_000)


def test_a_job_that_could_not_be_finished_leaves_nothing(tmp_path: Path) -> None:
    source = film()
    request = JobRequest(place=tmp_path / "jobs" / ("j" * 300), inputs={"text": source})
    with pytest.raises(JobFolderError, match="File name too long"):
        make_job(request, print, elsewhere="")
    request = JobRequest(place=tmp_path / "jobs/job", inputs={"text": source}, by_reference=True)
    with pytest.raises(ZeroDivisionError):
        make_job(replace(request, config=Unusable()), print, elsewhere="")
    assert not list((tmp_path / "jobs").iterdir())


def test_bytes_that_are_no_text_cannot_stand_in_job_yaml() -> None:
    with pytest.raises(UsageError, match="UTF-8"):
        quoted("/films/latin\udce9")


def test_without_space_for_a_copy_the_job_can_leave_the_file_where_it_is(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    film()

    def refuse(*_: object) -> None:
        raise OSError

    monkeypatch.setattr("os.link", refuse)
    monkeypatch.setattr("fcntl.ioctl", refuse)
    monkeypatch.setattr("os.fstatvfs", lambda _: SimpleNamespace(f_bavail=1, f_frsize=1))
    said = bench.say(command, "out/new", "--input", "text=film.mkv")
    assert said.code == 9
    assert "it has 6 B, 1 B are free" in said.text
    assert "stagerun init --by-reference" in said.text
    assert not Path("out/new").exists()
