"""The command as people meet it: on a terminal, in a pipe, interrupted, and quick to start."""

import contextlib
import os
import re
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from runner.host.engine import DockerEngine
from tests.project_kit import STAGERUN, Kit
from tests.terminal import on_terminal

COLOUR = re.compile(r"\x1b\[[0-9;]*3[0-9][0-9;]*m")
SHOW_CURSOR, HIDE_CURSOR = "\x1b[?25h", "\x1b[?25l"
PROGRESS = """\
import os, shutil, sys, time
from pathlib import Path
from shared.stage_utils import StageIO

io = StageIO("50_probe", Path(os.environ["OUTPUT_DIR"]), enable_manifest=True)
logger = io.get_stage_logger()
for step in range(30):
    io.progress(step + 1, 30, "pages")
    time.sleep(0.1)
logger.warning("evil \\x1b]0;title\\x07 line")
shutil.copyfile(io.input("text"), io.output("copy"))
io.finalize(status="success")
"""
STUBBORN = """\
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("up", flush=True)
time.sleep(300)
"""


def leftovers(engine: DockerEngine, job: Path) -> int:
    """How many containers of a job there are; they are removed."""
    found = engine.containers({"org.stagerun.job": str(job)})
    for container in found:
        container.remove()
    return len(found)


@pytest.mark.engine
def test_a_terminal_shows_progress_in_place_and_is_left_as_it_was(real_kit: Kit) -> None:
    real_kit.job()
    real_kit.code("50_probe", PROGRESS)
    with on_terminal(real_kit, "run", "out/job", "--upto", "probe", "--dev") as terminal:
        text = terminal.read()
        assert terminal.process.wait() == 0, text
    assert re.search(r"\d+ %   \d+ of 30 pages", text)
    assert re.search(r"about \d+ s left", text)
    assert COLOUR.search(text)
    assert "✓" in text
    assert text.rfind(SHOW_CURSOR) > text.rfind(HIDE_CURSOR) >= 0
    assert "\x1b]0;" not in text
    assert "WARNING evil \\x1b]0;title\\x07 line" in text


@pytest.mark.engine
def test_no_color_keeps_the_moving_line_and_drops_the_colours(real_kit: Kit) -> None:
    real_kit.job()
    with on_terminal(real_kit, "probe", "out/job", NO_COLOR="1") as terminal:
        text = terminal.read()
    assert HIDE_CURSOR in text
    assert not COLOUR.search(text)


@pytest.mark.engine
def test_a_dumb_terminal_gets_plain_lines(real_kit: Kit) -> None:
    real_kit.job()
    with on_terminal(real_kit, "probe", "out/job", TERM="dumb") as terminal:
        assert "\x1b" not in terminal.read()


@pytest.mark.engine
def test_a_pipe_gets_the_same_lines_and_no_escape_codes(real_kit: Kit) -> None:
    real_kit.job()
    real_kit.code("51_next", "raise SystemExit('\\x1b[2Jbroken')")
    ended = real_kit.run("run", "out/job", "--dev", "-v", FORCE_COLOR="1")
    assert ended.returncode == 1
    assert "\x1b" not in ended.stdout + ended.stderr
    lines = ended.stdout.splitlines()
    assert lines[0] == "out/job · text.txt · workflow copy"
    assert any(line.startswith(" ✓ 50_probe") for line in lines)
    assert any(line.startswith(" ✗ 51_next") for line in lines)
    assert any("broken" in line for line in lines)
    assert ended.stderr == ""


