"""Stages that break their contract: each is told so, and the result before it is kept."""

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from runner.host.engine import LABEL, DockerEngine
from tests.faults.calls import Ended, call, ended, program, started, wait_until
from tests.project_kit import Kit

pytestmark = pytest.mark.engine


def misbehave(kit: Kit, job: Path, before: str = "", after: str = "", *options: str) -> Ended:
    kit.code("50_probe", program(before, after))
    return call(kit, job, "--force", *options)


def assert_previous_result_is_kept(job: Path, outcome: Ended) -> None:
    assert (job / ".stagerun/previous/50_probe/copy.txt").read_text() == "new\n"
    assert outcome.entry["good_is"] == "previous"
    assert "stagerun restore 50_probe" in outcome.text


BROKEN_MANIFESTS = {
    "none": ("(folder / 'manifest.json').unlink()", "there is no manifest.json"),
    "half": ("(folder / 'manifest.json').write_text('{\"stage\": \"pro')", "not whole JSON"),
    "empty": ("(folder / 'manifest.json').write_text('')", "not whole JSON"),
    "text": ("(folder / 'manifest.json').write_bytes(bytes(range(256)))", "not whole JSON"),
    "1 GB": ("os.truncate(folder / 'manifest.json', 10**9)", "manifest.json is 1.0 GB large"),
    "deep": (
        "(folder / 'manifest.json').write_text('[' * 10**6)",
        "not whole JSON",
    ),
    "link": (
        "(folder / 'manifest.json').rename(folder / 'real.json'); "
        "(folder / 'manifest.json').symlink_to('real.json')",
        "manifest.json is a symbolic link",
    ),
    "pipe": (
        "(folder / 'manifest.json').unlink(); os.mkfifo(folder / 'manifest.json')",
        "manifest.json is not a regular file",
    ),
    "folder": (
        "(folder / 'manifest.json').unlink(); (folder / 'manifest.json').mkdir()",
        "manifest.json is not a regular file",
    ),
    "other shape": (
        "(folder / 'manifest.json').write_text('{\"stage\": 5}')",
        "manifest.json does not fit the schema: stage",
    ),
}


@pytest.mark.parametrize("kind", BROKEN_MANIFESTS)
def test_a_broken_manifest_is_a_contract_violation(real_kit: Kit, job: Path, kind: str) -> None:
    change, message = BROKEN_MANIFESTS[kind]

    outcome = misbehave(real_kit, job, after=change)

    assert (outcome.code, outcome.verdict) == (3, "contract_violation"), outcome.text
    assert message in outcome.text
    assert_previous_result_is_kept(job, outcome)


def test_a_stage_that_never_opens_its_folder_owes_a_manifest(real_kit: Kit, job: Path) -> None:
    real_kit.code("50_probe", "print('done')")

    outcome = call(real_kit, job, "--force")

    assert (outcome.code, outcome.verdict) == (3, "contract_violation")
    assert "A stage opens a StageIO and calls finalize()" in outcome.text
    assert_previous_result_is_kept(job, outcome)


BROKEN_OUTPUTS = {
    "missing": ("os.remove(folder / 'copy.txt')", "copy.txt", "not there"),
    "other size": ("(folder / 'copy.txt').write_text('!')", "copy.txt", "tracked with 4 bytes"),
    "undeclared": ("(folder / 'more.bin').write_bytes(b'x')", "more.bin", "declared nowhere"),
    "link": (
        "os.remove(folder / 'copy.txt'); (folder / 'copy.txt').symlink_to('/job/input/text.txt')",
        "copy.txt",
        "is a symbolic link",
    ),
    "pipe": ("os.mkfifo(folder / 'pipe')", "pipe", "is a FIFO"),
    "name that is no text": (
        "open(os.fsencode(folder) + b'/\\xff.txt', 'w').close()",
        "\\xff.txt",
        "has a name that is not UTF-8 text",
    ),
}


@pytest.mark.parametrize("kind", BROKEN_OUTPUTS)
def test_an_output_unlike_its_declaration_is_named(real_kit: Kit, job: Path, kind: str) -> None:
    change, path, problem = BROKEN_OUTPUTS[kind]

    outcome = misbehave(real_kit, job, after=change)

    assert (outcome.code, outcome.verdict) == (3, "contract_violation"), outcome.text
    named = [finding for finding in outcome.findings if finding.startswith(f"{path}: ")]
    assert problem in "\n".join(named)
    assert path in outcome.text
    assert_previous_result_is_kept(job, outcome)


