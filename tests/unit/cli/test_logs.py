"""``stagerun logs``."""

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from runner.cli.logs import command
from runner.run.following import follow, writer_lives
from tests.unit.cli.bench import PROBE, Bench, fail


def test_the_log_of_a_stage_is_shown_in_either_order_of_words(bench: Bench) -> None:
    bench.run()
    assert "copied" in bench.say(command, "probe", bench.job.root).text
    assert "copied" in bench.say(command, bench.job.root, "probe").text


def test_what_the_program_printed_is_shown_on_request(bench: Bench) -> None:
    run_id = bench.run().run_id
    assert "printed by" in bench.say(command, PROBE, bench.job.root, "--output").text
    assert "printed by" in bench.say(command, bench.job.root, "--run", str(run_id)).text


def test_without_a_stage_the_newest_pipeline_log_is_shown(bench: Bench) -> None:
    for number, name in enumerate(("99_pipeline_b_1.log", "99_pipeline_a_2.log")):
        (bench.job.logs / name).write_text(f"log {number}\n")
        os.utime(bench.job.logs / name, (number, number))
    assert bench.say(command, bench.job.root).text == "log 1\n"


def test_the_log_of_the_kept_result_can_still_be_read(bench: Bench) -> None:
    good = bench.run().run_id
    bench.does(PROBE, fail)
    bench.run(force=True)
    assert "copied" in bench.say(command, PROBE, bench.job.root, "--run", str(good)).text


def test_a_log_that_is_not_kept_says_where_to_look(bench: Bench) -> None:
    old = str(bench.run().run_id)
    bench.run(force=True)
    said = bench.say(command, PROBE, bench.job.root, "--run", old)
    assert said.code == 2
    assert "--output" in said.text


@pytest.mark.parametrize("words", [(), (PROBE,), ("--run", "../..")])
def test_nothing_to_show_is_an_error_that_says_why(bench: Bench, words: tuple[str, ...]) -> None:
    said = bench.say(command, *words, bench.job.root)
    assert said.code == 2
    assert str(bench.job.root) in said.text


def test_control_characters_in_a_log_are_made_visible(bench: Bench) -> None:
    bench.run()
    (bench.job.root / PROBE / "stage.log").write_bytes(b"50%\r100%\r\n\x1b[2Jgone \xff\n")
    said = bench.say(command, PROBE, bench.job.root).text
    assert said == "50%\n100%\n\\x1b[2Jgone \N{REPLACEMENT CHARACTER}\n"


def test_a_link_in_the_place_of_a_log_is_not_followed(bench: Bench) -> None:
    bench.run()
    log = bench.job.root / PROBE / "stage.log"
    log.unlink()
    log.symlink_to(bench.job.file)
    assert bench.say(command, PROBE, bench.job.root).code == 2


def test_following_ends_at_once_when_nothing_runs(bench: Bench) -> None:
    bench.run()
    assert "copied" in bench.say(command, "-f", PROBE, bench.job.root).text


def test_what_is_written_last_is_still_read(tmp_path: Path) -> None:
    log = tmp_path / "stage.log"
    log.write_text("one\n")

    def answers() -> Iterator[bool]:
        yield True
        log.write_text("one\ntwo\n")
        yield True
        with log.open("a") as file:
            file.write("last\n")
        yield False

    turns = answers()
    text = "".join(follow(log, lambda: next(turns), pause_seconds=0))
    assert text == "one\ntwo\nlast\n"


def test_a_new_file_of_the_same_name_is_read_from_its_beginning(tmp_path: Path) -> None:
    log = tmp_path / "stage.log"
    log.write_text("old run\n")

    def answers() -> Iterator[bool]:
        yield True
        (tmp_path / "new").write_text("new run\n")
        (tmp_path / "new").replace(log)
        yield True
        yield False

    turns = answers()
    assert "".join(follow(log, lambda: next(turns), pause_seconds=0)) == "old run\nnew run\n"


def test_a_log_that_comes_later_is_waited_for(tmp_path: Path) -> None:
    log = tmp_path / "stage.log"
    writing = threading.Timer(0.05, lambda: log.write_text("there\n"))
    writing.start()
    until = time.monotonic() + 0.3
    text = "".join(follow(log, lambda: time.monotonic() < until, pause_seconds=0.02))
    writing.join()
    assert text == "there\n"


def test_a_characters_bytes_may_come_in_two_pieces(tmp_path: Path) -> None:
    log = tmp_path / "stage.log"
    log.write_bytes("é".encode()[:1])

    def answers() -> Iterator[bool]:
        yield True
        log.write_bytes("é".encode())
        yield False

    turns = answers()
    assert "".join(follow(log, lambda: next(turns), pause_seconds=0)) == "é"


def test_a_pipeline_log_is_over_when_its_process_is_gone(tmp_path: Path) -> None:
    mine = tmp_path / f"99_pipeline_20260101T000000_{os.getpid()}.log"
    mine.touch()
    other = tmp_path / f"99_pipeline_20260101T000000_{1 << 22}.log"
    other.touch()
    assert writer_lives(mine)
    assert not writer_lives(other)


def test_a_later_process_of_the_same_number_did_not_write_the_log(tmp_path: Path) -> None:
    log = tmp_path / f"99_pipeline_20260101T000000_{os.getpid()}.log"
    log.touch()
    os.utime(log, (0, 0))
    assert not writer_lives(log)
