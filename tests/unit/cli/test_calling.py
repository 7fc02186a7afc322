"""First words, errors and exit codes."""

import json
from io import StringIO
from pathlib import Path

import pytest

from runner.cli.calling import answer, whole_streams
from runner.cli.context import Context
from runner.cli.options import wait_seconds
from runner.cli.verbs import VERBS
from tests.project_kit import Kit


@pytest.fixture(autouse=True)
def in_the_project(kit: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(kit.root)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["statsu", "out/job"], 'no verb or stage "statsu"; did you mean status?'),
        (["prob", "out/job"], 'no stage "prob"; did you mean 50_probe?'),
        (["zzz"], "there are 50_probe, 51_next, 52_last"),
        (["run"], "See: stagerun run --help"),
        (["run", "--nonsense"], "--nonsense"),
        (["--nonsense"], "See: stagerun --help"),
        (["probe", "out/gone"], "stagerun init out/gone"),
        (["--project", "nowhere", "run", "x"], "nowhere is no project"),
    ],
)
def test_what_is_wrong_is_told_with_a_way_out(
    words: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert answer(words, Context()) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith("stagerun: ")
    assert told in captured.err
    assert captured.out == ""


def test_programs_read_errors_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert answer(["--json", "probe", "out/gone"], Context()) == 2
    document = json.loads(capsys.readouterr().out)
    assert (document["type"], document["exit_code"]) == ("error", 2)


def test_what_nobody_foresaw_of_the_file_system_is_a_sentence_and_no_traceback(
    kit: Kit, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("STAGERUN_TRACEBACK", raising=False)
    job = kit.job("job", "hello\n")
    (job / "manifest.json").mkdir()
    (job / "logs").mkdir(exist_ok=True)
    (job / "logs" / "99_pipeline_1_1.log").symlink_to("gone")
    assert answer(["logs", str(job)], Context()) == 2
    captured = capsys.readouterr()
    assert "No such file or directory" in captured.err
    assert "99_pipeline_1_1.log" in captured.err
    assert "Traceback" not in captured.err


def test_an_error_cannot_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    answer(["run", "\x1b[2Jgone"], Context())
    assert "\x1b" not in capsys.readouterr().err


def test_a_typing_error_outside_a_project_is_still_recognised(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    answer(["statsu"], Context())
    assert "did you mean status?" in capsys.readouterr().err


def test_without_words_the_verbs_are_listed_by_purpose(capsys: pytest.CaptureFixture[str]) -> None:
    assert answer([], Context()) == 0
    text = capsys.readouterr().out
    assert all(f"\n  {name} " in text for name in VERBS)
    assert text.index("Run:") < text.index("Look:") < text.index("Images, models and machine:")


@pytest.mark.parametrize("name", VERBS)
def test_every_verb_can_be_asked_for_help(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert answer([name, "--help"], Context()) == 0
    assert f"Usage: stagerun {name}" in capsys.readouterr().out


@pytest.mark.parametrize("before", [True, False])
def test_switches_count_before_and_behind_the_verb(
    before: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--json", "stages"] if before else ["stages", "--json"]
    assert answer(words, Context()) == 0
    json.loads(capsys.readouterr().out)


def test_a_caller_that_closed_its_streams_is_one_who_neither_types_nor_reads() -> None:
    with whole_streams(None, None, None) as (keyboard, out, errors):
        assert (keyboard.isatty(), keyboard.read()) == (False, "")
        assert not out.isatty()
        assert out.write("told") == errors.write("told")


def test_streams_that_the_caller_left_open_stay_what_they_are() -> None:
    given = (StringIO(), StringIO(), StringIO())
    with whole_streams(*given) as streams:
        assert streams == given
    assert not any(stream.closed for stream in given)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts_call_the_program(
    shell: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert answer(["completion", shell], Context()) == 0
    assert "_STAGERUN_COMPLETE" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "seconds"), [(None, 0), ("", float("inf")), ("90", 90), ("1.5h", 5400)]
)
def test_waiting_takes_a_time_or_none(text: str | None, seconds: float) -> None:
    assert wait_seconds(text) == seconds


@pytest.mark.parametrize(
    ("words", "seen"),
    [
        (["--wait", "job"], ("", "job")),
        (["--wait", "90s", "job"], ("90s", "job")),
        (["job", "--wait"], ("", "job")),
        (["--wait=5m", "job"], ("5m", "job")),
    ],
)
def test_wait_does_not_swallow_the_job(words: list[str], seen: tuple[str, str]) -> None:
    from runner.cli.run import stage_command

    command = stage_command("probe")
    call = command.make_context("probe", words, obj=Context())
    assert (call.params["wait"], str(call.params["place"])) == seen