def test_an_output_that_lies_outside_the_folder_is_named(real_kit: Kit, job: Path) -> None:
    outcome = misbehave(
        real_kit,
        job,
        after="""
        import json
        document = json.loads((folder / "manifest.json").read_text())
        for path in ("../51_next/copy.txt", "/etc/passwd", "input/text.txt", "50_probe/../x"):
            document["outputs"].append({"type": "text", "path": path})
        (folder / "manifest.json").write_text(json.dumps(document))
        """,
    )

    assert (outcome.code, outcome.verdict) == (3, "contract_violation"), outcome.text
    for path in ("../51_next/copy.txt", "/etc/passwd", "input/text.txt", "50_probe/../x"):
        assert f"{path}: tracked as an output, but lies outside the stage's folder" in (
            outcome.findings
        )
    assert_previous_result_is_kept(job, outcome)


def test_findings_beyond_the_first_hundred_are_counted(real_kit: Kit, job: Path) -> None:
    outcome = misbehave(
        real_kit, job, after="for n in range(250): (folder / f'{n}.bin').write_bytes(b'')"
    )

    assert outcome.record is not None
    assert (outcome.code, outcome.record["findings_total"]) == (3, 250)
    assert len(outcome.record["findings"]) == 100


@pytest.fixture
def removed_at_the_end(job: Path) -> Iterator[None]:
    """Pytest itself cannot remove what is nested so deep, should the runner have left it."""
    yield
    subprocess.run(["rm", "-rf", job], check=True, timeout=60)


@pytest.mark.usefixtures("removed_at_the_end")
def test_folders_nested_deeper_than_a_path_is_long_are_refused_and_removed(
    real_kit: Kit, job: Path
) -> None:
    outcome = misbehave(
        real_kit,
        job,
        after="""
        os.chdir(folder)
        for _ in range(3000):
            os.mkdir("d")
            os.chdir("d")
        """,
    )

    assert (outcome.code, outcome.verdict) == (3, "contract_violation"), outcome.text
    assert "a folder in it cannot be read: File name too long" in outcome.text
    assert misbehave(real_kit, job).code == 0


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
        "1s",
    )

    assert (outcome.code, outcome.verdict) == (8, "timeout"), outcome.text
    assert "time limit of 1.0 s" in outcome.text
    assert outcome.record is not None
    assert outcome.record["evidence"]["exit_code"] == 137
    assert 3 <= outcome.record["duration_seconds"] < 10
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


def test_more_warnings_than_anybody_reads_are_cut_and_counted(real_kit: Kit, job: Path) -> None:
    outcome = misbehave(
        real_kit,
        job,
        after="""
        import json
        document = json.loads((folder / "manifest.json").read_text())
        document["warnings"] = ["w" * 5000] + [f"warning {n}" for n in range(100_000)]
        (folder / "manifest.json").write_text(json.dumps(document))
        """,
    )

    assert outcome.code == 0, outcome.text[:500]
    assert len(outcome.entry["warnings"]) == 101
    assert len(outcome.entry["warnings"][0]) == 1000
    assert outcome.entry["warnings"][-1].startswith("and 99901 more warnings")
    assert (job / "manifest.json").stat().st_size < 20_000


def test_a_manifest_with_very_many_outputs_is_checked_in_reasonable_time(
    real_kit: Kit, job: Path
) -> None:
    begun = time.monotonic()

    outcome = misbehave(
        real_kit,
        job,
        after="""
        import json
        for number in range(2000):
            (folder / f"{number}.bin").touch()
        document = json.loads((folder / "manifest.json").read_text())
        document["outputs"] += [
            {"type": "text", "path": f"50_probe/no{n}.bin"} for n in range(50_000)
        ]
        (folder / "manifest.json").write_text(json.dumps(document))
        """,
    )

    assert outcome.record is not None
    assert (outcome.code, outcome.record["findings_total"]) == (3, 52_000), outcome.text[:500]
    assert time.monotonic() - begun < 15


@pytest.mark.parametrize(
    ("status", "end", "code", "verdict"),
    [
        ("success", "sys.exit(4)", 1, "stage_failed"),
        ("failed", "sys.exit(0)", 1, "stage_failed"),
        ("skipped", "sys.exit(0)", 0, "skipped"),
        ("running", "os._exit(0)", 3, "contract_violation"),
        ("running", "os._exit(9)", 1, "stage_failed"),
    ],
)
def test_manifest_and_exit_code_are_judged_together(
    real_kit: Kit, job: Path, status: str, end: str, code: int, verdict: str
) -> None:
    finalize = "" if status == "running" else f"io.finalize(status={status!r}, reason='so')\n"

    outcome = misbehave(real_kit, job, finalize + end)

    assert (outcome.code, outcome.verdict) == (code, verdict), outcome.text


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
