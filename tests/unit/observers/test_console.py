"""The lines that stay: one per stage, three sentences per error, nothing hidden, nothing forged."""

from io import BytesIO, StringIO, TextIOWrapper

import pytest

from runner.errors import Verdict
from runner.events import (
    BuildFinished,
    BuildProgress,
    BuildStarted,
    Copying,
    JobFinished,
    JobStarted,
    Notice,
    StageWaiting,
)
from runner.observers.console import Console, Manner
from runner.observers.lines import shortened_from
from runner.observers.plain import cells
from runner.observers.stream import Stream
from tests.unit.observers.recorded import (
    RUN,
    STAGE,
    Shown,
    attempt_failed,
    failed,
    finished,
    log_line,
    started,
)
from tests.unit.window import Window

JOB = JobStarted(job="/w/out/film", headline="/w/out/film · film.mkv", stages=("01_demux", STAGE))


def test_a_stage_has_one_line_with_its_time_memory_and_result() -> None:
    assert Shown().after(started(), finished()) == " ✓ 06_asr     4.1 s     64 MB   segments.json\n"


def test_the_stages_of_a_job_stand_in_columns() -> None:
    text = Shown().after(
        JOB,
        finished(stage="01_demux"),
        finished(verdict=Verdict.SKIPPED, summary="no key", duration_seconds=None),
    )
    assert text.splitlines() == [
        "/w/out/film · film.mkv",
        " ✓ 01_demux     4.1 s     64 MB   segments.json",
        " – 06_asr     skipped             no key",  # noqa: RUF001 - a dash is meant
    ]


def test_an_error_says_what_happened_why_and_what_to_do() -> None:
    assert Shown().after(failed()).splitlines() == [
        " ✗ 06_asr   out of memory   6.2 s",
        "   The stage was killed at its limit of 2 GiB.",
        "   Raise it with --memory 6GiB.",
        "   log: out/job1/06_asr/stage.log",
    ]


def test_a_refusal_that_fits_stands_on_the_line_itself() -> None:
    refusal = finished(
        verdict=Verdict.INPUT_MISSING, summary="it reads from 01_demux", run_id=None,
        duration_seconds=None,
    )  # fmt: skip
    assert Shown().after(refusal) == " ✗ 06_asr   input missing   it reads from 01_demux\n"


REFUSAL = finished(
    verdict=None, exit_code=2, summary="no such key", run_id=None, duration_seconds=None
)


def test_a_stage_that_never_ran_is_not_called_failed() -> None:
    assert Shown().after(REFUSAL) == " ✗ 06_asr   refused   no such key\n"


def test_a_refusal_is_told_where_nothing_but_errors_is_told() -> None:
    shown = Shown(Manner(quiet=True))
    shown.after(REFUSAL)
    assert "no such key" in shown.errors.getvalue()


def test_warnings_stand_below_the_result_unless_they_were_shown_already() -> None:
    text = Shown().after(
        log_line("quiet sound", "WARNING"), finished(warnings=("quiet sound", "old image"))
    )
    assert text.count("quiet sound") == 1
    assert "   ! old image\n" in text


def test_what_stages_log_is_shown_only_to_those_who_ask() -> None:
    assert Shown().after(log_line("reading")) == ""
    assert "06_asr   reading" in Shown(Manner(verbose=True)).after(log_line("reading"))


def test_a_logged_line_cannot_forge_another_one() -> None:
    text = Shown().after(log_line("bad\n ✓ 06_asr   \x1b[2Kall good", "ERROR"))
    assert text.splitlines() == [
        "   06_asr   ERROR bad",
        "             ✓ 06_asr   \\x1b[2Kall good",
    ]


@pytest.mark.parametrize("field", ["summary", "details", "warnings"])
def test_nothing_that_a_stage_says_reaches_the_terminal_raw(field: str) -> None:
    evil = "\x1b]0;owned\x07\x1b[2J"
    event = failed(**{field: evil if field == "summary" else (evil,)})
    assert "\x1b" not in Shown().after(event)


def test_the_end_of_a_job_says_where_the_result_is() -> None:
    end = JobFinished(job="j", verdict=Verdict.SUCCESS, exit_code=0, result=("/w/out/film.mkv",))
    shown = Shown(Manner(shorten=shortened_from("/w")))
    assert shown.after(end) == " → out/film.mkv\n"


def test_an_unfinished_job_says_how_to_go_on() -> None:
    end = JobFinished(job="out/film", verdict=Verdict.TIMEOUT, exit_code=8)
    assert "stagerun status out/film; go on: stagerun run out/film" in Shown().after(end)


def test_paths_below_the_callers_folder_are_relative_and_others_stay() -> None:
    shorten = shortened_from("/w")
    assert (
        shorten("log: /w/out/a · /home/w/b, /wide/c, /w/") == "log: out/a · /home/w/b, /wide/c, /w/"
    )
    assert shortened_from("/")("/etc") == "/etc"


def test_waiting_and_notices_are_told() -> None:
    shown = Shown()
    text = shown.after(
        StageWaiting(stage=STAGE, reason="process 7 runs it"), Notice(stage=None, message="Ctrl-C")
    )
    assert text.splitlines() == [" … 06_asr   waiting   process 7 runs it", " ! Ctrl-C"]


