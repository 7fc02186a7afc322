"""``stagerun run --watch``: jobs of what arrives, until the call is stopped."""

import contextlib
import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from runner.cli.run import command
from runner.host.engine_fake import FakeProcess
from tests.unit.cli.bench import LAST, PROBE, Bench, Said, fail, write_manifest


@pytest.fixture(autouse=True)
def in_the_project(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(bench.kit.root)
    (bench.kit.root / "films").mkdir()
    bench.does(PROBE, copy_film)


@pytest.fixture(autouse=True)
def heeded_interrupt() -> Iterator[None]:
    """SIGINT as a terminal has it: who starts tests in the background has them ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def copy_film(process: FakeProcess) -> int:
    """A first stage that takes the job's file whatever its name."""
    (film,) = process.path("/job/input").iterdir()
    folder = process.path(f"/job/{PROBE}")
    (folder / "copy.txt").write_bytes(film.read_bytes())
    write_manifest(folder)
    return 0


def fail_for_bad_films(process: FakeProcess) -> int:
    (film,) = process.path("/job/input").iterdir()
    return fail(process) if film.read_text().startswith("bad") else copy_film(process)


def watch(bench: Bench, until: Callable[[], bool], *words: str) -> Said:
    """Watch the folder until something is so, and stop the call as Ctrl-C does."""

    def stop() -> None:
        end = time.monotonic() + 30
        while time.monotonic() < end:
            # What is being written is looked at again.
            with contextlib.suppress(OSError, ValueError, KeyError):
                if until():
                    break
            time.sleep(0.02)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=stop)
    thread.start()
    said = bench.say(command, "--watch", "films", "--settle", "0", *words)
    thread.join()
    return said


def ended(*names: str, code: int = 0) -> Callable[[], bool]:
    """Whether these jobs are noted as ended with a code."""
    return lambda: all(exit_code(name) == code for name in names)


def exit_code(name: str) -> int | None:
    note = json.loads(Path(f"out/{name}/.stagerun/watch.json").read_text())
    code: int | None = note["exit_code"]
    return code


def test_a_film_that_arrives_becomes_a_job_that_is_run(bench: Bench) -> None:
    Path("films/river.mkv").write_text("moving")
    said = watch(bench, ended("river"))
    assert said.code == 130
    assert "watching films" in said.text
    assert Path(f"out/river/{LAST}/copy.txt").read_text() == "moving"
    assert "1 done in" in said.text


def test_a_job_directory_that_arrives_is_run_where_it_is(bench: Bench) -> None:
    bench.kit.job("ready").rename("films/ready")
    watch(bench, Path(f"films/ready/{LAST}/copy.txt").exists)
    assert Path(f"films/ready/{LAST}/copy.txt").read_text() == "hello\n"


def test_what_failed_is_not_tried_again_until_its_file_changes(bench: Bench) -> None:
    bench.does(PROBE, fail_for_bad_films)
    Path("films/river.mkv").write_text("bad")
    assert f"✗ river/{PROBE}" in watch(bench, ended("river", code=1)).text
    Path("films/lake.mkv").write_text("good")
    watch(bench, ended("lake"))
    assert len(bench.engine.created) == 4
    Path("films/river.mkv").write_text("repaired")
    watch(bench, ended("river"))
    assert Path(f"out/river/{LAST}/copy.txt").read_text() == "repaired"


def test_a_film_that_is_replaced_becomes_the_jobs_film(bench: Bench) -> None:
    Path("films/river.mkv").write_text("first")
    watch(bench, ended("river"))
    Path("films/new").write_text("second one")
    Path("films/new").replace("films/river.mkv")
    result = Path(f"out/river/{LAST}/copy.txt")
    watch(bench, lambda: result.read_text() == "second one" and exit_code("river") == 0)
    assert Path("out/river/input/river.mkv").read_text() == "second one"


def test_a_call_that_was_stopped_is_gone_on_with_by_the_next(bench: Bench) -> None:
    Path("films/river.mkv").write_text("moving")

    def stop(process: FakeProcess) -> int:
        os.kill(os.getpid(), signal.SIGINT)
        process.sleep_until_signal(20)
        return 143

    bench.does(PROBE, stop)
    assert bench.say(command, "--watch", "films", "--settle", "0").code == 130
    assert exit_code("river") is None
    bench.does(PROBE, copy_film)
    watch(bench, ended("river"))
    assert Path(f"out/river/{LAST}/copy.txt").exists()


