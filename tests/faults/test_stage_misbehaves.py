"""Stages that try what they may not, or do too much of what they may."""

from pathlib import Path

import pytest

from runner.host.engine import LABEL, DockerEngine
from tests.faults.calls import (
    assert_previous_result_is_kept,
    ended,
    misbehave,
    program,
    started,
    wait_until,
)
from tests.project_kit import Kit

pytestmark = pytest.mark.engine


def test_a_stage_can_write_nowhere_but_into_its_own_folder(real_kit: Kit, job: Path) -> None:
    outcome = misbehave(
        real_kit,
        job,
        before="""
        written = []
        for place in ("/job/x", "/job/input/x", "/job/job.yaml", "/job/manifest.json", "/etc/x",
                      "/job/.stagerun/x", "/job/51_next", "/job/logs/x", "/app/x", "/entry.sh",
                      "/job/input/text.txt", "/run/x", "/var/tmp/x", "/usr/x"):
            try:
                open(place, "a").close()
                written.append(place)
            except OSError:
                pass
        for what in (lambda: os.rename(folder, "/job/other"), lambda: os.rmdir("/job/input"),
                     lambda: os.link("/job/input/text.txt", folder / "hard"),
                     lambda: os.remove("/job/input/text.txt"),
                     lambda: os.setuid(0 if os.getuid() else 1),
                     lambda: os.chown(folder / "copy.txt", 4321, 4321)):
            try:
                what()
                written.append(what.__code__.co_consts)
            except OSError:
                pass
        if written:
            io.manifest.add_warning(f"wrote {written}")
        """,
    )

    assert (outcome.code, outcome.entry["warnings"]) == (0, []), outcome.text
    assert sorted(path.name for path in job.iterdir()) == [
        ".stagerun", "50_probe", "input", "job.yaml", "logs", "manifest.json",
    ]  # fmt: skip
    assert (job / "input/text.txt").read_text() == "hello\n"


def test_a_stage_reaches_no_network(real_kit: Kit, job: Path) -> None:
    outcome = misbehave(
        real_kit,
        job,
        before="""
        for address in (("192.0.2.1", 80), ("172.17.0.1", 22)):
            try:
                socket.create_connection(address, timeout=5)
                sys.exit("reached " + address[0])
            except OSError as problem:
                print(address, problem.strerror)
        try:
            socket.getaddrinfo("example.org", 80)
            sys.exit("resolved a name")
        except OSError:
            pass
        print("interfaces", [name for _, name in socket.if_nameindex()])
        """,
    )

    assert outcome.code == 0, outcome.text
    assert outcome.record is not None
    output = (job / ".stagerun/runs" / outcome.record["run_id"] / "output.log").read_text()
    assert "Network is unreachable" in output
    assert "interfaces ['lo']" in output


def test_a_stage_that_forks_without_end_stops_at_its_limit(real_kit: Kit, job: Path) -> None:
    outcome = misbehave(
        real_kit,
        job,
        """
        while True:
            if os.fork() == 0:
                time.sleep(60)
        """,
    )

    assert (outcome.code, outcome.verdict) == (1, "stage_failed"), outcome.text
    assert "Resource temporarily unavailable" in outcome.text
    assert_previous_result_is_kept(job, outcome)


def test_processes_that_outlive_their_stage_do_not_spoil_its_success(
    real_kit: Kit, job: Path
) -> None:
    outcome = misbehave(
        real_kit,
        job,
        after="""
        try:
            while True:
                if os.fork() == 0:
                    time.sleep(60)
        except BlockingIOError:
            os._exit(0)
        """,
    )

    assert (outcome.code, outcome.verdict) == (0, "success"), outcome.text


def test_a_hundred_megabytes_of_output_are_read_and_cut(real_kit: Kit, job: Path) -> None:
    outcome = misbehave(
        real_kit,
        job,
        "subprocess.run('yes 0123456789012345678901234567890123456789 | head -c 100000000',"
        " shell=True, check=True)",
    )

    assert outcome.code == 0, outcome.text
    assert outcome.record is not None
    log = job / ".stagerun/runs" / outcome.record["run_id"] / "output.log"
    assert log.stat().st_size < 17 << 20
    assert "more bytes were not kept" in log.read_text()[-100:]
    assert len(outcome.text) < 10_000