@pytest.mark.engine
@pytest.mark.parametrize(("name", "code"), [("SIGINT", 130), ("SIGTERM", 143), ("SIGHUP", 129)])
def test_a_signal_says_what_it_stops_and_a_second_one_kills(
    real_kit: Kit, engine: DockerEngine, name: str, code: int
) -> None:
    job = real_kit.job()
    real_kit.code("50_probe", STUBBORN)
    real_kit.settings("limits: {stop_grace: 120s}\n")
    with (
        on_terminal(real_kit, "run", "out/job", "--dev") as terminal,
        contextlib.ExitStack() as stack,
    ):
        stack.callback(leftovers, engine, job)
        terminal.read(lambda text: "0:01" in text)
        terminal.process.send_signal(getattr(signal, name))
        terminal.read(lambda text: "stopping 50_probe" in text)
        terminal.process.send_signal(getattr(signal, name))
        text = terminal.read()
        assert terminal.process.wait() == code, text
        assert leftovers(engine, job) == 0
    assert "killing 50_probe" in text
    assert text.rfind(SHOW_CURSOR) > text.rfind(HIDE_CURSOR)


@pytest.mark.engine
def test_a_reader_that_leaves_early_neither_stops_the_job_nor_sees_a_traceback(
    real_kit: Kit,
) -> None:
    job = real_kit.job()
    command = f"'{STAGERUN}' run out/job | head -n 1"
    ended = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command],
        cwd=real_kit.root, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout == "out/job · text.txt · workflow copy\n"
    assert (job / "52_last/copy.txt").exists()


@pytest.mark.engine
def test_closed_streams_do_no_harm(real_kit: Kit) -> None:
    job = real_kit.job()
    command = f"'{STAGERUN}' run out/job >&- 2>&-"
    ended = subprocess.run(["bash", "-c", command], cwd=real_kit.root, timeout=120, check=False)
    assert ended.returncode == 0
    assert (job / "52_last/copy.txt").exists()


@pytest.mark.engine
def test_a_job_is_in_one_pipeline_log_in_full(real_kit: Kit) -> None:
    job = real_kit.job()
    real_kit.run("run", "out/job")
    (log,) = (job / "logs").glob("99_pipeline_*.log")
    lines = log.read_text().splitlines()
    assert sum("[INFO] copied" in line for line in lines) == 3
    assert all(re.match(r"\[[-0-9T:.]+Z\] \[\w+\] \[\w+\] ", line) for line in lines)


@pytest.mark.engine
def test_a_cached_stage_loads_nothing_heavy(real_kit: Kit) -> None:
    real_kit.job()
    assert real_kit.run("probe", "out/job").returncode == 0
    ended = subprocess.run(
        [sys.executable, "-X", "importtime", str(STAGERUN), "probe", "out/job"],
        cwd=real_kit.root, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert "cached" in ended.stdout
    heavy = re.findall(r"\| +(rich|pydantic|yaml|psutil|docker|requests)\n", ended.stderr)
    assert heavy == []


def test_version_takes_hardly_longer_than_python_itself() -> None:
    def seconds(*words: str) -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(words, capture_output=True, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return (after.ru_utime + after.ru_stime) - (before.ru_utime + before.ru_stime)

    pairs = [
        (seconds(sys.executable, "-c", "pass"), seconds(str(STAGERUN), "--version"))
        for _ in range(10)
    ]
    python, version = (min(times) for times in zip(*pairs, strict=True))
    assert version < 3 * python, pairs
    told = subprocess.run([str(STAGERUN), "--version"], capture_output=True, check=True)
    assert told.stdout.startswith(b"stagerun ")


def test_bash_completes_stages_and_verbs(kit: Kit) -> None:
    script = 'eval "$(stagerun completion bash)"; COMP_WORDS=(stagerun st); COMP_CWORD=1; '
    script += '_stagerun_completion stagerun; printf "%s\\n" "${COMPREPLY[@]}"'
    ended = subprocess.run(
        ["bash", "-c", script], cwd=kit.root, capture_output=True, text=True, check=False,
        env={**os.environ, "PATH": f"{STAGERUN.parent}:{os.environ['PATH']}"}, timeout=60,
    )  # fmt: skip
    assert ended.stdout.split() == ["status", "stages"], ended.stderr