def test_what_is_done_is_not_looked_at_again(bench: Bench) -> None:
    Path("films/river.mkv").write_text("moving")
    watch(bench, ended("river"))
    Path("films/lake.mkv").write_text("still")
    said = watch(bench, ended("lake"))
    assert "river" not in said.text


def test_a_job_that_failed_before_anybody_watched_is_left_alone(bench: Bench) -> None:
    bench.does(PROBE, fail)
    bench.run()
    bench.job.root.rename("films/job")
    bench.does(PROBE, copy_film)
    Path("films/lake.mkv").write_text("still")
    watch(bench, ended("lake"))
    assert len(bench.engine.created) == 4
    Path("films/job/input/text.txt").write_text("changed")
    watch(bench, Path(f"films/job/{LAST}/copy.txt").exists)


def test_what_lies_beside_a_film_neither_fails_nor_takes_its_name(bench: Bench) -> None:
    for name in ("river.jpg", "river.mkv", "river.nfo", "README.txt"):
        Path(f"films/{name}").write_text("moving")
    said = watch(bench, ended("river"))
    assert Path("out/river/input/river.mkv").exists()
    assert [path.name for path in Path("out").glob("R*")] == []
    assert "1 done in" in said.text
    assert "river.nfo is left alone in films" in said.text


def test_names_that_are_asked_for_are_taken_in_place_of_films(bench: Bench) -> None:
    for name in ("lake.mkv", "river.TXT", "pond.wav"):
        Path(f"films/{name}").write_text("still")
    words = ("--only", "*.txt", "--only", "p*.wav")
    said = watch(bench, ended("river", "pond"), *words)
    assert not Path("out/lake").exists()
    assert "2 done in" in said.text


def test_two_films_of_one_name_are_not_mixed_up(bench: Bench) -> None:
    Path("films/river.avi").write_text("old")
    watch(bench, ended("river"))
    Path("films/river.mkv").write_text("new")
    Path("films/z.mkv").write_text("z")
    said = watch(bench, ended("z"))
    assert "✗ films/river.mkv   refused" in said.text
    assert "Give the film another name" in said.text
    assert Path("out/river/input/river.avi").read_text() == "old"


def test_a_named_film_that_is_refused_and_then_becomes_a_job_counts_once(bench: Bench) -> None:
    for name in ("lake", "river"):
        Path(f"films/{name}.mkv").write_text("moving")
    (in_the_way := Path("out/river/notes")).mkdir(parents=True)

    def is_run_when_there_is_room() -> bool:
        if in_the_way.exists() and exit_code("lake") == 0:
            in_the_way.rmdir()
            Path("films/river.mkv").write_text("moving on")
        return exit_code("river") == 0

    said = watch(bench, is_run_when_there_is_room, str(bench.job.root), "films/river.mkv")
    assert "✗ films/river.mkv   refused   out/river is there already" in said.text
    assert said.text.splitlines()[-1].startswith("3 done in ")


def test_a_job_that_another_call_has_is_left_to_it(bench: Bench) -> None:
    Path("films/river.mkv").write_text("moving")
    watch(bench, ended("river"))
    path = Path("out/river/.stagerun/watch.json")
    note = json.loads(path.read_text())
    note["runner"]["machine_id"] = "another machine"
    path.write_text(json.dumps({**note, "exit_code": None}))
    Path("films/lake.mkv").write_text("still")
    watch(bench, ended("lake"))
    assert json.loads(path.read_text())["exit_code"] is None


def test_an_engine_that_was_away_is_no_fault_of_the_film(bench: Bench) -> None:
    Path("films/river.mkv").write_text("moving")
    bench.engine.lost = True
    watch(bench, lambda: bool(list(Path("out/river/logs").iterdir())))
    bench.engine.lost = False
    watch(bench, ended("river"))


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("--watch", "nowhere"),
        ("--watch", "films", "--dry-run"),
        ("--watch", "films", "--out", "out/x"),
        ("--watch", "films", "--settle", "soon"),
        ("--watch", "films", "--only", ""),
        ("--watch", "films", "--only", "new/*.mkv"),
    ],
)
def test_words_that_make_no_sense_are_refused(bench: Bench, words: tuple[str, ...]) -> None:
    assert bench.say(command, *words).code == 2


@pytest.mark.parametrize("words", [("--settle", "1m"), ("--only", "*.mkv")])
def test_what_is_said_of_a_folder_is_not_ignored_where_none_is_watched(
    bench: Bench, words: tuple[str, ...]
) -> None:
    said = bench.say(command, bench.job.root, *words)
    assert (said.code, bench.engine.created) == (2, [])
    assert "--watch" in said.text