def test_an_attempt_that_failed_says_what_the_next_one_has() -> None:
    lines = Shown().after(log_line("low", "WARNING"), attempt_failed()).splitlines()[1:]
    assert lines == [
        " ! 06_asr   attempt 1 of 3: out of memory   6.2 s",
        "   The stage was killed at its limit of 2 GiB.",
        "   The next attempt has memory 4 GiB instead of 2 GiB.",
    ]


def test_an_attempt_is_no_error_where_nothing_but_errors_is_told() -> None:
    shown = Shown(Manner(quiet=True))
    assert shown.after(attempt_failed()) == shown.errors.getvalue() == ""


def test_quiet_prints_the_bare_result_and_sends_errors_to_standard_error() -> None:
    shown = Shown(Manner(quiet=True))
    end = JobFinished(job="j", verdict=Verdict.SUCCESS, exit_code=0, result=("out/film.mkv",))
    text = shown.after(JOB, started(), log_line("x", "ERROR"), finished(), failed(), end)
    assert text == "out/film.mkv\n"
    assert shown.errors.getvalue().startswith(" ✗ 06_asr     out of memory")


def test_a_build_says_what_it_builds_and_why() -> None:
    events = (
        BuildStarted(image="stagerun/06_asr:main", reason="not built yet"),
        BuildProgress(image="stagerun/06_asr:main", step="[2/3] RUN", line="gcc"),
        BuildFinished(image="stagerun/06_asr:main", duration_seconds=12.5, size_bytes=116_000_000),
    )
    assert Shown().after(*events).splitlines() == [
        "   stagerun/06_asr:main   building: not built yet",
        " ✓ stagerun/06_asr:main   built    12.5 s    116 MB",
    ]
    assert "   gcc\n" in Shown(Manner(verbose=True)).after(*events)


def test_a_copy_is_announced_where_nothing_moves() -> None:
    copying = (Copying(path="film.mkv", done=done, total=4 * 10**9) for done in (0, 10, 4 * 10**9))
    assert Shown().after(*copying) == "   film.mkv   copying 4.0 GB\n"


def test_stages_of_several_jobs_are_told_apart() -> None:
    shown = Shown()
    for label in ("a", "b"):
        observer = shown.console.of_job(f"/w/{label}", label)
        observer(JOB)
        observer(finished())
        observer(Notice(stage=None, message="Ctrl-C"))
    lines = [line for line in shown.out.getvalue().splitlines() if "segments" in line]
    assert [line.split()[1] for line in lines] == [f"a/{STAGE}", f"b/{STAGE}"]


def test_a_notice_names_the_job_whose_stage_it_is_about() -> None:
    shown = Shown()
    shown.console.of_job("/w/a", "a")(Notice(stage=STAGE, message="no GPU was granted"))
    assert f"a/{STAGE}: no GPU was granted" in shown.out.getvalue()


def test_no_escape_codes_without_colour_and_some_with_it() -> None:
    assert "\x1b" not in Shown().after(JOB, finished(), failed())
    assert "\x1b[32m ✓ \x1b[0m" in Shown(Manner(colour=True)).after(finished())


@pytest.mark.parametrize("width", [40, 60, 80, 200])
def test_long_names_never_break_the_layout(width: int) -> None:
    shown = Shown(Manner(width=lambda: width))
    stage = "99_" + "very_long_name_" * 8
    text = shown.after(
        JobStarted(job="j", headline="x" * 300, stages=(stage, STAGE)),
        finished(stage=stage, summary="字幕.srt " * 60),
        failed(stage=stage, summary="words " * 100),
    )
    assert max(map(cells, text.splitlines())) <= width


def test_another_locale_gets_marks_that_it_has() -> None:
    file = TextIOWrapper(BytesIO(), encoding="latin-1", newline="")
    Console(Stream(file), Stream(StringIO()), Manner())(finished(summary="字 · →"))
    file.seek(0)
    assert file.read() == " + 06_asr     4.1 s     64 MB   ? - ->\n"


def test_a_reader_that_leaves_does_not_stop_the_work() -> None:
    shown = Shown()
    shown.out.close()
    shown.console(finished())
    shown.console(failed())


def test_a_terminal_that_is_closed_does_not_stop_the_work(window: Window) -> None:
    stream = Stream(window.file)
    console = Console(stream, Stream(StringIO()), Manner(live=True))
    console(started())
    window.close()
    console(finished(stage="01_demux", run_id="another"))
    assert stream.gone
    console(started())
    console(finished())
    console.close()


def test_the_record_of_a_run_is_named_so_that_it_can_be_found() -> None:
    text = Shown().after(failed(details=(f"record: out/.stagerun/runs/{RUN}",)))
    assert RUN in text


def test_warnings_without_end_do_not_fill_the_terminal() -> None:
    warnings = [log_line(f"warning {number}", "WARNING") for number in range(1000)]
    text = Shown().after(*warnings)
    assert "warning 99\n" in text
    assert "warning 100\n" not in text
    assert text.endswith("more warnings follow, which stage.log has\n")
    assert "warning 999" in Shown(Manner(verbose=True)).after(*warnings)


def test_a_message_without_end_is_cut() -> None:
    assert len(Shown().after(log_line("x" * 10**6, "ERROR"))) < 3000