def test_a_line_without_end_and_records_that_are_none_are_output_like_any_other(
    real_kit: Kit, job: Path
) -> None:
    outcome = misbehave(
        real_kit,
        job,
        r"""
        err = sys.stderr.buffer
        err.write(b"x" * 5_000_000 + b"\n")
        for text in (b"[" * 60000, b'{"type": "log"}', b'{"type": ["log"]}', b"5", b"\xff\xfe",
                     b'{"type": "progress", "done": 1' + b"0" * 400 + b"}",
                     b'{"type": "progress", "done": NaN}',
                     b'{"type": "end", "cpu_seconds": 1' + b"0" * 400 + b"}",
                     b'{"type": "end", "oom_kills": 7}',
                     b'{"type": "log", "level": "INFO", "time": "x", "message": "\\ud800"}',
                     b'{"type": "log", "level": "INFO", "time": "x", "message": "\\u001b[2J"}',
                     b'{"type": "log", "level": "INFO", "time": 5, "message": {}, "part": "a"}'):
            err.write(b"\x1e" + text + b"\n")
        err.flush()
        """,
    )

    assert (outcome.code, outcome.entry["warnings"]) == (0, []), outcome.text
    assert "\x1b[2J" not in outcome.text


def test_a_stage_that_ignores_sigterm_is_killed_after_the_grace(real_kit: Kit, job: Path) -> None:
    outcome = misbehave(
        real_kit,
        job,
        "signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)",
        "",
        "--timeout",
        "4s",
    )

    assert (outcome.code, outcome.verdict) == (8, "timeout"), outcome.text
    assert "time limit of 4.0 s" in outcome.text
    assert outcome.record is not None
    assert outcome.record["evidence"]["exit_code"] == 137
    assert 6 <= outcome.record["duration_seconds"] < 13
    assert_previous_result_is_kept(job, outcome)


def test_an_error_text_of_any_length_and_content_is_told_in_one_short_line(
    real_kit: Kit, job: Path
) -> None:
    outcome = misbehave(
        real_kit,
        job,
        r"io.finalize(status='failed', error='first\x1b[2J\r\nsecond' + 'x' * 10**6); sys.exit(1)",
    )

    assert (outcome.code, outcome.verdict) == (1, "stage_failed"), outcome.text[:500]
    assert "first" in outcome.text
    assert "\x1b" not in outcome.text
    assert len(outcome.text) < 10_000


def test_a_report_that_the_stage_forges_is_not_taken_for_the_real_one(
    real_kit: Kit, job: Path
) -> None:
    forged = r'{"type": "end", "oom_kills": 3, "memory_peak_bytes": 1' + "0" * 400 + "}"

    outcome = misbehave(
        real_kit,
        job,
        f"""
        sys.stderr.write("\\x1e" + {forged!r} + "\\n")
        sys.stderr.flush()
        sys.exit(1)
        """,
    )

    assert (outcome.code, outcome.verdict) == (1, "stage_failed"), outcome.text


@pytest.mark.parametrize("way", ["kill", "remove"])
def test_a_container_that_somebody_else_ends_is_a_failed_run(
    real_kit: Kit, job: Path, engine: DockerEngine, way: str
) -> None:
    real_kit.code("50_probe", program("(folder / 'ready').touch(); time.sleep(60)"))
    with started(real_kit, "50_probe", job, "--dev", "--force") as process:
        wait_until((job / "50_probe/ready").exists, "the stage runs")
        (container,) = engine.containers({f"{LABEL}job": str(job)})
        if way == "kill":
            container.signal("SIGKILL")
        else:
            container.remove()
        text, _ = process.communicate(timeout=30)

    outcome = ended(job, "50_probe", process.returncode, text)
    assert "Traceback" not in text
    assert (outcome.code, outcome.verdict) == (1, "stage_failed"), text
    assert "killed by a signal that stagerun did not send" in text
    assert_previous_result_is_kept(job, outcome)
